"""Evaluation: the forecasts of an artefact and of the baselines, on the same cases.

The baselines are climatology and persistence, which need no training.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from model_training.artefact.artifact import Artifact
from model_training.data.dataset import Dataset
from model_training.features import Floats, Inputs
from model_training.fitting.out_of_fold import OutOfFold
from model_training.judging.evidence import Evidence, Part
from model_training.recipe.estimators import LogisticRegressionConfig
from solar.flares import LEADS
from solar.flares import event as find_event

CLIMATOLOGY_DAYS = (120, 365)
PERSISTENCE = "persistence"
# The plain model on the same inputs, which every other one has to beat.
REFERENCE = "plain-regression"
PLAIN = LogisticRegressionConfig(kind="logistic-regression")


def baseline_forecasts(dataset: Dataset, event: str, *, past: Dataset) -> dict[str, Floats]:
    """Forecast the rows of `dataset` with every baseline, (n,) each, NaN = no forecast.

    A data set that does not tell the flares before t has no persistence.

    `past` holds the rows whose outcomes make the climatology, those of `dataset` or others;
    only outcomes known before t are used.
    """
    entrants = {
        f"climatology-{days}d": climatology(dataset.t_rec, event, past=past, days=days)
        for days in CLIMATOLOGY_DAYS
    }
    if event in dataset.flared_before:
        entrants[PERSISTENCE] = persistence(dataset, event)
    return entrants


def climatology(t_rec: NDArray[np.datetime64], event: str, *, past: Dataset, days: int) -> Floats:
    """Return the event rate over the regions of the trailing days whose window has closed.

    Cases that are only learned from do not count: they may have been chosen around flares.
    """
    known = ~np.isnan(past.truth[event]) & past.is_scored
    closed_at = past.t_rec[known] + np.timedelta64(find_event(event).window.closes_after)
    order = np.argsort(closed_at, kind="stable")
    closed_at = closed_at[order]
    events = np.concatenate([[0.0], np.cumsum(past.truth[event][known][order])])
    last = np.searchsorted(closed_at, t_rec, side="right")
    first = np.searchsorted(closed_at, t_rec - np.timedelta64(days, "D"), side="right")
    count = last - first
    rate = np.full(len(t_rec), np.nan)
    np.divide(events[last] - events[first], count, out=rate, where=count > 0)
    return rate


def persistence(dataset: Dataset, event: str) -> Floats:
    """Say 1 where the region had such a flare in the last 24 hours, else 0."""
    return dataset.flared_before[event]


def with_windows(dataset: Dataset) -> Dataset:
    """Add the truth of the other windows than 24 h, where the flares are known bin by bin."""
    truth = {
        lead.name: dataset.outcome(lead) for lead in LEADS if lead.goes_class in dataset.by_bin
    }
    return replace(dataset, truth={**dataset.truth, **truth})


@dataclass(frozen=True)
class ReferenceForecasts:
    """The forecasts of the plain logistic regression, and its frozen threshold, by event."""

    forecasts: Mapping[str, Floats]
    thresholds: Mapping[str, float]


@dataclass(frozen=True)
class _Forecasts:
    """What the model says of the cases of one part: event -> (n,) probability."""

    part: Part
    cases: Dataset
    raw: Mapping[str, Floats]
    calibrated: Mapping[str, Floats]


def evidence_of_test(
    artifact: Artifact,
    cases: Dataset,
    *,
    past: Dataset,
    reference: ReferenceForecasts | None = None,
    part: Part = "test",
) -> tuple[Evidence, ...]:
    """Forecast cases as the artefact is served, of every target whose truth they tell.

    The forecasts of other windows than 24 h are not known uncalibrated.

    Parameters
    ----------
    part : what the cases are called; those of validation are seen by models of ours, not by
        one that was made elsewhere
    past : cases from whose outcomes the climatology baselines are made
    """
    scores = artifact.score_inputs(served_inputs(artifact, cases))
    names = [target.name for target in artifact.manifest.all_targets]
    raw, calibrated = (
        {name: column[:, place] for place, name in enumerate(names)}
        for column in (
            np.hstack([scores.raw, np.full_like(scores.leads, np.nan)]),
            np.hstack([scores.calibrated, scores.leads]),
        )
    )
    forecasts = _Forecasts(part, cases, raw, calibrated)
    return _gather(artifact, forecasts, past=past, reference=reference)


def evidence_of_validation(
    artifact: Artifact,
    out_of_fold: OutOfFold,
    *,
    past: Dataset,
    reference: ReferenceForecasts | None = None,
) -> tuple[Evidence, ...]:
    """Gather the out-of-fold forecasts, each calibrated without its block."""
    events = artifact.manifest.events
    raw = {event.name: out_of_fold.raw[:, event.column] for event in events}
    forecasts = _Forecasts("validation", out_of_fold.rows, raw, out_of_fold.calibrated(events))
    return _gather(artifact, forecasts, past=past, reference=reference)


def served_inputs(artifact: Artifact, cases: Dataset) -> Inputs:
    """Return the inputs of cases as the graph takes them, (n, f) or (n, steps, f)."""
    windows = cases.windows(artifact.feature_names)
    return windows[:, -1] if artifact.manifest.window_length == 1 else windows


def _gather(
    artifact: Artifact,
    forecasts: _Forecasts,
    *,
    past: Dataset,
    reference: ReferenceForecasts | None,
) -> tuple[Evidence, ...]:
    return tuple(
        _gather_event(forecasts, event.name, event.threshold, past=past, reference=reference)
        for event in artifact.manifest.all_targets
        if event.name in forecasts.cases.truth
    )


def _gather_event(
    forecasts: _Forecasts,
    event: str,
    threshold: float | None,
    *,
    past: Dataset,
    reference: ReferenceForecasts | None,
) -> Evidence:
    truth = forecasts.cases.truth[event]
    known = ~np.isnan(truth)
    entrants = baseline_forecasts(forecasts.cases, event, past=past)
    thresholds = {}
    if reference is not None and event in reference.forecasts:
        entrants[REFERENCE] = reference.forecasts[event]
        if event in reference.thresholds:
            thresholds[REFERENCE] = reference.thresholds[event]
    return Evidence(
        part=forecasts.part,
        event=event,
        region_id=forecasts.cases.region_id[known],
        t_rec=forecasts.cases.t_rec[known],
        outcome=truth[known],
        raw=forecasts.raw[event][known],
        calibrated=forecasts.calibrated[event][known],
        entrants={name: column[known] for name, column in entrants.items()},
        threshold=threshold,
        n_unknown=int(np.count_nonzero(~known)),
        thresholds=thresholds,
    )
