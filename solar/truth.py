"""The truth about a forecast window: a flare occurred, none occurred, or it is unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solar.flares import Event
from solar.time import Window, to_datetime64
from solar.windows import ForecastWindow

EVENT, NO_EVENT, UNKNOWN = 1, 0, -1
UNASSIGNED = 0

Times = NDArray[np.datetime64]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Codes = NDArray[np.int8]

# A class given as C1.0 may arrive a rounding error below 1e-6.
_TOLERANCE = 1 - 1e-6


@dataclass(frozen=True)
class Truth:
    """The outcome of the windows of events after times t by a flare list, by time of peak.

    Whether a window is known never depends on what happened in it to the region in question:
    a rule that kept the events and dropped the quiet cases would inflate the base rate.

    Parameters
    ----------
    peak_at : (m,) datetime64, UTC, ascending
    flux : (m,) peak flux [W m-2], on one scale
    region_id : (m,) region of each flare; `UNASSIGNED` where it could not be told
    covered : stretches over which the list is complete, none of them touching another
    """

    peak_at: Times
    flux: Floats
    region_id: Integers
    covered: Sequence[Window]

    def of_regions(self, event: Event, region_id: Integers, t: Times) -> Codes:
        """Return `EVENT`, `NO_EVENT` or `UNKNOWN` for each region (n,) and time (n,).

        Unknown for every region is a window over which the list is not complete, or in which
        a flare of the class peaked whose region could not be told.
        """
        start, end = _bounds(event.window, t)
        occurred = self.any_within(event, start, end, region_id=region_id)
        unassigned = np.full_like(region_id, UNASSIGNED)
        unclear = self.any_within(event, start, end, region_id=unassigned)
        return _outcomes(occurred, is_known=self.is_complete_between(start, end) & ~unclear)

    def of_disk(self, event: Event, t: Times) -> Codes:
        """Return the same (n,) for the whole Sun, where the region of a flare does not matter."""
        start, end = _bounds(event.window, t)
        occurred = self.any_within(event, start, end)
        return _outcomes(occurred, is_known=self.is_complete_between(start, end))

    def is_complete(self, window: ForecastWindow, t: Times) -> NDArray[np.bool_]:
        """Tell whether the list is complete over the whole window of each time, (n,)."""
        return self.is_complete_between(*_bounds(window, t))

    def is_complete_between(self, start: Times, end: Times) -> NDArray[np.bool_]:
        """Tell whether the list is complete over all of [start, end), (n,)."""
        complete = np.zeros(start.shape, bool)
        for window in self.covered:
            first, last = to_datetime64(window.start_at), to_datetime64(window.end_at)
            complete |= (start >= first) & (end <= last)
        return complete

    def any_within(
        self, event: Event, start: Times, end: Times, *, region_id: Integers | None = None
    ) -> NDArray[np.bool_]:
        """Tell whether a flare of the class peaked in [start, end) (n,), in a region if given."""
        strong = reaches(self.flux, event.peak_flux_w_m2)
        peak_at = self.peak_at[strong]
        first, last = np.searchsorted(peak_at, start), np.searchsorted(peak_at, end)
        if region_id is not None:
            first, last = _ranks(peak_at, self.region_id[strong], region_id, (first, last))
        within: NDArray[np.bool_] = last > first
        return within


def reaches(flux: Floats, limit: float) -> NDArray[np.bool_]:
    """Tell whether peak fluxes (n,) are of at least the class whose lower limit is given."""
    return flux >= least_flux(limit)


def least_flux(limit: float) -> float:
    """Return the flux that still counts as the class whose lower limit is given."""
    return limit * _TOLERANCE


def _bounds(window: ForecastWindow, t: Times) -> tuple[Times, Times]:
    return t + np.timedelta64(window.latency), t + np.timedelta64(window.closes_after)


def _outcomes(occurred: NDArray[np.bool_], *, is_known: NDArray[np.bool_]) -> Codes:
    return np.where(is_known, np.where(occurred, EVENT, NO_EVENT), UNKNOWN).astype(np.int8)


def _ranks(
    peak_at: Times,
    flare_region_id: Integers,
    region_id: Integers,
    places: Sequence[Integers],
) -> list[Integers]:
    """Count the flares before (region, place) in the order of region and then of peak.

    A place is a number of peaks; numbering the peaks instead of measuring them keeps the keys
    small however long the list is.
    """
    known, flare_code = np.unique(flare_region_id, return_inverse=True)
    length = len(peak_at) + 1
    keys = np.sort(flare_code * length + np.searchsorted(peak_at, peak_at))
    code, is_known = np.searchsorted(known, region_id), np.isin(region_id, known)
    return [np.where(is_known, np.searchsorted(keys, code * length + at), 0) for at in places]
