"""Stream partitions: how far a consumer group has come in each, and where each of them ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from datetime import datetime

import sqlalchemy as sa

from database.tables import stream_partitions
from database.upsert import upsert

MOST_PARTITIONS = 1_000


@dataclass(frozen=True)
class StreamPartition:
    """The word of a consumer about one of its partitions.

    `committed` is the offset of the next message to be taken in, `end_offset` that of the next
    one to be written.
    """

    group_id: str
    topic: str
    partition_number: int
    committed: int
    end_offset: int
    consumer_id: str
    seen_at: datetime

    @property
    def lag(self) -> int:
        """Messages that wait."""
        return max(0, self.end_offset - self.committed)


_COLUMNS = tuple(field.name for field in fields(StreamPartition))


def report_partitions(connection: sa.Connection, partitions: Sequence[StreamPartition]) -> None:
    """Write down how far a consumer is in its partitions; the last word about each holds."""
    ordered = sorted(partitions, key=lambda one: (one.group_id, one.topic, one.partition_number))
    upsert(connection, stream_partitions, columns=_COLUMNS, rows=[astuple(one) for one in ordered])


def list_partitions(
    connection: sa.Connection, *, limit: int = MOST_PARTITIONS
) -> list[StreamPartition]:
    """Read the partitions in the order of group, topic and number."""
    table = stream_partitions.c
    rows = connection.execute(
        sa.select(*(table[name] for name in _COLUMNS))
        .order_by(table.group_id, table.topic, table.partition_number)
        .limit(limit)
    )
    return [StreamPartition(*row) for row in rows]


def stream_state(connection: sa.Connection, *, since: datetime) -> tuple[int, int, int]:
    """Return the sums of committed and of end offsets, and the partitions heard of `since`."""
    table = stream_partitions.c
    heard = sa.func.count(sa.case((table.seen_at >= since, 1)))
    sums = sa.func.sum(table.committed), sa.func.sum(table.end_offset)
    committed, end, active = connection.execute(sa.select(*sums, heard)).one()
    return int(committed or 0), int(end or 0), active
