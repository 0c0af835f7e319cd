"""The days whose rollups are behind the predictions or the flares."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import sqlalchemy as sa

from database.tables import verification_stale
from database.upsert import upsert
from solar.time import Window

_DAY = timedelta(days=1)


def mark_stale(connection: sa.Connection, days: Iterable[date]) -> None:
    """Have the next refresh recompute these UTC days of issue, and the day after each.

    The day after, because its full-disk forecast at 00:00 stands on the last hours of the
    day before, and because a flare is the next day's persistence forecast.
    """
    marked = {shifted for day in days for shifted in (day, day + _DAY)}
    rows = [(day.isoformat(),) for day in sorted(marked)]
    upsert(connection, verification_stale, columns=("day",), rows=rows)


def stale_days(connection: sa.Connection, limit: int) -> list[date]:
    """Return the oldest stale days, at most `limit`."""
    query = sa.select(verification_stale.c.day).order_by(verification_stale.c.day).limit(limit)
    return list(connection.execute(query).scalars())


def count_stale(connection: sa.Connection, window: Window) -> int:
    """Count the stale days that a window touches."""
    day = verification_stale.c.day
    first, last = window.start_at.date(), (window.end_at - timedelta(microseconds=1)).date()
    return connection.execute(
        sa.select(sa.func.count()).where(day.between(first, last))
    ).scalar_one()


def unmark(connection: sa.Connection, days: Iterable[date]) -> None:
    """Take the marks away, in the transaction that wrote the days' rollup."""
    connection.execute(verification_stale.delete().where(verification_stale.c.day.in_(list(days))))
