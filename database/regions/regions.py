"""Regions: what is known of each active region as a whole, and where it was last seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from database.flares.assignment import reassign
from database.regions.harps import learn
from database.tables import regions
from database.upsert import upsert
from solar.time import Window

COLUMNS: tuple[str, ...] = (
    "region_id", "harpnum", "noaa_ars", "series", "first_t_rec", "last_t_rec",
    "last_lon_fwt", "last_lat_fwt", "last_area_acr",
)  # fmt: skip
_NOAA_ARS_LENGTH = 64


@dataclass(frozen=True)
class Sighting:
    """What one batch says of a region; position and area belong to `last_t_rec`."""

    region_id: int
    noaa_ars: frozenset[int]
    series: str
    first_t_rec: datetime
    last_t_rec: datetime
    last_lon_fwt: float | None
    last_lat_fwt: float | None
    last_area_acr: float | None


def record_sightings(
    connection: sa.Connection, sightings: Sequence[Sighting]
) -> dict[int, datetime]:
    """Bring the regions up to date; an older batch never overwrites a newer position.

    Flares that were listed under a NOAA number before its HARP was known find their region.

    Returns
    -------
    the time of the newest record of each region that was known before
    """
    known = _locked(connection, [sighting.region_id for sighting in sightings])
    known |= _brought_meanwhile(connection, [s for s in sightings if s.region_id not in known])
    rows = []
    for sighting in sorted(sightings, key=lambda s: s.region_id):
        # What is not known even now was written just before.
        before = known.get(sighting.region_id) or _merged(sighting, None)
        row = _merged(sighting, before)
        if any(row[name] != before[name] for name in COLUMNS):
            rows.append([row[name] for name in COLUMNS])
    upsert(connection, regions, columns=COLUMNS, rows=rows)
    new = learn(connection, ((s.region_id, noaa_ar) for s in sightings for noaa_ar in s.noaa_ars))
    reassign(connection, noaa_ars={noaa_ar for _, noaa_ar in new})
    return {region_id: before["last_t_rec"] for region_id, before in known.items()}


def _locked(connection: sa.Connection, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    query = sa.select(regions).where(regions.c.region_id.in_(ids)).with_for_update()
    return {row["region_id"]: dict(row) for row in connection.execute(query).mappings()}


def _brought_meanwhile(
    connection: sa.Connection, sightings: Sequence[Sighting]
) -> dict[int, dict[str, Any]]:
    """Take hold of regions that are not there yet; return those that another has just brought."""
    if not sightings:
        return {}
    own = {s.region_id: _merged(s, None) for s in sorted(sightings, key=lambda s: s.region_id)}
    rows = [[row[name] for name in COLUMNS] for row in own.values()]
    # Of two first requests at once one waits here for the other.
    upsert(connection, regions, columns=COLUMNS, rows=rows, keep=COLUMNS)
    there = _locked(connection, list(own))
    return {region_id: row for region_id, row in there.items() if row != own[region_id]}


def _merged(sighting: Sighting, before: Mapping[str, Any] | None) -> dict[str, Any]:
    region_id = sighting.region_id
    row: dict[str, Any] = {
        "region_id": region_id,
        "harpnum": region_id if region_id > 0 else None,
        "noaa_ars": _joined(sighting.noaa_ars),
        **{name: getattr(sighting, name) for name in COLUMNS[3:]},
    }
    if before is None:
        return row
    row["noaa_ars"] = _joined(sighting.noaa_ars | set(noaa_numbers(before["noaa_ars"])))
    row["first_t_rec"] = min(sighting.first_t_rec, before["first_t_rec"])
    if sighting.last_t_rec < before["last_t_rec"]:
        row |= {name: before[name] for name in ("series", *COLUMNS[5:])}
    return row


def noaa_numbers(text: str) -> list[int]:
    """Read the NOAA numbers of a region as they are stored."""
    return [int(number) for number in text.split(",") if number]


def _joined(numbers: frozenset[int]) -> str:
    text = ""
    for number in sorted(numbers):
        longer = f"{text},{number}" if text else str(number)
        # A HARP holds at most six regions; what exceeds the column stays in the HARP map.
        if len(longer) > _NOAA_ARS_LENGTH:
            break
        text = longer
    return text


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
