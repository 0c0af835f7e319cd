"""The tables of who serves, who delivers and who may call."""

from __future__ import annotations

import sqlalchemy as sa

from database.schema.column_types import UtcDateTime, identifier, long_text
from database.schema.metadata import table

models = table(
    "models",
    sa.Column("model_id", identifier(64), primary_key=True),
    sa.Column("name", identifier(48), nullable=False),
    sa.Column("version", identifier(15), nullable=False),
    sa.Column("stage", identifier(16), nullable=False),
    sa.Column("manifest", long_text(), nullable=False),
    sa.Column("sha256", identifier(64), nullable=False),
    sa.Column("registered_at", UtcDateTime, nullable=False),
    sa.Column("staged_at", UtcDateTime, nullable=False),
)

# Which model stood on which stage from when on, so that a past forecast finds its threshold.
model_stages = table(
    "model_stages",
    sa.Column("model_id", identifier(64), primary_key=True),
    sa.Column("from_at", UtcDateTime, primary_key=True),
    sa.Column("stage", identifier(16), nullable=False),
)

senders = table(
    "senders",
    sa.Column("sender_id", identifier(64), primary_key=True),
    sa.Column("first_seen_at", UtcDateTime, nullable=False),
    sa.Column("last_seen_at", UtcDateTime, nullable=False),
    sa.Column("last_sequence", sa.BigInteger),
    sa.Column("accepted", sa.BigInteger, nullable=False),
    sa.Column("duplicates", sa.BigInteger, nullable=False),
    sa.Column("revised", sa.BigInteger, nullable=False),
    sa.Column("rejected", sa.BigInteger, nullable=False),
    sa.Column("late", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("sent", sa.BigInteger, comment="rows handed over; NULL: the sender does not say"),
    sa.Column("sent_before", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("spooled", sa.BigInteger),
)

# What came in, added up over stretches of several lengths side by side, so that an hour and a
# year are both read from few rows; `processing` and `latency` are packed by solar.durations.
ingest_flow = table(
    "ingest_flow",
    sa.Column("span_seconds", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("start_at", UtcDateTime, primary_key=True),
    sa.Column("sender_id", identifier(64), primary_key=True),
    sa.Column("requests", sa.BigInteger, nullable=False),
    sa.Column("accepted", sa.BigInteger, nullable=False),
    sa.Column("duplicates", sa.BigInteger, nullable=False),
    sa.Column("revised", sa.BigInteger, nullable=False),
    sa.Column("late", sa.BigInteger, nullable=False),
    sa.Column("rejected", sa.BigInteger, nullable=False),
    sa.Column("predictions", sa.BigInteger, nullable=False),
    sa.Column("processing", sa.LargeBinary(1024), nullable=False),
    sa.Column("latency", sa.LargeBinary(1024), nullable=False),
)

# Why rows were refused, by the hour; the path without its index, the reason without values.
rejections = table(
    "rejections",
    sa.Column("hour_at", UtcDateTime, primary_key=True),
    sa.Column("path", identifier(64), primary_key=True),
    sa.Column("reason", identifier(160), primary_key=True),
    sa.Column("n", sa.BigInteger, nullable=False),
    sa.Column("last_at", UtcDateTime, nullable=False),
    sa.Column("last_sender", identifier(64), nullable=False),
    sa.Column("example", sa.String(255), nullable=False),
)

# Rows of a shelf of database.retention were let go; it is complete from `kept_from` on only.
retention_limits = table(
    "retention_limits",
    sa.Column("shelf", identifier(64), primary_key=True),
    sa.Column("kept_from", UtcDateTime, nullable=False),
)

users = table(
    "users",
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("key_sha256", identifier(64), nullable=False, unique=True),
    sa.Column("scopes", identifier(64), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)
