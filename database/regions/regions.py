"""Regions: each active region as a whole, its NOAA numbers and where it was last seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from database.flares.assignment import reassign
from database.harps import add_harp_pairs
from database.round_trips import as_utc, forget_read_ahead, locking, read
from database.schema.tables import observations, regions
from database.upsert import upsert
from solar.time import Window

COLUMNS: tuple[str, ...] = (
    "region_id",
    "harpnum",
    "noaa_ars",
    "series",
    "first_t_rec",
    "last_t_rec",
    "last_lon_fwt",
    "last_lat_fwt",
    "last_area_acr",
)
_NOAA_ARS_LENGTH = 64
_SELECT = str(sa.select(*(regions.c[name] for name in COLUMNS)))


@dataclass(frozen=True)
class RegionUpdate:
    """The records of a region in one batch; position and area are those at `last_t_rec`."""

    region_id: int
    noaa_ars: frozenset[int]
    series: str
    first_t_rec: datetime
    last_t_rec: datetime
    last_lon_fwt: float | None
    last_lat_fwt: float | None
    last_area_acr: float | None


def regions_query(connection: sa.Connection, region_ids: Sequence[int]) -> str:
    """Return what `update_regions` asks first, to be read ahead."""
    ids = ",".join(map(str, sorted(region_ids)))
    return f"{_SELECT} WHERE region_id IN ({ids}){locking(connection)}"


def update_regions(
    connection: sa.Connection, updates: Sequence[RegionUpdate]
) -> dict[int, datetime]:
    """Bring the regions up to date; an older batch never overwrites a newer position.

    Flares listed under a NOAA number whose HARP is new are assigned again.

    Returns
    -------
    the time of the newest record of each region that was known before
    """
    known = _locked(connection, [update.region_id for update in updates])
    known |= _insert_new(connection, [u for u in updates if u.region_id not in known])
    rows, pairs = [], []
    for update in sorted(updates, key=lambda u: u.region_id):
        before = known.get(update.region_id)
        # A number that the region had before is in the HARP map.
        numbers = noaa_numbers(before["noaa_ars"]) if before else ()
        pairs += [(update.region_id, noaa_ar) for noaa_ar in update.noaa_ars.difference(numbers)]
        # A region that is not known even now was inserted here.
        row = _merged(update, before)
        if before and row["first_t_rec"] != before["first_t_rec"]:
            forget_read_ahead(connection)
        if before and any(row[name] != before[name] for name in COLUMNS):
            rows.append([row[name] for name in COLUMNS])
    upsert(connection, regions, columns=COLUMNS, rows=rows)
    new = add_harp_pairs(connection, pairs)
    reassign(connection, noaa_ars={noaa_ar for _, noaa_ar in new})
    return {region_id: before["last_t_rec"] for region_id, before in known.items()}


def _locked(connection: sa.Connection, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    if not ids:
        return {}
    rows = read(connection, regions_query(connection, ids))
    return {row[0]: _region(row) for row in rows}


def _region(row: Sequence[Any]) -> dict[str, Any]:
    region = dict(zip(COLUMNS, row, strict=True))
    return region | {name: as_utc(region[name]) for name in ("first_t_rec", "last_t_rec")}


def _insert_new(
    connection: sa.Connection, updates: Sequence[RegionUpdate]
) -> dict[int, dict[str, Any]]:
    """Insert unknown regions and lock them; return those that others inserted just before."""
    if not updates:
        return {}
    inserted = {u.region_id: _merged(u, None) for u in sorted(updates, key=lambda u: u.region_id)}
    rows = [[row[name] for name in COLUMNS] for row in inserted.values()]
    # Of two concurrent first requests one waits here for the other, whose records it has to see.
    upsert(connection, regions, columns=COLUMNS, rows=rows, keep=COLUMNS)
    forget_read_ahead(connection)
    stored = _locked(connection, list(inserted))
    return {region_id: row for region_id, row in stored.items() if row != inserted[region_id]}


def _merged(update: RegionUpdate, before: Mapping[str, Any] | None) -> dict[str, Any]:
    region_id = update.region_id
    row: dict[str, Any] = {
        "region_id": region_id,
        "harpnum": region_id if region_id > 0 else None,
        "noaa_ars": _joined(update.noaa_ars),
        **{name: getattr(update, name) for name in COLUMNS[3:]},
    }
    if before is None:
        return row
    row["noaa_ars"] = _joined(update.noaa_ars | set(noaa_numbers(before["noaa_ars"])))
    row["first_t_rec"] = min(update.first_t_rec, before["first_t_rec"])
    if update.last_t_rec < before["last_t_rec"]:
        row |= {name: before[name] for name in ("series", *COLUMNS[5:])}
    return row


def noaa_numbers(text: str) -> list[int]:
    """Read the NOAA numbers of a region from the stored text."""
    return [int(number) for number in text.split(",") if number]


def _joined(numbers: frozenset[int]) -> str:
    text = ""
    for number in sorted(numbers):
        longer = f"{text},{number}" if text else str(number)
        # A HARP has at most six regions; numbers beyond the column are in the HARP map alone.
        if len(longer) > _NOAA_ARS_LENGTH:
            break
        text = longer
    return text


def correct_positions(connection: sa.Connection, region_ids: Sequence[int]) -> None:
    """Read the position, area and series of some regions from their newest record again."""
    source, target = observations.c, regions.c
    for region_id in region_ids:
        newest = (
            sa.select(source.series, source.lon_fwt, source.lat_fwt, source.area_acr)
            .where(source.region_id == region_id)
            .order_by(source.t_rec.desc())
            .limit(1)
        )
        row = connection.execute(newest).first()
        if row is None:
            continue
        values = dict(
            zip(("series", "last_lon_fwt", "last_lat_fwt", "last_area_acr"), row, strict=True)
        )
        connection.execute(sa.update(regions).where(target.region_id == region_id).values(values))


def list_regions(
    connection: sa.Connection,
    *,
    window: Window,
    region_id: int | None = None,
    limit: int,
    after: int | None = None,
) -> list[dict[str, Any]]:
    """Read the regions whose first to last record touch a window, by number."""
    table = regions.c
    query = (
        sa.select(regions)
        .where(table.last_t_rec >= window.start_at, table.first_t_rec < window.end_at)
        .order_by(table.region_id)
        .limit(limit)
    )
    if region_id is not None:
        query = query.where(table.region_id == region_id)
    if after is not None:
        query = query.where(table.region_id > after)
    return [dict(row) for row in connection.execute(query).mappings()]


def newest_t_rec(connection: sa.Connection) -> datetime | None:
    """Return the time of the newest observation, None while there is none."""
    newest: datetime | None = connection.execute(
        sa.select(regions.c.last_t_rec).order_by(regions.c.last_t_rec.desc()).limit(1)
    ).scalar()
    return newest
