"""Verification in rows of ten days, with strata; the rollup is computed anew."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_unicode_ci",
}
DAY = timedelta(days=1)


def identifier(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
    )


def medium_binary() -> sa.types.TypeEngine[bytes]:
    return sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "verification_dekads",
        sa.Column("model_id", identifier(64), primary_key=True),
        sa.Column("event", identifier(8), primary_key=True),
        sa.Column("scope", identifier(8), primary_key=True),
        sa.Column("part", identifier(16), primary_key=True),
        sa.Column("first_day", sa.Date(), primary_key=True),
        sa.Column("days", medium_binary(), nullable=False),
        sa.Column("bins", medium_binary(), nullable=False),
        if_not_exists=True,
        **OPTIONS,
    )
    op.create_table(
        "verification_turn",
        sa.Column("turn", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        if_not_exists=True,
        **OPTIONS,
    )
    op.create_index("verification_dekads_by_day", "verification_dekads", ["first_day"],
                    if_not_exists=True)  # fmt: skip
    op.create_index("ix_flares_scale_peak", "flares", ["flux_scale", "peak_at"], if_not_exists=True)
    op.create_index("ix_flares_peak_flux", "flares", ["peak_at", "peak_flux_w_m2"],
                    if_not_exists=True)  # fmt: skip
    op.drop_table("verification_days", if_exists=True)
    _mark_every_forecast_day()


def _mark_every_forecast_day() -> None:
    """Have the next refresh verify every day between the first forecast and the last."""
    connection = op.get_bind()
    predictions = sa.table("predictions", sa.column("model_id"), sa.column("t_rec"))
    stale = sa.table("verification_stale", sa.column("day", sa.Date()))
    found = set(connection.scalars(sa.select(stale.c.day)))
    model_id = connection.scalar(sa.select(sa.func.min(predictions.c.model_id)))
    while model_id is not None:
        own = predictions.c.model_id == model_id
        first, last = (
            # Text in SQLite, a datetime in MySQL; the index answers each at once.
            datetime.fromisoformat(str(connection.scalar(sa.select(bound).where(own)))).date()
            for bound in (sa.func.min(predictions.c.t_rec), sa.func.max(predictions.c.t_rec))
        )
        days = _days(first, last + DAY) - found
        if days:
            connection.execute(stale.insert(), [{"day": day} for day in sorted(days)])
        found |= days
        following = sa.select(sa.func.min(predictions.c.model_id))
        model_id = connection.scalar(following.where(predictions.c.model_id > model_id))


def _days(first: date, last: date) -> set[date]:
    return {first + offset * DAY for offset in range((last - first).days + 1)}


def downgrade() -> None:
    for table in ("verification_dekads", "verification_turn"):
        op.drop_table(table, if_exists=True)
    op.drop_index("ix_flares_scale_peak", "flares", if_exists=True)
    op.drop_index("ix_flares_peak_flux", "flares", if_exists=True)
