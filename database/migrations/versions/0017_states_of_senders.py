"""The states of senders: who has finished, and who took over the shards of one that fell silent."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0017"
down_revision = "0014"
branch_labels = None
depends_on = None

COMMENTS = {
    "lost_by": "the replica that fell silent with it",
    "taken_by": "the replica that took it over then",
}


def upgrade() -> None:
    said = "when it said that nothing more comes"
    _add("senders", sa.Column("finished_at", _moment(), comment=said))
    for name, comment in COMMENTS.items():
        _add("shard_leases", sa.Column(name, _identifier(64), comment=comment))


def downgrade() -> None:
    for name in COMMENTS:
        op.drop_column("shard_leases", name)
    op.drop_column("senders", "finished_at")


def _add(table: str, column: sa.Column[Any]) -> None:
    # MySQL ends a transaction at every change of a table, so that an upgrade may begin again.
    known = {one["name"] for one in sa.inspect(op.get_bind()).get_columns(table)}
    if column.name not in known:
        op.add_column(table, column)


def _moment() -> sa.types.TypeEngine[Any]:
    return sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def _identifier(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
    )
