"""The strata of verification: kinds of cases that are scored separately."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from numpy.typing import ArrayLike, NDArray

from solar.flares import Event
from solar.truth import UNASSIGNED, Times, Truth

Codes = NDArray[np.uint8]

# A flare is the first one when its region, or the disk, had none of the class for this long.
QUIET_FOR = timedelta(hours=72)
QUIET, ACTIVE, HISTORY_UNKNOWN = 0, 1, 2

# Stonyhurst longitude [deg]; a band holds its eastern (lower) end, the last one both.
LONGITUDE_EDGES = (-90, -60, -30, 0, 30, 60, 90)
LONGITUDE_UNKNOWN = len(LONGITUDE_EDGES) - 1


def history(
    truth: Truth, event: Event, t: Times, *, region_id: NDArray[np.int64] | None = None
) -> Codes:
    """Classify the `QUIET_FOR` before each time (n,): [t - 72 h, t).

    `ACTIVE` where the region (n,), or anything on the disk when none is given, had a flare of
    the class; `QUIET` where the list is complete and it had none; else `HISTORY_UNKNOWN`, also
    when a flare of the class came whose region could not be told.
    """
    start = t - np.timedelta64(QUIET_FOR)
    is_known = truth.is_complete_between(start, t)
    if region_id is not None:
        unassigned = np.full_like(region_id, UNASSIGNED)
        is_known &= ~truth.any_within(event, start, t, region_id=unassigned)
    was_active = truth.any_within(event, start, t, region_id=region_id)
    codes = np.where(was_active, ACTIVE, np.where(is_known, QUIET, HISTORY_UNKNOWN))
    return codes.astype(np.uint8)


def longitude_band(longitude: ArrayLike) -> Codes:
    """Number the 30-degree band of each longitude (n,) [deg] from east to west.

    NaN and what lies beyond the limb are `LONGITUDE_UNKNOWN`.
    """
    degrees = np.asarray(longitude, float)
    is_known = np.abs(degrees) <= LONGITUDE_EDGES[-1]
    band = np.searchsorted(LONGITUDE_EDGES, degrees, side="right") - 1
    last = LONGITUDE_UNKNOWN - 1
    return np.where(is_known, np.minimum(band, last), LONGITUDE_UNKNOWN).astype(np.uint8)
