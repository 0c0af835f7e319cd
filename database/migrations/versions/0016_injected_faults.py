"""The faults that testers inject into a replayed or simulated source."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_unicode_ci",
}


def upgrade() -> None:
    op.create_table(
        "injected_faults",
        sa.Column("fault_id", _identifier(16), primary_key=True),
        sa.Column("kind", _identifier(24), nullable=False),
        sa.Column("from_at", _moment(), nullable=False),
        sa.Column("to_at", _moment(), nullable=False),
        sa.Column("region", sa.Integer(), comment="HARPNUM or NOAA number; NULL: all regions"),
        sa.Column("amount", sa.Double(), comment="share, minutes or copies by kind"),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("sender_id", _identifier(64), nullable=False),
        sa.Column("first_seen_at", _moment(), nullable=False),
        sa.Column("n_affected", sa.BigInteger(), nullable=False, comment="rows or flares"),
        if_not_exists=True,
        **OPTIONS,
    )
    op.create_index(
        "injected_faults_by_time", "injected_faults", ["from_at", "fault_id"], if_not_exists=True
    )


def downgrade() -> None:
    op.drop_table("injected_faults")


def _moment() -> sa.types.TypeEngine[Any]:
    return sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def _identifier(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
    )
