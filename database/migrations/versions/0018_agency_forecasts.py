"""Forecasts of agencies as issued: of any window, exact or of at least a class, with bounds."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_unicode_ci",
}
CLASSES = ("c1", "m1", "m5", "x1")
INDEX = "agency_forecasts_by_semantics"


def upgrade() -> None:
    op.create_table(
        "agency_forecasts",
        sa.Column("model_id", _identifier(64), primary_key=True, comment="source@dataset"),
        sa.Column("valid_from", _moment(), primary_key=True, comment="begin of the window itself"),
        sa.Column("region_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("window_name", _identifier(4), primary_key=True),
        sa.Column("semantics", _identifier(8), nullable=False),
        *(
            sa.Column(f"{bound}{name}", sa.Double())
            for bound in ("", "lower_", "upper_")
            for name in CLASSES
        ),
        sa.Column("issued_at", _moment(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        if_not_exists=True,
        **OPTIONS,
    )
    known = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes("agency_forecasts")}
    if INDEX not in known:
        op.create_index(INDEX, "agency_forecasts", ["model_id", "semantics"])
    # MySQL ends a transaction at every change of a table, so that an upgrade may begin again.
    op.execute("DELETE FROM agency_forecasts")
    op.execute(
        "INSERT INTO agency_forecasts (model_id, valid_from, region_id, window_name, semantics,"
        " c1, m1, m5, x1, issued_at, revision)"
        " SELECT model_id, valid_from, 0, '24h', 'exceed', c1, m1, m5, x1, issued_at, 1"
        " FROM disk_forecasts"
    )
    op.execute(
        "INSERT INTO agency_forecasts (model_id, valid_from, region_id, window_name, semantics,"
        " c1, m1, m5, x1, issued_at, revision)"
        " SELECT model_id, t_rec, region_id, '24h', 'exceed', c1, m1, m5, x1, issued_at, revision"
        " FROM predictions WHERE model_id IN (SELECT model_id FROM models WHERE stage = 'agency')"
    )


def downgrade() -> None:
    op.drop_table("agency_forecasts")


def _moment() -> sa.types.TypeEngine[Any]:
    return sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def _identifier(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
    )
