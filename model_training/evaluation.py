"""Evaluation: the scores of an artefact and of the baselines on the same cases."""

from __future__ import annotations

import numpy as np

from model_training import baselines, calibration
from model_training.artifact import Artifact
from model_training.datasets import Dataset
from model_training.features import Floats
from model_training.manifest import EventScores, Score
from model_training.pool import Pool
from solar.skill import Estimate, Stacked, stack_cases, summary

MODEL = "model"
# Yes/no scores of an entrant without a threshold of its own would be an accident.
_YES_NO = (
    "tss", "hss1", "hss2", "gs", "accuracy", "precision", "recall", "far", "pofd", "bias",
)  # fmt: skip
_PROBABILITY = ("brier", "bss", "auc", "average_precision")
_SEED = 27


def evaluate(
    artifact: Artifact, dataset: Dataset, *, past: Dataset
) -> dict[str, dict[str, EventScores]]:
    """Score the artefact as it is served.

    Parameters
    ----------
    past : rows from whose outcomes the climatology baselines are made

    Returns
    -------
    entrant -> event -> scores. Rows of unknown truth are left out and counted.
    """
    forecast = artifact.score(dataset.features).calibrated
    names = [event.name for event in artifact.manifest.events]
    columns = {name: forecast[:, place] for place, name in enumerate(names)}
    return _score_entrants(artifact, dataset, columns, past=past)


def evaluate_validation(
    artifact: Artifact, pool: Pool, *, past: Dataset
) -> dict[str, dict[str, EventScores]]:
    """Score the out-of-fold forecasts of the pool, each calibrated without its block."""
    columns = {}
    for event in artifact.manifest.events:
        truth = pool.rows.truth[event.name]
        rows = ~np.isnan(truth)
        column = np.full(len(truth), np.nan)
        column[rows] = calibration.cross_fitted(
            event.calibration.kind, pool.raw[rows, event.column],
            outcome=truth[rows], blocks=pool.blocks[rows],
        )  # fmt: skip
        columns[event.name] = column
    return _score_entrants(artifact, pool.rows, columns, past=past)


def _score_entrants(
    artifact: Artifact, dataset: Dataset, columns: dict[str, Floats], *, past: Dataset
) -> dict[str, dict[str, EventScores]]:
    book: dict[str, dict[str, EventScores]] = {}
    for event in artifact.manifest.events:
        entrants = {MODEL: columns[event.name]}
        entrants |= baselines.probabilities(dataset, event.name, past=past)
        thresholds: dict[str, float | None] = {
            MODEL: event.threshold,
            baselines.PERSISTENCE: 0.5,
        }
        for entrant, scores in _score_event(
            dataset, event.name, entrants=entrants, thresholds=thresholds
        ).items():
            book.setdefault(entrant, {})[event.name] = scores
    return book


def _score_event(
    dataset: Dataset,
    event: str,
    *,
    entrants: dict[str, Floats],
    thresholds: dict[str, float | None],
) -> dict[str, EventScores]:
    truth = dataset.truth[event]
    forecast = ~np.isnan(np.stack(list(entrants.values()))).any(axis=0)
    cases = forecast & ~np.isnan(truth)
    day = dataset.t_rec[cases]
    stacked = {
        name: stack_cases(column[cases], truth[cases], day=day) for name, column in entrants.items()
    }
    n_unknown = int(np.count_nonzero(np.isnan(truth)))
    return {
        name: _score_entrant(name, stacked, threshold=thresholds.get(name), n_unknown=n_unknown)
        for name in stacked
    }


def _score_entrant(
    entrant: str, stacked: dict[str, Stacked], *, threshold: float | None, n_unknown: int
) -> EventScores:
    whole = summary(
        stacked[entrant],
        threshold=0.5 if threshold is None else threshold,
        rng=np.random.default_rng(_SEED),
        references={name: other for name, other in stacked.items() if name != entrant},
    )
    kept = _PROBABILITY if threshold is None else _YES_NO + _PROBABILITY
    scores = {name: _rounded(whole.scores[name]) for name in kept}
    scores |= {f"bss_vs_{name}": _rounded(versus.bss) for name, versus in whole.versus.items()}
    return EventScores(
        n=whole.n, n_events=whole.n_events, n_unknown=n_unknown, threshold=threshold, scores=scores
    )


def _rounded(estimate: Estimate) -> Score:
    value, low, high = (
        None if number is None else round(number, 5)
        for number in (estimate.value, estimate.low, estimate.high)
    )
    return Score(value=value, low=low, high=high)
