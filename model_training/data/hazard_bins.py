"""Bins of time after t, and whether a flare peaked in each of them: what a hazard model learns."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import numpy as np

from model_training.features import Floats, Integers, Times
from model_training.recipe.estimators import HAZARD_EDGES_HOURS
from solar.flares import EVENTS, Event
from solar.truth import UNASSIGNED, Truth
from solar.windows import DAY as FIRST_DAY
from solar.windows import WINDOWS, ForecastWindow

_HOUR = timedelta(hours=1)
BIN_EDGES_HOURS: Floats = np.array(HAZARD_EDGES_HOURS)


def _bins(window: ForecastWindow) -> slice:
    hours = [length / _HOUR for length in (window.latency, window.closes_after)]
    return slice(*np.searchsorted(BIN_EDGES_HOURS, hours).tolist())


# The bins that each window is made of.
WINDOW_BINS: Mapping[str, slice] = {window.name: _bins(window) for window in WINDOWS}
# Windows from t on follow from the hazards of these first bins; of a later day the chance is
# learned as it is, for a hazard presumes that no flare came before.
N_HAZARDS = max(WINDOW_BINS[window.name].stop for window in WINDOWS if not window.latency)
LATER_DAYS = tuple(window.name for window in WINDOWS if window.latency)
# The columns of what a hazard model tells that each window is made of.
WINDOW_COLUMNS: Mapping[str, slice] = {
    name: slice(place, place + 1) for place, name in enumerate(LATER_DAYS, start=N_HAZARDS)
} | {name: bins for name, bins in WINDOW_BINS.items() if name not in LATER_DAYS}
DAY = WINDOW_COLUMNS[FIRST_DAY.name]
OTHER_WINDOWS = tuple(name for name in WINDOW_BINS if name != FIRST_DAY.name)
# A step between M1.0 and M5.0, whose flares tell of the rarer ones; nothing forecasts it.
_M3 = Event("M3.0", "m3", 3e-5)
_LADDER = ("M1.0", _M3.name, "M5.0", "X1.0")


def ladder_of(event: str) -> tuple[str, ...]:
    """Return the events that are fitted together for one: M5.0 and X1.0 share weights with M1.0."""
    return _LADDER if event in ("M5.0", "X1.0") else (event,)


def any_within(hazard: Floats, bins: slice) -> Floats:
    """Turn hazards (..., bins) into the chance (...) of a flare in a window of these bins."""
    chance: Floats = 1 - np.prod(1 - hazard[..., bins], axis=-1)
    return chance


def outcome_within(by_bin: Floats, window: str) -> Floats:
    """Turn outcomes by bin (..., bins) into that of a window (...), NaN if any bin is unknown."""
    outcome: Floats = by_bin[..., WINDOW_BINS[window]].max(axis=-1)
    return outcome


def outcomes_by_bin(region_id: Integers, t_rec: Times, truth: Truth) -> dict[str, Floats]:
    """Find in which bins a flare of the region peaked: event -> (n, bins) 1, 0 or NaN.

    NaN is a bin over which the flare list is not complete, or in which a flare of the class
    peaked whose region is unknown, whatever happened in the region in question.
    """
    edges = (BIN_EDGES_HOURS * 3600e6).astype("timedelta64[us]")
    starts, ends = t_rec[:, None] + edges[:-1], t_rec[:, None] + edges[1:]
    complete = truth.is_complete_between(starts, ends)
    regions = np.broadcast_to(region_id[:, None], starts.shape)
    nobody = np.full(starts.shape, UNASSIGNED)
    outcomes = {}
    for event in (*EVENTS, _M3):
        occurred = truth.any_within(event, starts, ends, region_id=regions)
        unclear = truth.any_within(event, starts, ends, region_id=nobody)
        outcomes[event.name] = np.where(complete & ~unclear, occurred.astype(float), np.nan)
    return outcomes
