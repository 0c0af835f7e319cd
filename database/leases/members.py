"""Members: the replicas that share a source, for as long as they are heard of."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from database.leases.shared_source import SharedSource
from database.tables import shard_members
from database.upsert import upsert

_COLUMNS = tuple(column.name for column in shard_members.columns)
_OF = shard_members.c


def live_members(
    connection: sa.Connection, source: SharedSource, *, lasts: timedelta, now: datetime
) -> dict[str, datetime]:
    """Return who is still there and since when, in the order of coming; the others are dropped.

    A silence that all shared, as when the API was away, is held against none of them.
    """
    ours = _OF.source == source.source
    if now - source.heard_at > lasts:
        connection.execute(sa.update(shard_members).where(ours).values(seen_at=now))
    else:
        silent = _OF.seen_at < now - lasts
        connection.execute(sa.delete(shard_members).where(ours, silent))
    query = sa.select(shard_members).where(ours).order_by(_OF.joined_at, _OF.sender_id)
    return {row.sender_id: row.joined_at for row in connection.execute(query)}


def keep_member(
    connection: sa.Connection, source: str, member: str, *, joined_at: datetime, now: datetime
) -> None:
    """Write down that a member is there."""
    upsert(connection, shard_members, columns=_COLUMNS, rows=[(source, member, joined_at, now)])


def drop_member(connection: sa.Connection, source: str, member: str) -> None:
    """Forget a member that leaves."""
    ours = (_OF.source == source, _OF.sender_id == member)
    connection.execute(sa.delete(shard_members).where(*ours))
