"""One region through its passage: where it stood, what was measured, how strongly it flared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from database.overview import RegionRow, region_row
from database.regions.harps import harps_by_noaa
from database.tables import flares, observations, regions
from solar.errors import NotFoundError
from solar.sharp import Keyword
from solar.time import Window

# A passage over the disk at the instrument's cadence is about 1,700 records.
MOST_RECORDS = 5_000
MOST_FOUND = 50


@dataclass(frozen=True)
class Place:
    """Where a region stood at a record [deg], and its area [µHem]; None when not known."""

    t_rec: datetime
    lon_fwt: float | None
    lat_fwt: float | None
    area_acr: float | None


@dataclass(frozen=True)
class Measurements:
    """Records of one region by time; `values` (n, k) in the order of the keywords asked for."""

    t_rec: NDArray[np.datetime64]
    values: NDArray[np.float64]


def find_region(connection: sa.Connection, region_id: int) -> RegionRow:
    """Return a region by its number.

    Raises
    ------
    NotFoundError
        When no record of it was ever stored.
    """
    row = connection.execute(sa.select(regions).where(regions.c.region_id == region_id)).first()
    if row is None:
        raise NotFoundError(f"no region {region_id} is stored; search by NOAA or HARP number")
    return region_row(row)


def search_regions(connection: sa.Connection, number: int | None) -> list[RegionRow]:
    """List the regions of a NOAA or HARP number, or the most recent ones without a number."""
    newest_first = sa.select(regions).order_by(regions.c.last_t_rec.desc(), regions.c.region_id)
    if number is not None:
        wanted = [number, -number, *harps_by_noaa(connection, [number]).get(number, ())]
        newest_first = newest_first.where(regions.c.region_id.in_(wanted))
    return [region_row(row) for row in connection.execute(newest_first.limit(MOST_FOUND))]


def measurements(
    connection: sa.Connection, region_id: int, *, keywords: Sequence[Keyword], window: Window
) -> Measurements:
    """Return the keywords of one region in a window, in the order of time, NaN where missing."""
    table = observations.c
    rows = connection.execute(
        sa.select(_raw(table.t_rec), *(table[keyword.column] for keyword in keywords))
        .where(
            table.region_id == region_id,
            table.t_rec >= window.start_at,
            table.t_rec < window.end_at,
        )
        .order_by(table.t_rec.desc())
        .limit(MOST_RECORDS)
    ).all()[::-1]
    return Measurements(
        t_rec=np.array([row[0] for row in rows], "datetime64[us]"),
        values=np.array([row[1:] for row in rows], np.float64).reshape(-1, len(keywords)),
    )


def place_at(connection: sa.Connection, region_id: int, at: datetime) -> Place | None:
    """Return where a region stood in its newest record at or before `at`, None without one."""
    table = observations.c
    row = connection.execute(
        sa.select(table.t_rec, table.lon_fwt, table.lat_fwt, table.area_acr)
        .where(table.region_id == region_id, table.t_rec <= at)
        .order_by(table.t_rec.desc())
        .limit(1)
    ).first()
    return None if row is None else Place(*row)


def largest_fluxes(connection: sa.Connection, region_ids: Sequence[int]) -> dict[int, float]:
    """Return the peak flux [W m-2] of the largest flare of each region that has flared."""
    table = flares.c
    rows = connection.execute(
        sa.select(table.region_id, sa.func.max(table.peak_flux_w_m2))
        .where(table.region_id.in_(list(region_ids)))
        .group_by(table.region_id)
    )
    return {int(region_id): float(flux) for region_id, flux in rows}


def _raw(column: sa.ColumnElement[object]) -> sa.ColumnElement[object]:
    # As the driver gives it, text or naive datetime: numpy reads both faster than we convert.
    return sa.type_coerce(column, sa.types.NullType())
