"""What ingest at scale keeps: shards, offsets, lost accounts of a record, reports of others."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_unicode_ci",
}
EVENTS = ("c1", "m1", "m5", "x1")
KEYWORDS = (
    "usflux", "meangam", "meangbt", "meangbz", "meangbh", "meanjzd", "totusjz", "meanalp",
    "meanjzh", "totusjh", "absnjzh", "savncpp", "meanpot", "totpot", "meanshr", "shrgt45",
    "r_value", "area_acr", "totbsq", "totfx", "totfy", "totfz", "epsx", "epsy", "epsz",
)  # fmt: skip
INDEXES = (
    ("observation_conflicts_by_time", "observation_conflicts",
     ["t_rec", "region_id", "content_hash"]),
    ("ix_observation_conflicts_lost_at", "observation_conflicts", ["lost_at"]),
    ("ix_region_reports_observed_at", "region_reports", ["observed_at"]),
)  # fmt: skip


def upgrade() -> None:
    _add("observations", sa.Column("made_at", _moment()))
    _add("senders", sa.Column("spooled", sa.BigInteger()))
    _carriage()
    _conflicts()
    _reports()
    _retention()
    for index in INDEXES:
        _index(*index)


def _carriage() -> None:
    _create(
        "shared_sources",
        sa.Column("source", _identifier(64), primary_key=True),
        sa.Column("shards", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("starts_at", _moment(), nullable=False),
        sa.Column("event_at", _moment(), nullable=False, comment="event time at began_at"),
        sa.Column("began_at", _moment(), nullable=False),
        sa.Column("heard_at", _moment(), nullable=False),
    )
    _create(
        "shard_leases",
        sa.Column("source", _identifier(64), primary_key=True),
        sa.Column("shard", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("sender_id", _identifier(64)),
        sa.Column("delivered", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("through", _moment()),
        sa.Column("finished_at", _moment()),
    )
    _create(
        "shard_members",
        sa.Column("source", _identifier(64), primary_key=True),
        sa.Column("sender_id", _identifier(64), primary_key=True),
        sa.Column("joined_at", _moment(), nullable=False),
        sa.Column("seen_at", _moment(), nullable=False),
    )
    _create(
        "stream_partitions",
        sa.Column("group_id", _identifier(64), primary_key=True),
        sa.Column("topic", _identifier(128), primary_key=True),
        sa.Column("partition_number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("committed", sa.BigInteger(), nullable=False),
        sa.Column("end_offset", sa.BigInteger(), nullable=False),
        sa.Column("consumer_id", _identifier(64), nullable=False),
        sa.Column("seen_at", _moment(), nullable=False),
    )
    _create(
        "stream_senders",
        sa.Column("topic", _identifier(128), primary_key=True),
        sa.Column("partition_number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("sender_id", _identifier(64), primary_key=True),
        sa.Column("sent", sa.BigInteger(), nullable=False),
    )


def _conflicts() -> None:
    _create(
        "observation_conflicts",
        sa.Column("region_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("t_rec", _moment(), primary_key=True),
        sa.Column("content_hash", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("series", _identifier(48), nullable=False),
        sa.Column("made_at", _moment()),
        sa.Column("quality", sa.BigInteger()),
        sa.Column("lon_fwt", sa.Double()),
        sa.Column("lat_fwt", sa.Double()),
        *(sa.Column(name, sa.Double()) for name in KEYWORDS),
        sa.Column("revision", sa.Integer()),
        sa.Column("reason", _identifier(32), nullable=False),
        sa.Column("sender_id", _identifier(64), nullable=False),
        sa.Column("received_at", _moment(), nullable=False),
        sa.Column("lost_at", _moment(), nullable=False),
    )


def _reports() -> None:
    _create(
        "region_reports",
        sa.Column("source", _identifier(40), primary_key=True),
        sa.Column("noaa_ar", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("observed_at", _moment(), primary_key=True),
        sa.Column("lon_deg", sa.Double()),
        sa.Column("lat_deg", sa.Double()),
        sa.Column("area_msh", sa.Double()),
        sa.Column("spot_class", _identifier(8)),
        sa.Column("mag_class", _identifier(16)),
        sa.Column("spots", sa.Integer()),
        sa.Column("received_at", _moment(), nullable=False),
    )
    _create(
        "disk_forecasts",
        sa.Column("model_id", _identifier(64), primary_key=True),
        sa.Column("valid_from", _moment(), primary_key=True),
        *(sa.Column(event, sa.Double()) for event in EVENTS),
        sa.Column("issued_at", _moment(), nullable=False),
    )


def _retention() -> None:
    _create(
        "retention_limits",
        sa.Column("shelf", _identifier(64), primary_key=True),
        sa.Column("kept_from", _moment(), nullable=False),
    )


def _add(table: str, column: sa.Column[Any]) -> None:
    # MySQL ends a transaction at every change of a table, so that an upgrade may begin again.
    known = {known["name"] for known in sa.inspect(op.get_bind()).get_columns(table)}
    if column.name not in known:
        op.add_column(table, column)


def _index(name: str, table: str, columns: list[str]) -> None:
    # MySQL has no CREATE INDEX IF NOT EXISTS.
    if name not in {known["name"] for known in sa.inspect(op.get_bind()).get_indexes(table)}:
        op.create_index(name, table, columns)


def _create(name: str, *columns: sa.Column[Any]) -> None:
    op.create_table(name, *columns, if_not_exists=True, **OPTIONS)


def _moment() -> sa.types.TypeEngine[Any]:
    return sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def _identifier(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
    )


def downgrade() -> None:
    for name in (
        "retention_limits", "disk_forecasts", "region_reports", "observation_conflicts",
        "stream_senders",
        "stream_partitions", "shard_members", "shard_leases", "shared_sources",
    ):  # fmt: skip
        op.drop_table(name)
    op.drop_column("senders", "spooled")
    op.drop_column("observations", "made_at")
