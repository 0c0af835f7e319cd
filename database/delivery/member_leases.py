"""The leases of one sender: the shards that it holds, has lost to others, and took over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from database.schema.tables import shard_leases, shard_members, shared_sources

_MOST_SOURCES = 100


@dataclass(frozen=True)
class MemberLease:
    """What a sender holds of a shared source of so many `shards`.

    The times are None for a sender that is no member now. By name, `taken_by` are the shards that
    others took over when it fell silent, `taken_from` those that it took over.
    """

    source: str
    shards: int
    unfinished: int
    joined_at: datetime | None
    seen_at: datetime | None
    held: tuple[int, ...]
    taken_by: Mapping[str, tuple[int, ...]]
    taken_from: Mapping[str, tuple[int, ...]]


def member_leases(connection: sa.Connection, member: str) -> list[MemberLease]:
    """Return the leases of a sender on each source that it shares, or has shared."""
    query = sa.select(shared_sources).order_by(shared_sources.c.source).limit(_MOST_SOURCES)
    leases = (_member_lease(connection, row, member) for row in connection.execute(query).all())
    return [lease for lease in leases if lease is not None]


def _member_lease(
    connection: sa.Connection, source: sa.Row[Any], member: str
) -> MemberLease | None:
    of_source = shard_leases.c.source == source.source
    query = sa.select(shard_leases).where(of_source).order_by(shard_leases.c.shard)
    shards = connection.execute(query.limit(source.shards)).all()
    times = connection.execute(
        sa.select(shard_members.c.joined_at, shard_members.c.seen_at).where(
            shard_members.c.source == source.source, shard_members.c.sender_id == member
        )
    ).first()
    taken = [one for one in shards if one.taken_by and one.taken_by != one.lost_by]
    lease = MemberLease(
        source.source,
        source.shards,
        sum(one.finished_at is None for one in shards),
        None if times is None else times.joined_at,
        None if times is None else times.seen_at,
        held=tuple(one.shard for one in shards if one.sender_id == member),
        taken_by=_by_name((one.taken_by, one.shard) for one in taken if one.lost_by == member),
        taken_from=_by_name((one.lost_by, one.shard) for one in taken if one.taken_by == member),
    )
    is_empty = not (times or lease.held or lease.taken_by or lease.taken_from)
    return None if is_empty else lease


def _by_name(pairs: Iterable[tuple[str, int]]) -> dict[str, tuple[int, ...]]:
    grouped: dict[str, tuple[int, ...]] = {}
    for name, number in pairs:
        grouped[name] = (*grouped.get(name, ()), number)
    return grouped
