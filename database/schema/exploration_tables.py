"""The tables of exploration: what the forecasts of a day amount to, model by model."""

from __future__ import annotations

import sqlalchemy as sa

from database.schema.column_types import identifier
from database.schema.metadata import table
from solar.flares import EVENTS

# One row per model and UTC day of its records; `counts` holds the histograms of every event and
# `keywords` the statistics of every keyword, packed as database.exploration.days does.
exploration_days = table(
    "exploration_days",
    sa.Column("model_id", identifier(64), primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("n", sa.Integer, nullable=False),
    sa.Column("without_forecast", sa.Integer, nullable=False),
    *(sa.Column(f"{event.column}_peak", sa.Double) for event in EVENTS),
    sa.Column("counts", sa.LargeBinary(4096), nullable=False),
    sa.Column("keywords", sa.LargeBinary(4096), nullable=False),
)

# Days whose row is behind the predictions.
exploration_stale = table(
    "exploration_stale",
    sa.Column("day", sa.Date, primary_key=True),
)
