"""The truth about a forecast window: a flare came, none came, or nobody can tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from database.flares import FlareColumns
from solar.flares import HORIZON, Event
from solar.time import Window, to_datetime64

EVENT, NO_EVENT, UNKNOWN = 1, 0, -1
UNASSIGNED = 0

_HORIZON = np.timedelta64(HORIZON)

Times = NDArray[np.datetime64]


@dataclass(frozen=True)
class Truth:
    """What the flare list can say about windows [t, t + 24 h), by time of peak.

    Classes are compared on the scale they were given in; `flares.flux_scales` tells when a
    range holds two of them.
    """

    flares: FlareColumns
    covered: Sequence[Window]

    def of_regions(self, event: Event, region_id: NDArray[np.int64], t: Times) -> NDArray[np.int8]:
        """Return `EVENT`, `NO_EVENT` or `UNKNOWN` for each region (n,) and time (n,).

        Unknown is a window without its own event in which the list is not complete, or in
        which a flare of the class peaked whose region could not be told.
        """
        came = self.any_within(event, t, t + _HORIZON, region_id=region_id)
        nobody = np.full_like(region_id, UNASSIGNED)
        unclear = self.any_within(event, t, t + _HORIZON, region_id=nobody)
        return _decided(came, is_open=unclear | ~self.is_complete(t))

    def of_disk(self, event: Event, t: Times) -> NDArray[np.int8]:
        """Return the same for the whole Sun, where the region of a flare does not matter."""
        came = self.any_within(event, t, t + _HORIZON)
        return _decided(came, is_open=~self.is_complete(t))

    def is_complete(self, t: Times) -> NDArray[np.bool_]:
        """Tell whether the list is complete over the whole window [t, t + 24 h)."""
        complete = np.zeros(t.shape, bool)
        for window in self.covered:
            start, end = to_datetime64(window.start_at), to_datetime64(window.end_at)
            complete |= (t >= start) & (t + _HORIZON <= end)
        return complete

    def any_within(
        self, event: Event, start: Times, end: Times, *, region_id: NDArray[np.int64] | None = None
    ) -> NDArray[np.bool_]:
        """Tell whether a flare of the class peaked in [start, end) (n,), in a region if given."""
        strong = self.flares.at_least(event.peak_flux_w_m2)
        if region_id is None:
            first, last = (np.searchsorted(strong.peak_at, at) for at in (start, end))
            return last > first
        first, last = _ranks(strong, region_id, (start, end))
        return last > first


def _decided(came: NDArray[np.bool_], *, is_open: NDArray[np.bool_]) -> NDArray[np.int8]:
    return np.where(came, EVENT, np.where(is_open, UNKNOWN, NO_EVENT)).astype(np.int8)


def _ranks(
    flares: FlareColumns, region_id: NDArray[np.int64], times: Sequence[Times]
) -> list[NDArray[np.int64]]:
    """Count the flares that come before (region, time) in the order of region and peak."""
    known, flare_code = np.unique(flares.region_id, return_inverse=True)
    peaks = _microseconds(flares.peak_at)
    origin = int(peaks.min()) if peaks.size else 0
    span = (int(peaks.max()) - origin if peaks.size else 0) + 2
    order = np.sort(flare_code * span + (peaks - origin))
    code, is_known = np.searchsorted(known, region_id), np.isin(region_id, known)
    offsets = (np.clip(_microseconds(at) - origin, 0, span - 1) for at in times)
    return [
        np.where(is_known, np.searchsorted(order, code * span + offset), 0) for offset in offsets
    ]


def _microseconds(at: Times) -> NDArray[np.int64]:
    return at.astype("datetime64[us]").astype(np.int64)
