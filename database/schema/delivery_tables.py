"""The tables of how records are carried: shards and their holders, the offsets of a stream."""

from __future__ import annotations

import sqlalchemy as sa

from database.schema.column_types import UtcDateTime, identifier
from database.schema.metadata import table

# A source that replicas share: where it begins, and the clock that all of them follow.
shared_sources = table(
    "shared_sources",
    sa.Column("source", identifier(64), primary_key=True),
    sa.Column("shards", sa.Integer, nullable=False),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("starts_at", UtcDateTime, nullable=False),
    sa.Column("event_at", UtcDateTime, nullable=False, comment="event time at began_at"),
    sa.Column("began_at", UtcDateTime, nullable=False),
    sa.Column("heard_at", UtcDateTime, nullable=False),
)

# The parts of a shared source; what is delivered stays known when a holder dies.
shard_leases = table(
    "shard_leases",
    sa.Column("source", identifier(64), primary_key=True),
    sa.Column("shard", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("sender_id", identifier(64)),
    sa.Column("delivered", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("through", UtcDateTime),
    sa.Column("finished_at", UtcDateTime),
)

# The replicas that share a source, also those that hold no shard yet.
shard_members = table(
    "shard_members",
    sa.Column("source", identifier(64), primary_key=True),
    sa.Column("sender_id", identifier(64), primary_key=True),
    sa.Column("joined_at", UtcDateTime, nullable=False),
    sa.Column("seen_at", UtcDateTime, nullable=False),
)

# How far a consumer group has come in each partition of a topic, and where the partition ends.
stream_partitions = table(
    "stream_partitions",
    sa.Column("group_id", identifier(64), primary_key=True),
    sa.Column("topic", identifier(128), primary_key=True),
    sa.Column("partition_number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("committed", sa.BigInteger, nullable=False),
    sa.Column("end_offset", sa.BigInteger, nullable=False),
    sa.Column("consumer_id", identifier(64), nullable=False),
    sa.Column("seen_at", UtcDateTime, nullable=False),
)

# How far the count of a sender has come in each partition of a topic: what is not beyond it has
# been received before.
stream_senders = table(
    "stream_senders",
    sa.Column("topic", identifier(128), primary_key=True),
    sa.Column("partition_number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("sender_id", identifier(64), primary_key=True),
    sa.Column("sent", sa.BigInteger, nullable=False),
)
