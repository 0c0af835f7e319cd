"""The days of the rollups: which UTC days are stale, and which can still be counted.

The rollups of verification, drift and exploration mark the days that changed; their next refresh
recomputes those. Once rows were pruned, the days before the limit keep what was counted of them.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa

from database.schema.rollup_tables import (
    drift_stale,
    exploration_stale,
    retention_limits,
    verification_stale,
)
from database.upsert import upsert

# The rows that the rollups are counted from, by the name of their retention rule.
COUNTED = ("observations", "predictions", "lead_forecasts")

# The stamp of each stale day, which is another one whenever the day is marked again.
Marks = Mapping[date, int]

_DAY = timedelta(days=1)


def mark_stale(connection: sa.Connection, days: Iterable[date]) -> None:
    """Have the next refresh of verification recompute these days of issue, and the day after each.

    The day after, because its full-disk forecast at 00:00 uses the last hours of the day before,
    and because a flare is the next day's persistence forecast.
    """
    _mark(connection, verification_stale, {each for day in days for each in (day, day + _DAY)})


def mark_drift(connection: sa.Connection, days: Iterable[date]) -> None:
    """Have the next refresh of drift count these UTC days again."""
    _mark(connection, drift_stale, set(days))


def mark_exploration(connection: sa.Connection, days: Iterable[date]) -> None:
    """Have the next refresh of exploration recompute these UTC days, whose forecasts are new."""
    _mark(connection, exploration_stale, set(days))


def _mark(connection: sa.Connection, stale: sa.Table, days: Set[date]) -> None:
    stamp = secrets.randbits(62)
    rows = [(day.isoformat(), stamp) for day in sorted(days)]
    upsert(connection, stale, columns=("day", "stamp"), rows=rows)


def stale_marks(
    connection: sa.Connection, stale: sa.Table, limit: int, *, after: date | None = None
) -> Marks:
    """Return the marks of the oldest stale days of a rollup, those later than `after`."""
    day = stale.c.day
    later = [day > after] if after else []
    query = sa.select(day, stale.c.stamp).where(*later).order_by(day).limit(limit)
    return {row.day: row.stamp for row in connection.execute(query)}


def settle_marks(connection: sa.Connection, stale: sa.Table, marks: Marks) -> set[date]:
    """Take away the marks of days that were counted; return the days whose counts are to be kept.

    Days are counted without a lock, so that nobody waits who marks one. A mark that has changed
    meanwhile stays, and its day is counted again. A day without a mark was counted by somebody
    else, from rows that are no older.
    """
    table = stale.c
    query = sa.select(table.day, table.stamp).where(table.day.in_(list(marks)))
    known = {row.day: row.stamp for row in connection.execute(query.with_for_update())}
    same = [day for day, stamp in known.items() if stamp == marks[day]]
    connection.execute(stale.delete().where(table.day.in_(same)))
    return set(known)


def count_stale(connection: sa.Connection, first: date | None, last: date | None) -> int:
    """Count the stale days of verification from `first` to `last`; None is without a bound."""
    day = verification_stale.c.day
    bounds = [*([day >= first] if first else ()), *([day <= last] if last else ())]
    query = sa.select(sa.func.count()).select_from(verification_stale).where(*bounds)
    return connection.execute(query).scalar_one()


def note_limit(connection: sa.Connection, rule: str, kept_from: datetime) -> None:
    """Record that the rows of a retention rule are complete only from `kept_from` on.

    A limit never moves back.
    """
    known = limits(connection).get(rule)
    if known is None or known < kept_from:
        row = (rule, kept_from)
        upsert(connection, retention_limits, columns=("shelf", "kept_from"), rows=[row])


def limits(connection: sa.Connection) -> dict[str, datetime]:
    """Return, by retention rule, from when on its rows are complete; unpruned ones are absent."""
    rows = connection.execute(sa.select(retention_limits)).all()
    return {row.shelf: row.kept_from for row in rows}


def countable(connection: sa.Connection, days: Sequence[date]) -> list[date]:
    """Return those of the UTC days whose records and forecasts are all still stored.

    The counts of the other days stay as they are.
    """
    known = limits(connection)
    kept_from = [known[rule] for rule in COUNTED if rule in known]
    if not kept_from:
        return list(days)
    # One day more: the full-disk forecast at 00:00 uses the last hours of the day before.
    first = max(kept_from).astimezone(UTC).date() + _DAY
    return [day for day in days if day >= first]
