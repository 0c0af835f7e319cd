"""The tables of what others say: region summaries and full-disk forecasts of an agency."""

from __future__ import annotations

import sqlalchemy as sa

from database.schema.column_types import UtcDateTime, identifier
from database.schema.metadata import table
from solar.flares import EVENTS

region_reports = table(
    "region_reports",
    sa.Column("source", identifier(40), primary_key=True),
    sa.Column("noaa_ar", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("observed_at", UtcDateTime, primary_key=True, index=True),
    sa.Column("lon_deg", sa.Double),
    sa.Column("lat_deg", sa.Double),
    sa.Column("area_msh", sa.Double),
    sa.Column("spot_class", identifier(8)),
    sa.Column("mag_class", identifier(16)),
    sa.Column("spots", sa.Integer),
    sa.Column("received_at", UtcDateTime, nullable=False),
)

# An agency's own forecasts of the full disk for the 24 h from `valid_from`.
disk_forecasts = table(
    "disk_forecasts",
    sa.Column("model_id", identifier(64), primary_key=True),
    sa.Column("valid_from", UtcDateTime, primary_key=True),
    *(sa.Column(event.column, sa.Double) for event in EVENTS),
    sa.Column("issued_at", UtcDateTime, nullable=False),
)
