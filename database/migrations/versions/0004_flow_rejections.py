"""What every sender says it has sent, what came in by the minute, and why rows were refused."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_unicode_ci",
}
COUNTS = ("requests", "accepted", "duplicates", "revised", "late", "rejected", "predictions")


def moment() -> sa.types.TypeEngine[Any]:
    return sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def identifier(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
    )


def sender_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("late", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column(
            "sent", sa.BigInteger(), comment="rows handed over; NULL: the sender does not say"
        ),
        sa.Column("sent_before", sa.BigInteger(), nullable=False, server_default="0"),
    ]


def upgrade() -> None:
    # MySQL commits each change by itself: one that was cut short is taken up where it ended.
    known = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("senders")}
    for column in sender_columns():
        if column.name not in known:
            op.add_column("senders", column)
    op.create_table(
        "ingest_flow",
        sa.Column("span_seconds", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("start_at", moment(), primary_key=True),
        sa.Column("sender_id", identifier(64), primary_key=True),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in COUNTS),
        sa.Column("processing", sa.LargeBinary(1024), nullable=False),
        sa.Column("latency", sa.LargeBinary(1024), nullable=False),
        if_not_exists=True,
        **OPTIONS,
    )
    op.create_table(
        "rejections",
        sa.Column("hour_at", moment(), primary_key=True),
        sa.Column("path", identifier(64), primary_key=True),
        sa.Column("reason", identifier(160), primary_key=True),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("last_at", moment(), nullable=False),
        sa.Column("last_sender", identifier(64), nullable=False),
        sa.Column("example", sa.String(255), nullable=False),
        if_not_exists=True,
        **OPTIONS,
    )


def downgrade() -> None:
    for table in ("rejections", "ingest_flow"):
        op.drop_table(table, if_exists=True)
    with op.batch_alter_table("senders") as senders:
        for column in sender_columns():
            senders.drop_column(column.name)
