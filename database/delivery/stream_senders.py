"""Stream senders: which rows of a sender each partition of a topic has brought already."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from database.tables import stream_senders
from database.upsert import upsert

_COLUMNS = tuple(column.name for column in stream_senders.columns)


def lock_counts(
    connection: sa.Connection, topic: str, sender_id: str, partitions: set[int]
) -> dict[int, int]:
    """Return the count that a sender has reached in some partitions, and keep others waiting.

    Within a partition the rows of one sender lie in the order of its count, so that a row that
    is not beyond it has been received before: it was sent again, or delivered again.
    """
    ordered = sorted(partitions)
    blank = [(topic, number, sender_id, 0) for number in ordered]
    # Of two consumers that see a sender first, one waits here for the other.
    upsert(connection, stream_senders, columns=_COLUMNS, rows=blank, keep=("sent",))
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
    """Write down what a sender has reached by partition, in the commit that stores the rows."""
    rows = [(topic, number, sender_id, sent) for number, sent in sorted(counts.items())]
    upsert(connection, stream_senders, columns=_COLUMNS, rows=rows)
