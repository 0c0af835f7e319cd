"""What each host says of its processors, memory, disk and GPUs."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_unicode_ci",
}
TABLE = "machine_samples"
INDEXES = {
    "machine_samples_by_time": ["at"],
    "machine_samples_by_stretch": ["host", "stretch"],
}


def upgrade() -> None:
    moment = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
    facts = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
    op.create_table(
        TABLE,
        sa.Column("host", sa.String(255), primary_key=True),
        sa.Column("at", moment, primary_key=True),
        sa.Column("stretch", sa.BigInteger(), nullable=False, comment="number of its 4 minutes"),
        sa.Column("cpu", sa.Double(), nullable=False, comment="share of all cores in use"),
        sa.Column("memory_used", sa.BigInteger(), nullable=False),
        sa.Column("disk_used", sa.BigInteger(), nullable=False),
        sa.Column("gpu", sa.Double(), comment="mean share of its GPUs in use"),
        sa.Column("facts", facts, nullable=False, comment="JSON: sizes, load and each GPU"),
        if_not_exists=True,
        **OPTIONS,
    )
    known = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(TABLE)}
    for name in INDEXES.keys() - known:
        op.create_index(name, TABLE, INDEXES[name])


def downgrade() -> None:
    op.drop_table(TABLE)
