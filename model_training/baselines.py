"""Baselines: the forecasts that cost nothing, scored on the same cases as every model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model_training.datasets.dataset import Dataset
from model_training.features import Floats
from solar.flares import HORIZON

CLIMATOLOGY_DAYS = (120, 365)
PERSISTENCE = "persistence"


def probabilities(dataset: Dataset, event: str, *, past: Dataset) -> dict[str, Floats]:
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


def climatology(
    t_rec: NDArray[np.datetime64], event: str, *, past: Dataset, days: int
) -> Floats:  # fmt: skip
    """Return the event rate over the regions of the trailing days whose window has closed."""
    known = ~np.isnan(past.truth[event])
    closed_at = past.t_rec[known] + np.timedelta64(HORIZON)
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
