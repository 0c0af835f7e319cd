"""Which probabilities of a row consistency moved, of every window."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

TABLE, COLUMN = "lead_forecasts", "repaired"


def upgrade() -> None:
    # MySQL ends a transaction at every change of a table, so that an upgrade may begin again.
    if COLUMN not in {known["name"] for known in sa.inspect(op.get_bind()).get_columns(TABLE)}:
        op.add_column(TABLE, sa.Column(COLUMN, sa.Integer()))


def downgrade() -> None:
    op.drop_column(TABLE, COLUMN)
