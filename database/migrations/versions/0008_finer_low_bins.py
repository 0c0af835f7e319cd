"""Verification has finer bins below 0.0002; every verified day is counted again."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

DAYS_PER_BLOCK = 10


def upgrade() -> None:
    """Have the next refresh count every stored block of days; until then its bins stay valid."""
    connection = op.get_bind()
    blocks = sa.table("verification_dekads", sa.column("first_day", sa.Date()))
    stale = sa.table("verification_stale", sa.column("day", sa.Date()))
    first_days = connection.scalars(sa.select(blocks.c.first_day).distinct()).all()
    days = {
        first + timedelta(days=place) for first in first_days for place in range(DAYS_PER_BLOCK)
    }
    days -= set(connection.scalars(sa.select(stale.c.day)))
    if days:
        connection.execute(stale.insert(), [{"day": day} for day in sorted(days)])


def downgrade() -> None:
    # An earlier version knows no negative bins.
    op.execute("DELETE FROM verification_dekads")
