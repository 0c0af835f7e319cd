"""Forecasts of other windows than the next 24 h, one row for each region and hour."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_unicode_ci",
}
CLASSES = ("c1", "m1", "m5", "x1")
WINDOWS = ("6h", "12h", "48h", "d2", "d3")
INDEX = "lead_forecasts_by_model_time"


def upgrade() -> None:
    op.create_table(
        "lead_forecasts",
        sa.Column("region_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("t_rec", _moment(), primary_key=True),
        sa.Column("model_id", _identifier(64), primary_key=True),
        sa.Column("revision", sa.Integer(), primary_key=True, autoincrement=False),
        *(sa.Column(f"{name}_{window}", sa.Double()) for window in WINDOWS for name in CLASSES),
        sa.Column("issued_at", _moment(), nullable=False),
        if_not_exists=True,
        **OPTIONS,
    )
    known = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes("lead_forecasts")}
    if INDEX not in known:
        op.create_index(INDEX, "lead_forecasts", ["model_id", "t_rec", "region_id"])


def downgrade() -> None:
    op.drop_table("lead_forecasts")


def _moment() -> sa.types.TypeEngine[Any]:
    return sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def _identifier(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
    )
