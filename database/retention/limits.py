"""The limits: before which time rows were let go, so that nobody counts anew what is no more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa

from database.tables import retention_limits
from database.upsert import upsert

# What the rollups of verification, drift and exploration are counted from.
COUNTED = ("observations", "predictions")
_DAY = timedelta(days=1)


def note_limit(connection: sa.Connection, shelf: str, kept_from: datetime) -> None:
    """Remember that a shelf is complete from `kept_from` on only; a limit never goes back."""
    known = limits(connection).get(shelf)
    if known is None or known < kept_from:
        row = (shelf, kept_from)
        upsert(connection, retention_limits, columns=("shelf", "kept_from"), rows=[row])


def limits(connection: sa.Connection) -> dict[str, datetime]:
    """Return from when on each shelf is complete; those of which nothing went have no limit."""
    rows = connection.execute(sa.select(retention_limits)).all()
    return {row.shelf: row.kept_from for row in rows}


def countable(connection: sa.Connection, days: Sequence[date]) -> list[date]:
    """Return those of the UTC days whose records and forecasts are all there still.

    What was counted of the others while they were there stays as it is.
    """
    known = limits(connection)
    gone = [known[shelf] for shelf in COUNTED if shelf in known]
    if not gone:
        return list(days)
    # One day more: the full-disk forecast at 00:00 stands on the last hours of the day before.
    first = max(gone).astimezone(UTC).date() + _DAY
    return [day for day in days if day >= first]
