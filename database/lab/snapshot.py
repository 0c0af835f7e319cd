"""A snapshot: records, flares, regions and coverage of a stretch of the store, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

import pyarrow as pa
import sqlalchemy as sa

from database.flares.coverage import covered_windows
from database.flares.flares import ACTIVITY_REACH, list_flares
from database.observations.records import list_observations
from database.regions.regions import list_regions, noaa_numbers
from solar.sharp import KEYWORDS
from solar.time import Window
from solar.windows import DAY

_ROWS = 5_000
_TIME = pa.timestamp("us", tz="UTC")
# Column -> name in the store. Types are declared, so that the pages of a table can be put together
# whichever of their columns are empty.
_RECORDS = {"region": "region_id"} | {keyword.name: keyword.column for keyword in KEYWORDS}
_SCHEMAS = {
    "records": pa.schema(
        [
            ("region", pa.int64()),
            ("t_rec", _TIME),
            ("series", pa.string()),
            ("made_at", _TIME),
            ("quality", pa.int64()),
            ("lon_fwt", pa.float64()),
            ("lat_fwt", pa.float64()),
            *((keyword.name, pa.float64()) for keyword in KEYWORDS),
        ]
    ),
    "flares": pa.schema(
        [
            ("start", _TIME),
            ("peak", _TIME),
            ("region", pa.int64()),
            ("noaa_ar", pa.int64()),
            ("peak_flux_w_m2", pa.float64()),
        ]
    ),
    "regions": pa.schema([("region", pa.int64()), ("noaa_ar", pa.int64())]),
    "coverage": pa.schema([("from", _TIME), ("to", _TIME)]),
}
_FLARES = {"start": "start_at", "peak": "peak_at", "region": "region_id"}
# What tells the position of the last row of a page, by table.
POSITIONS: dict[str, tuple[type, ...]] = {
    "records": (datetime, int),
    "flares": (datetime, str),
    "regions": (int,),
    "coverage": (),
}

Position = tuple[Any, ...]


class SnapshotPage(NamedTuple):
    """Some rows of a table, and the position of the last one, None where none follows."""

    rows: pa.Table
    position: Position | None


def snapshot_pages(connection: sa.Connection, window: Window, table: str) -> Iterator[pa.Table]:
    """Yield the pages of one of the tables in `POSITIONS`, at least one; it may have no row."""
    page = snapshot_page(connection, window, table)
    yield page.rows
    while page.position is not None:
        page = snapshot_page(connection, window, table, after=page.position)
        yield page.rows


def snapshot_page(
    connection: sa.Connection, window: Window, table: str, *, after: Position | None = None
) -> SnapshotPage:
    """Read the page of a table that follows a position.

    Flares are those that are history of the first records of the window, or truth of the last.
    Coverage are the stretches in which the flare list is complete, wherever they lie.
    """
    rows, position = _READERS[table](connection, window, after)
    return SnapshotPage(pa.Table.from_pylist(rows, schema=_SCHEMAS[table]), position)


_Rows = tuple[list[dict[str, Any]], Position | None]


def _records(connection: sa.Connection, window: Window, after: Position | None) -> _Rows:
    rows = list_observations(connection, window=window, limit=_ROWS + 1, after=after)
    rows, position = _cut(rows, itemgetter("t_rec", "region_id"))
    names = {name: _RECORDS.get(name, name) for name in _SCHEMAS["records"].names}
    return [{name: row[own] for name, own in names.items()} for row in rows], position


def _flares(connection: sa.Connection, window: Window, after: Position | None) -> _Rows:
    around = Window(window.start_at - ACTIVITY_REACH, window.end_at + DAY.validity)
    flares = list_flares(connection, window=around, limit=_ROWS + 1, after=after)
    flares, position = _cut(flares, attrgetter("peak_at", "flare_id"))
    names = {name: _FLARES.get(name, name) for name in _SCHEMAS["flares"].names}
    return [{name: getattr(one, own) for name, own in names.items()} for one in flares], position


def _regions(connection: sa.Connection, window: Window, after: Position | None) -> _Rows:
    before = after[0] if after else None
    regions = list_regions(connection, window=window, limit=_ROWS + 1, after=before)
    regions, position = _cut(regions, lambda row: (row["region_id"],))
    rows = [
        {"region": row["region_id"], "noaa_ar": number}
        for row in regions
        for number in noaa_numbers(row["noaa_ars"])
    ]
    return rows, position


def _coverage(connection: sa.Connection, _window: Window, _after: Position | None) -> _Rows:
    return [{"from": one.start_at, "to": one.end_at} for one in covered_windows(connection)], None


def _cut(
    rows: list[Any], position_of: Callable[[Any], Position]
) -> tuple[list[Any], Position | None]:
    """Leave out the row that was read beyond a page."""
    if len(rows) <= _ROWS:
        return rows, None
    return rows[:_ROWS], position_of(rows[_ROWS - 1])


_READERS = {"records": _records, "flares": _flares, "regions": _regions, "coverage": _coverage}
