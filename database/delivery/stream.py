"""The stream: the progress of consumer groups per partition, and of senders within each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import datetime

import sqlalchemy as sa

from database.schema.tables import stream_partitions, stream_senders
from database.upsert import upsert

MOST_PARTITIONS = 1_000


@dataclass(frozen=True)
class StreamPartition:
    """The progress of a consumer in one of its partitions.

    `committed` is the offset of the next message to be read, `end_offset` that of the next
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
        """The number of messages that wait."""
        return max(0, self.end_offset - self.committed)


_PARTITION_COLUMNS = tuple(field.name for field in fields(StreamPartition))
_SENDER_COLUMNS = tuple(column.name for column in stream_senders.columns)


def report_partitions(connection: sa.Connection, partitions: Sequence[StreamPartition]) -> None:
    """Write the progress of a consumer in its partitions, replacing the last one."""
    ordered = sorted(partitions, key=lambda one: (one.group_id, one.topic, one.partition_number))
    upsert(
        connection,
        stream_partitions,
        columns=_PARTITION_COLUMNS,
        rows=[astuple(one) for one in ordered],
    )


def list_partitions(
    connection: sa.Connection, *, limit: int = MOST_PARTITIONS
) -> list[StreamPartition]:
    """Read the partitions in the order of group, topic and number."""
    table = stream_partitions.c
    rows = connection.execute(
        sa.select(*(table[name] for name in _PARTITION_COLUMNS))
        .order_by(table.group_id, table.topic, table.partition_number)
        .limit(limit)
    )
    return [StreamPartition(*row) for row in rows]


def stream_state(connection: sa.Connection, *, since: datetime) -> tuple[int, int, int]:
    """Return the sums of committed and end offsets, and the number of partitions seen `since`."""
    table = stream_partitions.c
    n_active = sa.func.count(sa.case((table.seen_at >= since, 1)))
    sums = sa.func.sum(table.committed), sa.func.sum(table.end_offset)
    committed, end, active = connection.execute(sa.select(*sums, n_active)).one()
    return int(committed or 0), int(end or 0), active


def lock_counts(
    connection: sa.Connection, topic: str, sender_id: str, partitions: set[int]
) -> dict[int, int]:
    """Return the count that a sender has reached in some partitions, locked.

    Within a partition the rows of one sender lie in the order of its count, so that a row that
    is not beyond it is a duplicate: it was sent or delivered again.
    """
    ordered = sorted(partitions)
    blank = [(topic, number, sender_id, 0) for number in ordered]
    # Of two consumers with the first rows of a sender, one waits here for the other.
    upsert(connection, stream_senders, columns=_SENDER_COLUMNS, rows=blank, keep=("sent",))
    table = stream_senders.c
    rows = connection.execute(
        sa.select(table.partition_number, table.sent)
        .where(
            table.topic == topic,
            table.partition_number.in_(ordered),
            table.sender_id == sender_id,
        )
        .order_by(table.partition_number)
        .limit(len(ordered))
        .with_for_update()
    )
    return {row.partition_number: row.sent for row in rows}


def write_counts(
    connection: sa.Connection, topic: str, sender_id: str, counts: Mapping[int, int]
) -> None:
    """Write the count of a sender by partition, in the commit that stores the rows."""
    rows = [(topic, number, sender_id, sent) for number, sent in sorted(counts.items())]
    upsert(connection, stream_senders, columns=_SENDER_COLUMNS, rows=rows)
