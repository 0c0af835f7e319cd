"""Shared NOAA numbers: whose flares theirs are, as far as it was known at the time of a record."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from database.flares.flares import FlareColumns
from database.round_trips import read
from database.schema.tables import harp_noaa, observations, regions
from solar import source_regions
from solar.source_regions import NEIGHBOURHOOD, NEVER, Sharers
from solar.time import to_datetime

Integers = NDArray[np.int64]
Times = NDArray[np.datetime64]


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

    Parameters
    ----------
    region_id, t_rec : (n,) the records

    Yields
    ------
    rows (k,) of records, and the region (m,) of each flare as known there, 0 where it is none
    """
    if not flares.noaa_ar.any():
        return
    first_at = _sharing(connection, np.unique(region_id).tolist(), flares)
    seen_at = _observed(connection, first_at, flares, until=t_rec.max()) if first_at else {}
    sharers = Sharers(first_at, seen_at)
    cases = region_id, t_rec, flares.peak_at, flares.noaa_ar
    for rows, places, is_own in source_regions.regions_as_known(*cases, sharers):
        known = flares.region_id.copy()
        known[places] = np.where(is_own, region_id[rows[0]], 0)
        yield rows, known


def _sharing(
    connection: sa.Connection, region_ids: Sequence[int], flares: FlareColumns
) -> dict[int, dict[int, np.datetime64]]:
    """Return who shares the numbers of regions, of numbers that have flares and are shared."""
    first_at: dict[int, dict[int, np.datetime64]] = defaultdict(dict)
    for _, noaa_ar, sharer, first in read(connection, sharers_query(region_ids)):
        first_at[noaa_ar][sharer] = np.datetime64(first, "us") if first else NEVER[0]
    flared = set(np.unique(flares.noaa_ar).tolist())
    return {n: shared for n, shared in first_at.items() if n in flared and len(shared) > 1}


def _observed(
    connection: sa.Connection,
    sharers: Mapping[int, Mapping[int, np.datetime64]],
    flares: FlareColumns,
    *,
    until: np.datetime64,
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
        observations.c.t_rec >= to_datetime(first_peak - np.timedelta64(NEIGHBOURHOOD)),
        observations.c.t_rec <= to_datetime(until),
    )
    times: dict[int, list[object]] = defaultdict(list)
    for region_id, at in connection.execute(query) if ids else ():
        times[region_id].append(at)
    return {
        region_id: np.append(np.sort(np.array(found, "datetime64[us]")), NEVER)
        for region_id, found in times.items()
    }
