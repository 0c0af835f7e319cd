"""A version of the flare list, by which a process sees that what it has read has changed."""

from __future__ import annotations

from secrets import randbits
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_unicode_ci",
}


def upgrade() -> None:
    op.create_table(
        "flare_list_version",
        sa.Column("turn", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        if_not_exists=True,
        **OPTIONS,
    )
    version = sa.table("flare_list_version", sa.column("turn"), sa.column("version"))
    op.execute(version.delete())
    # A new store stays empty.
    if op.get_bind().execute(sa.text("SELECT 1 FROM flares LIMIT 1")).first():
        op.execute(version.insert().values(turn=1, version=randbits(62)))


def downgrade() -> None:
    op.drop_table("flare_list_version")
