"""Pruning: rows that are older than the policy keeps them, let go in small steps."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa

from database.drift.refresh import refresh_drift
from database.engine import reading, transact
from database.exploration.days import refresh_exploration
from database.retention.limits import note_limit
from database.retention.policy import Shelf, kept_from
from database.upkeep.partitions import drop_before
from database.verification.skill import refresh
from solar.errors import FlarewatchError

# What one transaction locks at most, unless more rows share one time.
ROWS_PER_STEP = 2_000
# Between two steps the store belongs to others for as long as the step took, but not longer.
_LONGEST_PAUSE_SECONDS = 1.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pruned:
    """What was let go of a shelf, or would be."""

    name: str
    kept_from: datetime
    rows: int
    partitions: int = 0

    def __str__(self) -> str:
        whole = f", {self.partitions} whole months of them at once" if self.partitions else ""
        return f"{self.name}: {self.rows} rows before {self.kept_from:%Y-%m-%d}{whole}"


def prune(
    engine: sa.Engine, ages: Mapping[str, str], *, now: datetime, is_dry_run: bool = False
) -> list[Pruned]:
    """Let go what is older than `ages` says, each shelf's rows in steps; safe to cut and repeat.

    The rollups of verification, drift and exploration keep what they have counted: they are
    brought up to date before the rows that they are counted from go, and the days of those are
    not counted again.
    """
    due = kept_from(ages, now)
    if is_dry_run:
        return [Pruned(shelf.name, at, _count(engine, shelf, at)) for shelf, at in due]
    for shelf, at in due:
        if _count(engine, shelf, at, most=1):
            if shelf.is_counted:
                _count_rollups(engine)
            transact(engine, partial(note_limit, shelf=shelf.name, kept_from=at))
    return [_prune(engine, shelf, at) for shelf, at in due]


def _count_rollups(engine: sa.Engine) -> None:
    for count in (refresh, refresh_drift, refresh_exploration):
        count(engine)


def _count(engine: sa.Engine, shelf: Shelf, at: datetime, *, most: int | None = None) -> int:
    rows = sa.select(shelf.at).where(shelf.at < at)
    if shelf.only is not None:
        rows = rows.where(shelf.only)
    with reading(engine) as connection:
        counted = sa.select(sa.func.count()).select_from(rows.limit(most).subquery())
        return connection.execute(counted).scalar_one()


def _prune(engine: sa.Engine, shelf: Shelf, at: datetime) -> Pruned:
    rows, partitions = _drop(engine, shelf, at)
    with reading(engine) as connection:
        conditions = list(_conditions(connection, shelf))
    for condition in conditions:
        rows += _delete(engine, shelf, sa.and_(condition, shelf.at < at))
    return Pruned(shelf.name, at, rows, partitions)


def _drop(engine: sa.Engine, shelf: Shelf, at: datetime) -> tuple[int, int]:
    if "t_rec" not in shelf.table.c or shelf.at is not shelf.table.c.t_rec:
        return 0, 0
    try:
        return drop_before(engine, shelf.table, at)
    except FlarewatchError as error:
        # Not every account may change a table, and a long reader is not to be waited for.
        _log.info("months of %s are deleted row by row: %s", shelf.table.name, error)
        return 0, 0


def _conditions(connection: sa.Connection, shelf: Shelf) -> Iterator[sa.ColumnElement[bool]]:
    """Divide a shelf by the column that stands first in its index."""
    only = sa.true() if shelf.only is None else shelf.only
    if shelf.each is None:
        yield only
        return
    following = sa.select(sa.func.min(shelf.each)).where(only)
    value: Any = connection.execute(following).scalar()
    while value is not None:
        yield sa.and_(only, shelf.each == value)
        value = connection.execute(following.where(shelf.each > value)).scalar()


def _delete(engine: sa.Engine, shelf: Shelf, condition: sa.ColumnElement[bool]) -> int:
    rows = 0
    while True:
        began = time.monotonic()
        deleted = transact(engine, partial(_delete_oldest, shelf=shelf, condition=condition))
        if not deleted:
            return rows
        rows += deleted
        time.sleep(min(time.monotonic() - began, _LONGEST_PAUSE_SECONDS))


def _delete_oldest(
    connection: sa.Connection, *, shelf: Shelf, condition: sa.ColumnElement[bool]
) -> int:
    # Up to a time rather than a number of rows, which is the same in every dialect.
    oldest = sa.select(shelf.at).where(condition).order_by(shelf.at).limit(1)
    until = connection.execute(oldest.offset(ROWS_PER_STEP)).scalar()
    first = connection.execute(oldest).scalar()
    if until is not None:
        condition = sa.and_(condition, shelf.at < until if first != until else shelf.at <= until)
    return connection.execute(shelf.table.delete().where(condition)).rowcount if first else 0
