"""The table of the faults that testers inject into a replayed or simulated source."""

from __future__ import annotations

import sqlalchemy as sa

from database.schema.columns import UtcDateTime, identifier, table

# Each fault once, from whatever sender it came first.
injected_faults = table(
    "injected_faults",
    sa.Column("fault_id", identifier(16), primary_key=True),
    sa.Column("kind", identifier(24), nullable=False),
    sa.Column("from_at", UtcDateTime, nullable=False),
    sa.Column("to_at", UtcDateTime, nullable=False),
    sa.Column("region", sa.Integer, comment="HARPNUM or NOAA number; NULL: all regions"),
    sa.Column("amount", sa.Double, comment="share, minutes or copies by kind"),
    sa.Column("seed", sa.Integer, nullable=False),
    sa.Column("sender_id", identifier(64), nullable=False),
    sa.Column("first_seen_at", UtcDateTime, nullable=False),
    sa.Column("n_affected", sa.BigInteger, nullable=False, comment="rows or flares"),
    sa.Index("injected_faults_by_time", "from_at", "fault_id"),
)
