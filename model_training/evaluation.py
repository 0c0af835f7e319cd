"""Evaluation: the evidence for an artefact, with the baselines on the same cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from model_training import baselines
from model_training.artifact import Artifact, Inputs
from model_training.datasets.dataset import Dataset
from model_training.evidence import Evidence, Part
from model_training.features import Floats
from model_training.pool import Pool

# The plain model on the same inputs, which every other one has to beat.
REFERENCE = "plain-regression"


@dataclass(frozen=True)
class Rival:
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
    rival: Rival | None = None,
    part: Part = "test",
) -> tuple[Evidence, ...]:
    """Forecast cases as the artefact is served.

    Parameters
    ----------
    part : what the cases are called; those of validation are seen by models of ours, not by
        one that was made elsewhere
    past : cases from whose outcomes the climatology baselines are made
    """
    scores = artifact.score_inputs(as_served(artifact, cases))
    names = [event.name for event in artifact.manifest.events]
    raw, calibrated = (
        {name: column[:, place] for place, name in enumerate(names)}
        for column in (scores.raw, scores.calibrated)
    )
    found = _Forecasts(part, cases, raw, calibrated)
    return _gather(artifact, found, past=past, rival=rival)


def evidence_of_validation(
    artifact: Artifact, pool: Pool, *, past: Dataset, rival: Rival | None = None
) -> tuple[Evidence, ...]:
    """Gather the out-of-fold forecasts of the pool, each calibrated without its block."""
    events = artifact.manifest.events
    raw = {event.name: pool.raw[:, event.column] for event in events}
    found = _Forecasts("validation", pool.rows, raw, pool.calibrated(events))
    return _gather(artifact, found, past=past, rival=rival)


def as_served(artifact: Artifact, cases: Dataset) -> Inputs:
    """Return the inputs of cases as the graph takes them, (n, f) or (n, steps, f)."""
    windows = cases.windows(artifact.feature_names)
    return windows[:, -1] if artifact.manifest.window_length == 1 else windows


def _gather(
    artifact: Artifact, found: _Forecasts, *, past: Dataset, rival: Rival | None
) -> tuple[Evidence, ...]:
    return tuple(
        _gather_event(found, event.name, event.threshold, past=past, rival=rival)
        for event in artifact.manifest.events
        if event.name in found.cases.truth
    )


def _gather_event(
    found: _Forecasts, event: str, threshold: float | None, *, past: Dataset, rival: Rival | None
) -> Evidence:
    truth = found.cases.truth[event]
    known = ~np.isnan(truth)
    entrants = baselines.probabilities(found.cases, event, past=past)
    thresholds = {}
    if rival is not None and event in rival.forecasts:
        entrants[REFERENCE] = rival.forecasts[event]
        thresholds[REFERENCE] = rival.thresholds[event]
    return Evidence(
        part=found.part,
        event=event,
        region_id=found.cases.region_id[known],
        t_rec=found.cases.t_rec[known],
        outcome=truth[known],
        raw=found.raw[event][known],
        calibrated=found.calibrated[event][known],
        entrants={name: column[known] for name, column in entrants.items()},
        threshold=threshold,
        n_unknown=int(np.count_nonzero(~known)),
        thresholds=thresholds,
    )
