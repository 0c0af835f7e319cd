"""The tables of the rollups: daily counts of verification, drift and exploration.

A stale day is recomputed by the next refresh of its rollup.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from database.schema.columns import UtcDateTime, identifier, medium_binary, table
from solar.flares import EVENTS

# One row per model or entrant, event, scope, part and ten days of issue: `days` is an array of
# verification.day_table.DAY, `bins` one of solar.histogram.BIN, the occupied bins of those days.
# Ten days a row: ten years are read at once, and one day is rewritten alone.
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

# Days whose rollup is behind the predictions or the flares. Each mark has a new `stamp`, which
# tells whether a day was marked again while it was counted; the same in the rollups below.
verification_stale = table(
    "verification_stale",
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("stamp", sa.BigInteger, nullable=False, server_default="0"),
)

# Writers of verification_dekads lock the one row of this table until they commit, and leave a
# `version` there that was never used before: under the same version the rows are the same.
verification_turn = table(
    "verification_turn",
    sa.Column("turn", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("version", sa.BigInteger, nullable=False),
)


# One row per model and UTC day of t_rec; `counts` is packed by database.drift.rollup, `layout` is
# the digest of the bins, `hours` the number of hours of the day that have records.
drift_days = table(
    "drift_days",
    sa.Column("model_id", identifier(64), primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("layout", identifier(16), nullable=False),
    sa.Column("hours", sa.Integer, nullable=False),
    sa.Column("counts", sa.LargeBinary(65535), nullable=False),
)

# Days to be counted again.
drift_stale = table(
    "drift_stale",
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("stamp", sa.BigInteger, nullable=False),
)


def _summary_of_day() -> list[sa.Column[Any]]:
    return [
        sa.Column("n", sa.Integer, nullable=False),
        sa.Column("without_forecast", sa.Integer, nullable=False),
        *(sa.Column(f"{event.column}_peak", sa.Double) for event in EVENTS),
        sa.Column("counts", sa.LargeBinary(4096), nullable=False),
        sa.Column("keywords", sa.LargeBinary(4096), nullable=False),
    ]


# One row per model and UTC day of its records; `counts` holds the histograms of every event and
# `keywords` the statistics of every keyword, packed by database.exploration.rollup.
exploration_days = table(
    "exploration_days",
    sa.Column("model_id", identifier(64), primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    *_summary_of_day(),
)

# The same for the records that have forecasts of another window than 24 h.
exploration_lead_days = table(
    "exploration_lead_days",
    sa.Column("model_id", identifier(64), primary_key=True),
    sa.Column("window_name", identifier(4), primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    *_summary_of_day(),
)

# Days whose row is behind the predictions.
exploration_stale = table(
    "exploration_stale",
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("stamp", sa.BigInteger, nullable=False, server_default="0"),
)

# Rules of maintenance.retention that have deleted rows: complete only from `kept_from` on.
retention_limits = table(
    "retention_limits",
    sa.Column("shelf", identifier(64), primary_key=True),
    sa.Column("kept_from", UtcDateTime, nullable=False),
)
