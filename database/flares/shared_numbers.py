"""Shared NOAA numbers: whose flares theirs are, as far as it was known at the time of a record."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from database.flares.assignment import NEIGHBOURHOOD
from database.flares.flares import FlareColumns
from database.round_trips import read
from database.schema.tables import harp_noaa, observations, regions
from solar.time import to_datetime

_NEAR = np.timedelta64(NEIGHBOURHOOD)
# Later than any record.
_NEVER = np.array(["9999-01-01"], "datetime64[us]")

Bools = NDArray[np.bool_]
Integers = NDArray[np.int64]
Times = NDArray[np.datetime64]
# Number to its regions and the time of their first record.
_Sharers = Mapping[int, Mapping[int, np.datetime64]]


def _selections() -> tuple[str, str]:
    """Select who shares a number with regions that have it: HARPs, and who is stored under it."""
    asked, other = harp_noaa.alias("asked"), harp_noaa.alias("other")
    number = asked.c.noaa_ar
    harps = (
        sa.select(asked.c.harpnum, number, other.c.harpnum, regions.c.first_t_rec)
        .join(other, other.c.noaa_ar == number)
        .outerjoin(regions, regions.c.region_id == other.c.harpnum)
    )
    # A region is stored under its NOAA number while its HARP is unknown.
    unknown = sa.select(asked.c.harpnum, number, regions.c.region_id, regions.c.first_t_rec).join(
        regions, regions.c.region_id == -number
    )
    return str(harps), str(unknown)


_SELECTIONS = _selections()


def sharers_query(region_ids: Sequence[int]) -> str:
    """Return what `regions_as_known` asks first, to be read ahead."""
    harps = ",".join(map(str, sorted(region_ids)))
    is_asked = f"asked.harpnum IN ({harps})"
    if unnamed := [-region_id for region_id in sorted(region_ids) if region_id < 0]:
        is_asked += f" OR asked.noaa_ar IN ({','.join(map(str, unnamed))})"
    return " UNION ALL ".join(f"{selection} WHERE {is_asked}" for selection in _SELECTIONS)


def regions_as_known(
    connection: sa.Connection, region_id: Integers, t_rec: Times, flares: FlareColumns
) -> Iterator[tuple[Integers, Integers]]:
    """Assign the flares of shared numbers as it was known at each record of their regions.

    A flare belongs to the region of the record while no other region of the number was observed,
    else if of these the region alone was observed within 24 h of the peak. Its own records count
    up to t, those of others before t, so that it does not matter how records came in batches.

    Parameters
    ----------
    region_id, t_rec : (n,) the records

    Yields
    ------
    rows (k,) of records, and the region (m,) of each flare as known there, 0 where it is none
    """
    if not flares.noaa_ar.any():
        return
    numbers, sharers = _sharing(connection, np.unique(region_id).tolist(), flares)
    observed = _observed(connection, sharers, flares, until=t_rec.max()) if numbers else {}
    for region, shared in numbers.items():
        rows = np.flatnonzero(region_id == region)
        places = np.flatnonzero(np.isin(flares.noaa_ar, shared))
        times = observed | {region: np.union1d(t_rec[rows], observed.get(region, _NEVER))}
        is_own = np.zeros((len(rows), len(places)), np.bool_)
        for number in shared:
            of_number = flares.noaa_ar[places] == number
            peaks = flares.peak_at[places[of_number]]
            is_own[:, of_number] = _is_own(region, t_rec[rows], peaks, sharers[number], times)
        patterns, pattern_of_row = np.unique(is_own, axis=0, return_inverse=True)
        for place, pattern in enumerate(patterns):
            known = flares.region_id.copy()
            known[places] = np.where(pattern, region, 0)
            yield rows[pattern_of_row.reshape(-1) == place], known


def _sharing(
    connection: sa.Connection, region_ids: Sequence[int], flares: FlareColumns
) -> tuple[dict[int, list[int]], _Sharers]:
    """Return the shared numbers of each region that has one with flares, and who shares them."""
    unnamed = [-region_id for region_id in region_ids if region_id < 0]
    sharers: dict[int, dict[int, np.datetime64]] = defaultdict(dict)
    numbers: dict[int, set[int]] = defaultdict(set, {-n: {n} for n in unnamed})
    for region_id, noaa_ar, sharer, first_at in read(connection, sharers_query(region_ids)):
        sharers[noaa_ar][sharer] = np.datetime64(first_at, "us") if first_at else _NEVER[0]
        numbers[region_id].add(noaa_ar)
    flared = set(np.unique(flares.noaa_ar).tolist())
    shared = {
        region_id: [n for n in numbers[region_id] & flared if len(sharers[n]) > 1]
        for region_id in region_ids
        if region_id in numbers
    }
    return {region_id: found for region_id, found in shared.items() if found}, sharers


def _observed(
    connection: sa.Connection, sharers: _Sharers, flares: FlareColumns, *, until: np.datetime64
) -> dict[int, Times]:
    """Return the times of the records of the regions that matter, ascending and with an end."""
    ids = {
        region_id
        for first_at in sharers.values()
        if sum(first <= until for first in first_at.values()) > 1
        for region_id in first_at
    }
    # As the driver gives it, which numpy understands.
    t_rec = sa.type_coerce(observations.c.t_rec, sa.types.NullType())
    first_peak = flares.peak_at[np.isin(flares.noaa_ar, list(sharers))].min()
    query = sa.select(observations.c.region_id, t_rec).where(
        observations.c.region_id.in_(sorted(ids)),
        observations.c.t_rec >= to_datetime(first_peak - _NEAR),
        observations.c.t_rec <= to_datetime(until),
    )
    times: dict[int, list[object]] = defaultdict(list)
    for region_id, at in connection.execute(query) if ids else ():
        times[region_id].append(at)
    return {
        region_id: np.append(np.sort(np.array(found, "datetime64[us]")), _NEVER)
        for region_id, found in times.items()
    }


def _is_own(
    region_id: int,
    t_rec: Times,
    peaks: Times,
    first_at: Mapping[int, np.datetime64],
    observed: Mapping[int, Times],
) -> Bools:
    """Tell (n, m) whether flares were known to be a region's at some of its records."""
    is_shared = np.zeros((len(t_rec), 1), np.bool_)
    is_near_other = np.zeros((len(t_rec), len(peaks)), np.bool_)
    for other in first_at.keys() - {region_id}:
        is_shared |= (first_at[other] < t_rec)[:, None]
        is_near_other |= _near(observed.get(other, _NEVER), peaks) < t_rec[:, None]
    is_near = _near(observed[region_id], peaks) <= t_rec[:, None]
    return ~is_shared | (is_near & ~is_near_other)


def _near(observed: Times, peaks: Times) -> Times:
    """Return (m,) the first record within 24 h of each peak."""
    first = observed[np.searchsorted(observed, peaks - _NEAR)]
    return np.where(first <= peaks + _NEAR, first, _NEVER)
