"""The tables of drift: how the values of each day lie in the bins of a model's training set."""

from __future__ import annotations

import sqlalchemy as sa

from database.schema.column_types import identifier
from database.schema.metadata import table

# One row per model and UTC day of t_rec; `counts` is that of database.drift.layout, `layout`
# names the bins it was counted in, `hours` tells in how many hours of the day records lie.
drift_days = table(
    "drift_days",
    sa.Column("model_id", identifier(64), primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("layout", identifier(16), nullable=False),
    sa.Column("hours", sa.Integer, nullable=False),
    sa.Column("counts", sa.LargeBinary(65535), nullable=False),
)

# Days whose counts are behind the observations or the predictions. Each mark is a new `stamp`, so
# that who has counted a day can tell whether it was marked again meanwhile.
drift_stale = table(
    "drift_stale",
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("stamp", sa.BigInteger, nullable=False),
)
