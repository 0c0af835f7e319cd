"""A shard: a part of a shared source with one holder at a time, and how far it is delivered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from database.leases.terms import Progress
from database.tables import shard_leases
from database.upsert import upsert

_COLUMNS = tuple(column.name for column in shard_leases.columns)


@dataclass(frozen=True)
class Shard:
    """A shard as the store keeps it."""

    holder: str | None = None
    delivered: int = 0
    through: datetime | None = None
    finished_at: datetime | None = None

    def advanced(self, told: Progress, *, now: datetime) -> Shard:
        """Add what is told: who tells went on from a known point, so the furthest word holds."""
        times = [at for at in (self.through, told.through) if at is not None]
        finished_at = self.finished_at or (now if told.is_finished else None)
        return Shard(
            None if finished_at else self.holder, max(self.delivered, told.delivered),
            max(times, default=None), finished_at,
        )  # fmt: skip

    def held_by(self, member: str | None) -> Shard:
        """Give the shard to a member, or to nobody."""
        return replace(self, holder=member)


def create_shards(connection: sa.Connection, source: str, count: int) -> None:
    """Write the shards of a new source; those that are there already stay as they are."""
    rows = [(source, number, None, 0, None, None) for number in range(count)]
    upsert(connection, shard_leases, columns=_COLUMNS, rows=rows, keep=_COLUMNS)


def load_shards(connection: sa.Connection, source: str, count: int) -> dict[int, Shard]:
    """Read all shards of a source by their number."""
    query = sa.select(shard_leases).where(shard_leases.c.source == source).limit(count)
    return {
        row.shard: Shard(row.sender_id, row.delivered, row.through, row.finished_at)
        for row in connection.execute(query)
    }


def write_shards(connection: sa.Connection, source: str, changed: Mapping[int, Shard]) -> None:
    """Keep shards that have changed."""
    rows = [
        (source, number, shard.holder, shard.delivered, shard.through, shard.finished_at)
        for number, shard in sorted(changed.items())
    ]
    upsert(connection, shard_leases, columns=_COLUMNS, rows=rows)
