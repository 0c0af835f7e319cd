"""What the forecasts of other windows than 24 h of a day amount to, beside those of 24 h."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_unicode_ci",
}


def upgrade() -> None:
    op.create_table(
        "exploration_lead_days",
        sa.Column("model_id", _identifier(64), primary_key=True),
        sa.Column("window_name", _identifier(4), primary_key=True),
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("without_forecast", sa.Integer(), nullable=False),
        *(sa.Column(f"{event}_peak", sa.Double()) for event in ("c1", "m1", "m5", "x1")),
        sa.Column("counts", sa.LargeBinary(4096), nullable=False),
        sa.Column("keywords", sa.LargeBinary(4096), nullable=False),
        if_not_exists=True,
        **OPTIONS,
    )
    _mark_every_day()


def _mark_every_day() -> None:
    """Have every day counted that the store has forecasts of other windows of."""
    stale = sa.table("exploration_stale", sa.column("day"))
    leads = sa.table("lead_forecasts", sa.column("t_rec"))
    day = sa.func.date(leads.c.t_rec)
    uncounted = sa.select(day).where(day.not_in(sa.select(stale.c.day))).distinct()
    op.execute(stale.insert().from_select(["day"], uncounted))


def downgrade() -> None:
    op.drop_table("exploration_lead_days", if_exists=True)


def _identifier(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
    )
