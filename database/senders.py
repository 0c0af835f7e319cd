"""Senders: who delivered how much, and how far each has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from database.tables import senders
from database.upsert import upsert

COUNTERS = ("accepted", "duplicates", "revised", "rejected")
_COLUMNS = ("sender_id", "first_seen_at", "last_seen_at", "last_sequence", *COUNTERS)


@dataclass(frozen=True)
class Delivery:
    """What became of the rows of one request."""

    accepted: int
    duplicates: int
    revised: int
    rejected: int


def record_delivery(
    connection: sa.Connection,
    sender_id: str,
    delivery: Delivery,
    *,
    sequence: int | None,
    now: datetime,
) -> None:
    """Add one request to the counters of its sender; the sequence never goes back."""
    known = (
        connection.execute(
            sa.select(senders).where(senders.c.sender_id == sender_id).with_for_update()
        )
        .mappings()
        .first()
    )
    before: dict[str, Any] = {} if known is None else dict(known)
    sequences = [s for s in (before.get("last_sequence"), sequence) if s is not None]
    row = (
        sender_id,
        before.get("first_seen_at", now),
        now,
        max(sequences, default=None),
        *(before.get(name, 0) + getattr(delivery, name) for name in COUNTERS),
    )
    upsert(connection, senders, columns=_COLUMNS, rows=[row])


def list_senders(
    connection: sa.Connection, *, limit: int, after: str | None = None
) -> list[dict[str, Any]]:
    """Read the senders by name."""
    query = sa.select(senders).order_by(senders.c.sender_id).limit(limit)
    if after is not None:
        query = query.where(senders.c.sender_id > after)
    return [dict(row) for row in connection.execute(query).mappings()]
