"""A shared source: one row that whoever asks for a lease locks, so that all take turns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from database.leases.shard import Shard, create_shards
from database.leases.terms import Word
from database.tables import shared_sources
from database.upsert import upsert
from solar.errors import InvalidInputError

_COLUMNS = tuple(column.name for column in shared_sources.columns)


@dataclass(frozen=True)
class SharedSource:
    """A source as the store keeps it; a new generation begins when it is delivered anew."""

    source: str
    shards: int
    generation: int
    starts_at: datetime
    event_at: datetime
    began_at: datetime
    heard_at: datetime

    def again(self, starts_at: datetime) -> SharedSource:
        """Begin a new generation."""
        return replace(self, generation=self.generation + 1, starts_at=starts_at)

    def with_clock(self, shards: Iterable[Shard], *, now: datetime) -> SharedSource:
        """Let event time go on from where the shards stand: nobody has followed it of late."""
        left = [shard.through or self.starts_at for shard in shards if shard.finished_at is None]
        return replace(self, event_at=min(left, default=self.starts_at), began_at=now)


def locked_source(connection: sa.Connection, word: Word, *, now: datetime) -> SharedSource:
    """Read a source, made where it is new, and keep it from all others until the commit.

    Raises
    ------
    InvalidInputError
        When it is shared in another number of shards than the member knows.
    """
    query = sa.select(shared_sources).where(shared_sources.c.source == word.source)
    found = connection.execute(query.with_for_update()).first()
    if found is None:
        # Of two first words at once one waits here for the other, then both find the same.
        first = (word.source, word.shards, 1, word.starts_at, word.starts_at, now, now)
        upsert(connection, shared_sources, columns=_COLUMNS, rows=[first], keep=_COLUMNS)
        create_shards(connection, word.source, word.shards)
        found = connection.execute(query.with_for_update()).one()
    if found.shards != word.shards:
        raise InvalidInputError(
            f"the source is shared in {found.shards} shards, not {word.shards}; run the same"
            " version of the sender everywhere"
        )
    return SharedSource(**found._mapping)


def write_source(connection: sa.Connection, source: SharedSource) -> None:
    """Keep a source that is locked."""
    row = [getattr(source, name) for name in _COLUMNS]
    upsert(connection, shared_sources, columns=_COLUMNS, rows=[row])
