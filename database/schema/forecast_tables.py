"""The tables of forecasts with windows: our own of other windows than 24 h, and all of agencies."""

from __future__ import annotations

import sqlalchemy as sa

from database.schema.columns import UtcDateTime, identifier, region_id, table
from solar.flares import EVENTS, LEADS

# The windows other than the next 24 h, calibrated, of the first record of each region in each
# hour; the newest revision counts. Bit k of `repaired` tells that consistency moved the probability
# of TARGETS[k], 24 h included; null where a version before this column stored the row.
lead_forecasts = table(
    "lead_forecasts",
    region_id(primary_key=True),
    sa.Column("t_rec", UtcDateTime, primary_key=True),
    sa.Column("model_id", identifier(64), primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
    *(sa.Column(lead.column, sa.Double) for lead in LEADS),
    sa.Column("issued_at", UtcDateTime, nullable=False),
    sa.Column("repaired", sa.Integer),
    sa.Index("lead_forecasts_by_model_time", "model_id", "t_rec", "region_id"),
)

# Every forecast of an agency as it was issued; those of `disk_forecasts` and of `predictions`, for
# 24 h and of at least a class, are here too. The region is 0 for the full disk.
agency_forecasts = table(
    "agency_forecasts",
    sa.Column("model_id", identifier(64), primary_key=True, comment="source@dataset"),
    sa.Column("valid_from", UtcDateTime, primary_key=True, comment="begin of the window itself"),
    sa.Column("region_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("window_name", identifier(4), primary_key=True),
    sa.Column("semantics", identifier(8), nullable=False),
    *(sa.Column(b + event.column, sa.Double) for b in ("", "lower_", "upper_") for event in EVENTS),
    sa.Column("issued_at", UtcDateTime, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Index("agency_forecasts_by_semantics", "model_id", "semantics"),
)
