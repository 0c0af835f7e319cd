"""The line-ups of models that served, the processes that serve, and the files of each model."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_unicode_ci",
}
INDEX = "ix_server_processes_seen_at"


def upgrade() -> None:
    op.create_table(
        "lineups",
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("at", _moment(), nullable=False),
        sa.Column("by", sa.String(80), nullable=False, comment="the name of who changed it"),
        sa.Column("live", _identifier(64), nullable=False),
        sa.Column("shadow", _long_text(), nullable=False, comment="JSON: list of model ids"),
        sa.Column("unaudited", _long_text(), nullable=False, comment="JSON: model id -> reason"),
        sa.Column("why", sa.String(500), nullable=False),
        sa.Column("proposal_id", _identifier(26)),
        sa.Column("seed_sha256", _identifier(64), comment="of the stage file and what it names"),
        if_not_exists=True,
        **OPTIONS,
    )
    op.create_table(
        "server_processes",
        sa.Column("process_id", _identifier(26), primary_key=True),
        sa.Column("kind", _identifier(8), nullable=False, comment="api or consumer"),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("line_up", sa.Integer(), comment="NULL: what its own stage file names"),
        sa.Column("fault", sa.String(1000), comment="why it does not serve the newest line-up"),
        sa.Column("began_at", _moment(), nullable=False),
        sa.Column("seen_at", _moment(), nullable=False),
        if_not_exists=True,
        **OPTIONS,
    )
    inspector = sa.inspect(op.get_bind())
    if INDEX not in {index["name"] for index in inspector.get_indexes("server_processes")}:
        op.create_index(INDEX, "server_processes", ["seen_at"])
    if "files" not in {column["name"] for column in inspector.get_columns("models")}:
        comment = "JSON: name -> sha256 of each file of the artefact"
        op.add_column("models", sa.Column("files", _long_text(), comment=comment))


def downgrade() -> None:
    op.drop_column("models", "files")
    op.drop_table("server_processes")
    op.drop_table("lineups")


def _moment() -> sa.types.TypeEngine[Any]:
    return sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def _long_text() -> sa.types.TypeEngine[str]:
    return sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


def _identifier(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
    )
