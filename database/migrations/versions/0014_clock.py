"""The clock of the store: the time of the Sun, today's or that of a replay."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_unicode_ci",
}


def upgrade() -> None:
    op.create_table(
        "store_clock",
        sa.Column("turn", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("mode", _identifier(6), nullable=False, comment="wall or replay"),
        sa.Column("event_at", _moment(), comment="event time at wall_at"),
        sa.Column("wall_at", _moment(), comment="by the clock of the store"),
        sa.Column("speed", sa.Double(), comment="0 paused, NULL as fast as records come in"),
        sa.Column("speed_before", sa.Double(), comment="of play after a pause"),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("starts_at", _moment()),
        sa.Column("ends_at", _moment(), comment="the last record of what is replayed"),
        sa.Column("changed_by", sa.String(80)),
        if_not_exists=True,
        **OPTIONS,
    )


def downgrade() -> None:
    op.drop_table("store_clock")


def _moment() -> sa.types.TypeEngine[Any]:
    return sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def _identifier(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
    )
