"""The tables of the life of models: the line-ups that served, and the processes that serve."""

from __future__ import annotations

import sqlalchemy as sa

from database.schema.columns import UtcDateTime, identifier, long_text, table
from solar.identifiers import LENGTH

# Only added to. The row with the largest number is what serves.
lineups = table(
    "lineups",
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("by", sa.String(80), nullable=False, comment="the name of who changed it"),
    sa.Column("live", identifier(64), nullable=False),
    sa.Column("shadow", long_text(), nullable=False, comment="JSON: list of model ids"),
    sa.Column("unaudited", long_text(), nullable=False, comment="JSON: model id -> reason"),
    sa.Column("why", sa.String(500), nullable=False),
    sa.Column("proposal_id", identifier(LENGTH)),
    sa.Column("seed_sha256", identifier(64), comment="of the stage file and what it names"),
)

server_processes = table(
    "server_processes",
    sa.Column("process_id", identifier(LENGTH), primary_key=True),
    sa.Column("kind", identifier(8), nullable=False, comment="api or consumer"),
    sa.Column("host", sa.String(255), nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("line_up", sa.Integer, comment="NULL: what its own stage file names"),
    sa.Column("fault", sa.String(1000), comment="why it does not serve the newest line-up"),
    sa.Column("began_at", UtcDateTime, nullable=False),
    sa.Column("seen_at", UtcDateTime, nullable=False, index=True),
)
