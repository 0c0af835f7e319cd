"""Senders say which of their rows are on the way, since several requests of one travel at once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # MySQL ends a transaction at every change of a table, so that an upgrade may begin again.
    known = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("senders")}
    if "missing" not in known:
        text = sa.String(1024).with_variant(
            mysql.VARCHAR(1024, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
        )
        op.add_column(
            "senders",
            sa.Column("missing", text, comment="numbers below sent that have not arrived"),
        )


def downgrade() -> None:
    op.drop_column("senders", "missing")
