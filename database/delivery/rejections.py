"""Rejections: why rows were rejected, counted by the hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from database.schema.tables import rejections
from database.upsert import upsert
from solar.time import Window

_COLUMNS = tuple(column.name for column in rejections.columns)
# A year of many reasons; the limit keeps a wrong range from reading without end.
_MOST_ROWS = 20_000


@dataclass(frozen=True)
class RejectionCause:
    """Why rows of a sender were rejected: path, reason, how often, and one case in full."""

    path: str
    reason: str
    n: int
    example: str
    sender_id: str


@dataclass(frozen=True)
class RejectionTotal:
    """How often rows were rejected for one reason in a range, with the last case as example."""

    path: str
    reason: str
    n: int
    last_at: datetime
    last_sender: str
    example: str


def record_rejections(
    connection: sa.Connection, causes: Sequence[RejectionCause], *, now: datetime
) -> None:
    """Add rejections to those of their hour; of causes alike the last gives the example."""
    if not causes:
        return
    hour_at = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    # In the order of the key, so that two writers never wait for each other in a ring.
    ordered = sorted(causes, key=lambda cause: (cause.path, cause.reason))
    latest = {(c.path, c.reason): (0, now, c.sender_id, c.example) for c in ordered}
    rows = [(hour_at, *key, *values) for key, values in latest.items()]
    upsert(connection, rejections, columns=_COLUMNS, rows=rows, keep=("n",))
    table = rejections.c
    for cause in ordered:
        connection.execute(
            rejections.update()
            .where(table.hour_at == hour_at, table.path == cause.path, table.reason == cause.reason)
            .values(n=table.n + cause.n)
        )


def top_rejections(
    connection: sa.Connection, window: Window, *, limit: int
) -> list[RejectionTotal]:
    """Return the most frequent reasons of the hours that a range of receipt touches."""
    table = rejections.c
    start_at = window.start_at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    rows = connection.execute(
        sa.select(rejections)
        .where(table.hour_at >= start_at, table.hour_at < window.end_at)
        .order_by(table.hour_at)
        .limit(_MOST_ROWS)
    )
    totals: dict[tuple[str, str], RejectionTotal] = {}
    for row in rows:
        key = (row.path, row.reason)
        totals[key] = _merged(totals.get(key), row)
    return sorted(totals.values(), key=lambda total: (-total.n, total.path))[:limit]


def _merged(before: RejectionTotal | None, row: sa.Row[Any]) -> RejectionTotal:
    n = row.n + (0 if before is None else before.n)
    return RejectionTotal(row.path, row.reason, n, row.last_at, row.last_sender, row.example)
