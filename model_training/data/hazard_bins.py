"""Bins of time after t, and whether a flare peaked in each of them: what a hazard model learns."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from model_training.features import Floats, Integers, Times
from model_training.recipe.estimators import HAZARD_EDGES_HOURS
from solar.flares import EVENTS, Event
from solar.truth import UNASSIGNED, Truth

BIN_EDGES_HOURS: Floats = np.array(HAZARD_EDGES_HOURS)
# The bins of each window [t + latency, t + latency + validity).
WINDOW_BINS: Mapping[str, slice] = {
    "6h": slice(0, 1),
    "12h": slice(0, 2),
    "24h": slice(0, 3),
    "48h": slice(0, 4),
    "d2": slice(3, 4),
    "d3": slice(4, 5),
}
DAY = WINDOW_BINS["24h"]
OTHER_WINDOWS = tuple(name for name in WINDOW_BINS if name != "24h")
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
