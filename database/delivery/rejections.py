"""Rejections: why rows were refused, counted by the hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from database.tables import rejections
from database.upsert import upsert
from solar.time import Window

_COLUMNS = tuple(column.name for column in rejections.columns)
# A year of many reasons; the limit keeps a wrong range from reading without end.
_MOST_ROWS = 20_000


@dataclass(frozen=True)
class Cause:
    """Why rows of one request were refused: where, what for, how often, and one case in full."""

    path: str
    reason: str
    n: int
    example: str


@dataclass(frozen=True)
class Refusal:
    """How often rows were refused for one reason in a range; the last case stands for all."""

    path: str
    reason: str
    n: int
    last_at: datetime
    last_sender: str
    example: str


def record_rejections(
    connection: sa.Connection, causes: Sequence[Cause], *, sender_id: str, now: datetime
) -> None:
    """Add the refusals of one request to those of its hour."""
    if not causes:
        return
    hour_at = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    # In the order of the key, so that two senders never wait for each other in a ring.
    ordered = sorted(causes, key=lambda cause: (cause.path, cause.reason))
    rows = [(hour_at, c.path, c.reason, 0, now, sender_id, c.example) for c in ordered]
    upsert(connection, rejections, columns=_COLUMNS, rows=rows, keep=("n",))
    table = rejections.c
    for cause in ordered:
        connection.execute(
            rejections.update()
            .where(table.hour_at == hour_at, table.path == cause.path, table.reason == cause.reason)
            .values(n=table.n + cause.n)
        )


def top_refusals(connection: sa.Connection, window: Window, *, limit: int) -> list[Refusal]:
    """Return the most frequent reasons of the hours that a range of receipt touches."""
    table = rejections.c
    start_at = window.start_at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    rows = connection.execute(
        sa.select(rejections)
        .where(table.hour_at >= start_at, table.hour_at < window.end_at)
        .order_by(table.hour_at)
        .limit(_MOST_ROWS)
    )
    found: dict[tuple[str, str], Refusal] = {}
    for row in rows:
        key = (row.path, row.reason)
        found[key] = _merged(found.get(key), row)
    return sorted(found.values(), key=lambda refusal: (-refusal.n, refusal.path))[:limit]


def _merged(before: Refusal | None, row: sa.Row[Any]) -> Refusal:
    n = row.n + (0 if before is None else before.n)
    return Refusal(row.path, row.reason, n, row.last_at, row.last_sender, row.example)
