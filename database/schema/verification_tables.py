"""The tables of verification: how forecasts met the truth, day by day."""

from __future__ import annotations

import sqlalchemy as sa

from database.schema.column_types import identifier, medium_binary
from database.schema.metadata import table

# One row per entrant, event, scope, part and ten days of issue: `days` is an array of
# verification.day_table.DAY, `bins` one of solar.histogram.BIN, the occupied bins of those days.
# Ten days a row, because ten years are to be read at once and a day alone is to be rewritten.
verification_dekads = table(
    "verification_dekads",
    sa.Column("model_id", identifier(64), primary_key=True),
    sa.Column("event", identifier(8), primary_key=True),
    sa.Column("scope", identifier(8), primary_key=True),
    sa.Column("part", identifier(16), primary_key=True),
    sa.Column("first_day", sa.Date, primary_key=True),
    sa.Column("days", medium_binary(), nullable=False),
    sa.Column("bins", medium_binary(), nullable=False),
    sa.Index("verification_dekads_by_day", "first_day"),
)

# Days whose rollup is behind the predictions or the flares.
verification_stale = table(
    "verification_stale",
    sa.Column("day", sa.Date, primary_key=True),
)

# Whoever rewrites rows of ten days holds the one row of this table until it has committed, and
# leaves a `version` there that was never used before: what was read under the same is the same.
verification_turn = table(
    "verification_turn",
    sa.Column("turn", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("version", sa.BigInteger, nullable=False),
)
