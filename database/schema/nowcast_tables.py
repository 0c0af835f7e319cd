"""The tables of the nowcast."""

from __future__ import annotations

import sqlalchemy as sa

from database.schema.columns import UtcDateTime, identifier, table

# Flares that were seen in the X-rays of `xray_flux`, before any list has them.
nowcast_events = table(
    "nowcast_events",
    sa.Column("event_id", identifier(32), primary_key=True, comment="satellite and start"),
    sa.Column("satellite", identifier(8), nullable=False),
    sa.Column("start_at", UtcDateTime, nullable=False, index=True),
    sa.Column("detected_at", UtcDateTime, nullable=False, index=True, comment="minute of the data"),
    sa.Column("peak_at", UtcDateTime, nullable=False),
    sa.Column("end_at", UtcDateTime),
    sa.Column("end_known_at", UtcDateTime, comment="the minute that told the end, or the loss"),
    sa.Column("goes_class", sa.String(12), nullable=False),
    sa.Column("peak_flux_w_m2", sa.Double, nullable=False),
    sa.Column("background_w_m2", sa.Double, nullable=False),
    sa.Column("flux_scale", identifier(24), nullable=False),
    sa.Column("state", identifier(16), nullable=False),
    sa.Column("rule", sa.Integer, nullable=False),
    sa.Column("flare_id", identifier(40), index=True, comment="of the listed flare that it is"),
    sa.Column("class_error", sa.Double, comment="peak flux by class, relative to the listed one"),
    sa.Column("peak_error_s", sa.Double, comment="later than the listed peak by so much"),
    sa.Column("reconciled_at", UtcDateTime, comment="time of the Sun when the list told it"),
    sa.Column("revision", sa.Integer, nullable=False),
)

# Its one row is locked by whoever writes minutes, so that the flares are those of all minutes.
nowcast_version = table(
    "nowcast_version",
    sa.Column("turn", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("version", sa.BigInteger, nullable=False),
)
