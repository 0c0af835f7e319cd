"""The selected records: counted, read page by page, and exported in full with bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

import sqlalchemy as sa

from database.engine import reading
from database.exploration.selection import (
    COLUMNS,
    Selection,
    column,
    conditions,
    of_window,
    source,
)
from database.harps import harps_by_noaa
from database.schema.forecast_tables import lead_forecasts
from database.schema.tables import observations, predictions, regions
from solar.errors import InvalidInputError
from solar.time import Window
from solar.windows import DAY, ForecastWindow

# A view counts, sorts and averages at most this many records, the newest of its range, so that its
# cost does not grow with the range. An export has no such limit.
VIEW_LIMIT = 10_000
PAGE_LIMIT = 500
BATCH = 2_000


@dataclass(frozen=True)
class Sort:
    """The column that orders a page, a name of `COLUMNS`."""

    column: str = "t_rec"
    is_descending: bool = True

    def __post_init__(self) -> None:
        if self.column not in COLUMNS:
            raise InvalidInputError(f"no column {self.column!r} to sort by; see the table's head")


@dataclass(frozen=True)
class Position:
    """The key of the last record that was read."""

    t_rec: datetime
    region_id: int


def extent(connection: sa.Connection, model_id: str) -> Window | None:
    """Find the window from the oldest to just after the newest record of a model."""
    # Two queries: SQLite answers each from an end of the index, but not both at once.
    ends: list[datetime | None] = [
        connection.execute(
            sa.select(extreme(predictions.c.t_rec)).where(predictions.c.model_id == model_id)
        ).scalar()
        for extreme in (sa.func.min, sa.func.max)
    ]
    first, last = ends
    if first is None or last is None:
        return None
    return Window(first, last + timedelta(seconds=1))


def find_regions(connection: sa.Connection, numbers: Iterable[int]) -> tuple[int, ...]:
    """Find the region ids of numbers, each of which may be a HARP or a NOAA number."""
    wanted = set(numbers)
    harps = harps_by_noaa(connection, wanted).values()
    return tuple(sorted({*wanted, *(-number for number in wanted), *chain.from_iterable(harps)}))


def known_regions(connection: sa.Connection, region_ids: Iterable[int]) -> list[int]:
    """Return those of the region ids that the store has records of, ascending."""
    query = sa.select(regions.c.region_id).where(regions.c.region_id.in_(list(region_ids)))
    return sorted(connection.execute(query).scalars())


def bounded(connection: sa.Connection, selection: Selection) -> Selection:
    """Narrow a selection to the newest `VIEW_LIMIT` records of its window and regions.

    A smaller one stays as it is. The conditions on values are applied afterwards: no index could
    tell how far back they reach.
    """
    everything = replace(selection, event=None, limits=(), rung="")
    # The index of the table with the window finds the newest.
    at = predictions.c.t_rec if selection.of == DAY else lead_forecasts.c.t_rec
    statement = (
        sa.select(at)
        .select_from(source(everything))
        .where(*conditions(everything))
        .order_by(at.desc())
        .offset(VIEW_LIMIT)
        .limit(1)
    )
    cut: datetime | None = connection.execute(statement).scalar()
    if cut is None:
        return selection
    start_at = cut + timedelta(microseconds=1)
    return replace(selection, window=Window(start_at, selection.window.end_at))


def page(
    connection: sa.Connection, selection: Selection, *, sort: Sort, start: int, limit: int
) -> list[dict[str, Any]]:
    """Read one page of records in the order of `sort`, each with the names of `COLUMNS`.

    Paged by an offset instead of a key, because any column may lead the order; the selection has
    to be `bounded` first, which bounds the cost of an offset.
    """
    keys = (
        sa.select(predictions.c.region_id, predictions.c.t_rec)
        .select_from(source(selection, COLUMNS[sort.column].table))
        .where(*conditions(selection))
        .order_by(*_order(sort, selection.of))
        .offset(start)
        .limit(min(limit, PAGE_LIMIT))
        .subquery()
    )
    chosen = sa.and_(
        predictions.c.region_id == keys.c.region_id,
        predictions.c.t_rec == keys.c.t_rec,
        predictions.c.model_id == selection.model_id,
    )
    observed = sa.and_(
        observations.c.region_id == keys.c.region_id, observations.c.t_rec == keys.c.t_rec
    )
    rows = records(selection.of).select_from(
        of_window(keys.join(predictions, chosen), selection.of)
        .outerjoin(observations, observed)
        .outerjoin(regions, regions.c.region_id == keys.c.region_id)
    )
    ordered = rows.order_by(*_order(sort, selection.of))
    return [dict(row) for row in connection.execute(ordered).mappings()]


def count(connection: sa.Connection, selection: Selection) -> int:
    """Count the records of a bounded selection."""
    counted = sa.select(sa.func.count()).select_from(source(selection))
    return connection.execute(counted.where(*conditions(selection))).scalar_one()


def records(of: ForecastWindow) -> sa.Select[Any]:
    """Begin a query for whole records with a window's forecasts; the caller adds the tables."""
    return sa.select(*(column(name, of).label(name) for name in COLUMNS))


def _order(sort: Sort, of: ForecastWindow) -> list[sa.ColumnElement[Any]]:
    leading = column(sort.column, of)
    tie = [predictions.c.t_rec.desc(), predictions.c.region_id]
    return [leading.desc() if sort.is_descending else leading.asc(), *tie]


def batches(engine: sa.Engine, selection: Selection) -> Iterator[list[dict[str, Any]]]:
    """Yield all records from old to new; no connection is held between two batches.

    Each record has the names of `selection.COLUMNS`. Batches continue behind the key of the last
    record, so that concurrent writes neither repeat nor skip records.
    """
    position: Position | None = None
    while True:
        with reading(engine, seconds=None) as connection:
            rows = _batch(connection, selection, after=position)
        if rows:
            yield rows
        if len(rows) < BATCH:
            return
        position = Position(rows[-1]["t_rec"], rows[-1]["region_id"])


def _batch(
    connection: sa.Connection, selection: Selection, *, after: Position | None
) -> list[dict[str, Any]]:
    """Read up to `BATCH` records behind a position."""
    table = predictions.c if selection.of == DAY else lead_forecasts.c
    statement = (
        records(selection.of)
        .select_from(source(selection, observations, regions))
        .where(*conditions(selection))
        .order_by(table.t_rec, table.region_id)
        .limit(BATCH)
    )
    if after is not None:
        # The first condition alone lets the index find its start; OR would not.
        statement = statement.where(
            table.t_rec >= after.t_rec,
            sa.or_(table.t_rec > after.t_rec, table.region_id > after.region_id),
        )
    return [dict(row) for row in connection.execute(statement).mappings()]
