"""Drift: the daily counts of keywords and predictions, and the days that are yet to be counted."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_unicode_ci",
}


def identifier(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
    )


def upgrade() -> None:
    op.create_table(
        "drift_days",
        sa.Column("model_id", identifier(64), primary_key=True),
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("layout", identifier(16), nullable=False),
        sa.Column("hours", sa.Integer(), nullable=False),
        sa.Column("counts", sa.LargeBinary(65535), nullable=False),
        if_not_exists=True,
        **OPTIONS,
    )
    op.create_table(
        "drift_stale",
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("stamp", sa.BigInteger(), nullable=False),
        if_not_exists=True,
        **OPTIONS,
    )
    _mark_what_is_stored()


def _mark_what_is_stored() -> None:
    """Have every day between the first record and the last counted."""
    connection = op.get_bind()
    t_rec = sa.table("observations", sa.column("t_rec")).c.t_rec
    stale = sa.table("drift_stale", sa.column("day", sa.Date()), sa.column("stamp"))
    # Text in SQLite, a datetime in MySQL; the index answers both at once.
    bounds = [connection.scalar(sa.select(end)) for end in (sa.func.min(t_rec), sa.func.max(t_rec))]
    if bounds[0] is None:
        return
    first, last = (datetime.fromisoformat(str(at)).date() for at in bounds)
    known = set(connection.scalars(sa.select(stale.c.day)))
    days = {first + timedelta(days=n) for n in range((last - first).days + 1)} - known
    if days:
        connection.execute(stale.insert(), [{"day": day, "stamp": 0} for day in sorted(days)])


def downgrade() -> None:
    for table in ("drift_days", "drift_stale"):
        op.drop_table(table, if_exists=True)
