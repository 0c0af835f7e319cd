"""The truth of training rows: the flare list, and which events a region had in a window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from model_training.features import FlareHistory, Floats, Integers, Times
from solar.flares import EVENTS, HORIZON
from solar.time import Window, to_datetime
from solar.truth import UNKNOWN, Truth

_HORIZON = np.timedelta64(HORIZON)


def read_flares(path: Path) -> FlareHistory:
    """Read a GOES flare list (UTC); a peak noted before its start lies on the next day."""
    table = pd.read_parquet(path, columns=["start_time", "peak_time", "noaa_ar", "peak_flux_wm2"])
    is_next_day = table["peak_time"] < table["start_time"]
    table["peak_time"] += pd.to_timedelta(is_next_day.astype(int), unit="D")
    table = table.sort_values("peak_time", kind="stable")
    return FlareHistory(
        table["peak_time"].to_numpy("datetime64[us]"),
        table["peak_flux_wm2"].to_numpy(float),
        table["noaa_ar"].to_numpy(np.int64),
    )


def truth_of(flares: FlareHistory) -> Truth:
    """Take a flare list for complete from its first peak to its last."""
    covered = []
    if flares.peak_at.size and flares.peak_at[0] < flares.peak_at[-1]:
        covered = [Window(to_datetime(flares.peak_at[0]), to_datetime(flares.peak_at[-1]))]
    return Truth(flares.peak_at, flares.flux, flares.region_id, covered)


def label(region_id: Integers, t_rec: Times, truth: Truth) -> dict[str, Floats]:
    """Find which events happened in [t, t + 24 h): event -> (n,) 1, 0, or NaN where unknown."""
    labels = {}
    for event in EVENTS:
        code = truth.of_regions(event, region_id, t_rec)
        labels[event.name] = np.where(code == UNKNOWN, np.nan, code)
    return labels


def flared_before(region_id: Integers, t_rec: Times, truth: Truth) -> dict[str, Floats]:
    """Find which flares of the region were seen in [t - 24 h, t): event -> (n,) 1 or 0."""
    return {
        event.name: truth.any_within(event, t_rec - _HORIZON, t_rec, region_id=region_id).astype(
            float
        )
        for event in EVENTS
    }
