"""The analyst's view of the store: which predictions a filter selects, and what they amount to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

import sqlalchemy as sa

from database.harps import harps_by_noaa
from database.tables import observations, predictions, regions
from solar.errors import InvalidInputError
from solar.flares import EVENTS, Event
from solar.sharp import KEYWORDS
from solar.time import Window

# A view counts, sorts and averages at most this many records, the newest of its range: the
# cost of a view must not grow with the range. An export has no such limit.
VIEW_LIMIT = 10_000
PAGE_LIMIT = 500

COLUMNS: dict[str, sa.ColumnElement[Any]] = {
    "region_id": predictions.c.region_id,
    "noaa_ars": regions.c.noaa_ars,
    "t_rec": predictions.c.t_rec,
    **{event.column: predictions.c[event.column] for event in EVENTS},
    "rung": predictions.c.rung,
    "reason": predictions.c.reason,
    "imputed_share": predictions.c.imputed_share,
    **{keyword.column: observations.c[keyword.column] for keyword in KEYWORDS},
}


@dataclass(frozen=True)
class Selection:
    """The records of one model in a window; the filters narrow it when they are set.

    `region_ids` None means every region, () none at all. With `event` only forecasts of at
    least `min_probability` for it are selected, so a record without a forecast is not.
    """

    model_id: str
    window: Window
    region_ids: tuple[int, ...] | None = None
    event: Event | None = None
    min_probability: float = 0.0


@dataclass(frozen=True)
class Sort:
    """The column that orders a page, a name of `COLUMNS`."""

    column: str = "t_rec"
    is_descending: bool = True

    def __post_init__(self) -> None:
        if self.column not in COLUMNS:
            raise InvalidInputError(f"no column {self.column!r} to sort by; see the table's head")


def extent(connection: sa.Connection, model_id: str) -> Window | None:
    """Find the window from the oldest to just after the newest record of a model."""
    at = predictions.c.t_rec
    found = connection.execute(
        sa.select(sa.func.min(at), sa.func.max(at)).where(predictions.c.model_id == model_id)
    ).one()
    return None if found[0] is None else Window(found[0], found[1] + timedelta(seconds=1))


def find_regions(connection: sa.Connection, numbers: Iterable[int]) -> tuple[int, ...]:
    """Find the region ids that HARP or NOAA numbers may mean, either kind for each number."""
    wanted = set(numbers)
    harps = harps_by_noaa(connection, wanted).values()
    return tuple(sorted({*wanted, *(-number for number in wanted), *chain.from_iterable(harps)}))


def bounded(connection: sa.Connection, selection: Selection) -> Selection:
    """Narrow a selection to its newest `VIEW_LIMIT` records; a smaller one stays as it is."""
    everything = replace(selection, event=None)
    statement = (
        sa.select(predictions.c.t_rec)
        .where(*conditions(everything))
        .order_by(predictions.c.t_rec.desc())
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

    An offset serves here and not a key, because any column may lead the order; the
    selection has to be `bounded` before, which bounds what an offset can cost.
    """
    keys = (
        sa.select(predictions.c.region_id, predictions.c.t_rec)
        .select_from(_joined(COLUMNS[sort.column].table))
        .where(*conditions(selection))
        .order_by(*_order(sort))
        .offset(start)
        .limit(min(limit, PAGE_LIMIT))
        .subquery()
    )
    chosen = sa.and_(
        predictions.c.region_id == keys.c.region_id,
        predictions.c.t_rec == keys.c.t_rec,
        predictions.c.model_id == selection.model_id,
    )
    rows = records().select_from(
        keys.join(predictions, chosen)
        .outerjoin(observations, _same_record())
        .outerjoin(regions, regions.c.region_id == predictions.c.region_id)
    )
    return [dict(row) for row in connection.execute(rows.order_by(*_order(sort))).mappings()]


def count(connection: sa.Connection, selection: Selection) -> int:
    """Count the records of a bounded selection."""
    statement = sa.select(sa.func.count()).select_from(predictions).where(*conditions(selection))
    return connection.execute(statement).scalar_one()


def records() -> sa.Select[Any]:
    """Begin a query for whole records; the caller says from where."""
    return sa.select(*(column.label(name) for name, column in COLUMNS.items()))


def conditions(selection: Selection) -> list[sa.ColumnElement[bool]]:
    """Write a selection as conditions on the predictions."""
    found = [
        predictions.c.model_id == selection.model_id,
        predictions.c.t_rec >= selection.window.start_at,
        predictions.c.t_rec < selection.window.end_at,
    ]
    if selection.region_ids is not None:
        found.append(predictions.c.region_id.in_(selection.region_ids))
    if selection.event is not None:
        found.append(predictions.c[selection.event.column] >= selection.min_probability)
    return found


def whole_records() -> sa.FromClause:
    """Join each prediction with its observation and its region, where they are known."""
    return predictions.outerjoin(observations, _same_record()).outerjoin(
        regions, regions.c.region_id == predictions.c.region_id
    )


def _joined(sorted_table: sa.FromClause) -> sa.FromClause:
    if sorted_table is observations:
        return predictions.outerjoin(observations, _same_record())
    if sorted_table is regions:
        return predictions.outerjoin(regions, regions.c.region_id == predictions.c.region_id)
    return predictions


def _same_record() -> sa.ColumnElement[bool]:
    return sa.and_(
        observations.c.region_id == predictions.c.region_id,
        observations.c.t_rec == predictions.c.t_rec,
    )


def _order(sort: Sort) -> list[sa.ColumnElement[Any]]:
    leading = COLUMNS[sort.column]
    tie = [predictions.c.t_rec.desc(), predictions.c.region_id]
    return [leading.desc() if sort.is_descending else leading.asc(), *tie]
