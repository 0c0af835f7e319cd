"""Stale days have a stamp, so that they are counted without a lock for which ingest would wait."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLES = ("verification_stale", "exploration_stale")


def upgrade() -> None:
    # MySQL ends a transaction at every change of a table, so that an upgrade may begin again.
    inspector = sa.inspect(op.get_bind())
    for table in TABLES:
        if "stamp" not in {column["name"] for column in inspector.get_columns(table)}:
            stamp = sa.Column("stamp", sa.BigInteger(), nullable=False, server_default="0")
            op.add_column(table, stamp)


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, "stamp")
