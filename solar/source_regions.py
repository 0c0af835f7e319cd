"""Source regions: which region a flare came from, of those that carry its NOAA number.

A flare list names NOAA regions, a record names a HARP. Several HARPs may hold a NOAA region, one
after the other or each a part of it. Training, verification and serving take the source from here:
`source_region` afterwards, `regions_as_known` as it was known at the time of a record.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

# Only a region observed this close to the peak can be recognised as the source of a flare.
NEIGHBOURHOOD = timedelta(hours=24)
# Later than any record.
NEVER = np.array(["9999-01-01"], "datetime64[us]")
_NEAR = np.timedelta64(NEIGHBOURHOOD)

Bools = NDArray[np.bool_]
Integers = NDArray[np.int64]
Times = NDArray[np.datetime64]


def source_region(candidates: Sequence[int], seen_near: Collection[int]) -> int:
    """Return the source of a flare: the candidate observed within `NEIGHBOURHOOD` of the peak.

    Of several, and if there is none, the first.
    """
    return next((one for one in candidates if one in seen_near), candidates[0])


def in_order(region_ids: Collection[int]) -> list[int]:
    """Put candidates in their order: HARPs ascending, then NOAA numbers whose HARP is unknown."""
    return sorted(region_ids, key=lambda region_id: (region_id < 0, region_id))


@dataclass(frozen=True)
class Sharers:
    """The regions that share NOAA numbers.

    Parameters
    ----------
    first_at : NOAA number -> its regions -> the time of their first record, `NEVER` without one
    seen_at : region -> the times of its records, ascending and `NEVER` at the end
    """

    first_at: Mapping[int, Mapping[int, np.datetime64]]
    seen_at: Mapping[int, Times]

    def numbers_of(self, region_id: int) -> list[int]:
        """Return the NOAA numbers that a region shares with others."""
        shared = self.first_at.items()
        return [number for number, of in shared if len(of) > 1 and region_id in of]


def regions_as_known(
    region_id: Integers, t_rec: Times, peak_at: Times, noaa_ar: Integers, sharers: Sharers
) -> Iterator[tuple[Integers, Integers, Bools]]:
    """Find the flares of shared numbers that were known to be a region's at each of its records.

    A region counts as known, and as seen near a peak, by its own records up to t and by those of
    others before t, so that it does not matter how records came in batches.

    Parameters
    ----------
    region_id, t_rec : (n,) the records
    peak_at, noaa_ar : (m,) the flares

    Yields
    ------
    rows (k,) of records, places (p,) of the flares of the numbers that their region shares, and
    which of these are its own as known there (p,)
    """
    for region in np.unique(region_id).tolist():
        shared = sharers.numbers_of(region)
        places = np.flatnonzero(np.isin(noaa_ar, shared))
        if not places.size:
            continue
        rows = np.flatnonzero(region_id == region)
        seen = np.union1d(t_rec[rows], sharers.seen_at.get(region, NEVER))
        is_own = np.zeros((len(rows), len(places)), np.bool_)
        for number in shared:
            of_number = noaa_ar[places] == number
            others = {one: at for one, at in sharers.first_at[number].items() if one != region}
            is_own[:, of_number] = _is_own(
                region, t_rec[rows], peak_at[places[of_number]], others, sharers.seen_at, seen
            )
        patterns, pattern_of_row = np.unique(is_own, axis=0, return_inverse=True)
        for place, pattern in enumerate(patterns):
            yield rows[pattern_of_row.reshape(-1) == place], places, pattern


def _is_own(
    region_id: int,
    t_rec: Times,
    peaks: Times,
    others: Mapping[int, np.datetime64],
    seen_at: Mapping[int, Times],
    seen: Times,
) -> Bools:
    """Tell (n, m) by the rule of `source_region` whether flares were known to be a region's."""
    order = in_order([region_id, *others])
    is_near = first_near(seen, peaks) <= t_rec[:, None]
    is_first_known = np.ones((len(t_rec), 1), np.bool_)
    is_first_near, is_any_near = is_near.copy(), is_near.copy()
    for other, first_at in others.items():
        near = first_near(seen_at.get(other, NEVER), peaks) < t_rec[:, None]
        is_any_near |= near
        if order.index(other) < order.index(region_id):
            is_first_near &= ~near
            is_first_known &= ~(first_at < t_rec)[:, None]
    return is_first_near | (~is_any_near & is_first_known)


def first_near(seen: Times, peaks: Times) -> Times:
    """Return (m,) the first record in the neighbourhood of each peak, `NEVER` without one."""
    first = seen[np.searchsorted(seen, peaks - _NEAR)]
    return np.where(first <= peaks + _NEAR, first, NEVER)
