"""The tables of what came in and what was forecast: regions, observations, predictions, flares."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from database.schema.column_types import UtcDateTime, identifier
from database.schema.metadata import region_id, table
from solar.flares import EVENTS
from solar.sharp import KEYWORDS

regions = table(
    "regions",
    region_id(primary_key=True),
    sa.Column("harpnum", sa.Integer),
    sa.Column("noaa_ars", sa.String(64), nullable=False, server_default=""),
    sa.Column("series", identifier(48), nullable=False),
    sa.Column("first_t_rec", UtcDateTime, nullable=False),
    sa.Column("last_t_rec", UtcDateTime, nullable=False, index=True),
    sa.Column("last_lon_fwt", sa.Double),
    sa.Column("last_lat_fwt", sa.Double),
    sa.Column("last_area_acr", sa.Double),
)

harp_noaa = table(
    "harp_noaa",
    sa.Column("harpnum", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("noaa_ar", sa.Integer, primary_key=True, autoincrement=False, index=True),
)

observations = table(
    "observations",
    region_id(primary_key=True),
    sa.Column("t_rec", UtcDateTime, primary_key=True),
    sa.Column("series", identifier(48), nullable=False),
    sa.Column("made_at", UtcDateTime),
    sa.Column("quality", sa.BigInteger),
    sa.Column("lon_fwt", sa.Double),
    sa.Column("lat_fwt", sa.Double),
    *(sa.Column(keyword.column, sa.Double, comment=keyword.unit) for keyword in KEYWORDS),
    sa.Column("content_hash", sa.BigInteger, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("sender_id", identifier(64), nullable=False),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.Index("observations_by_time", "t_rec", "region_id"),
)


# Accounts of a record that lost against another: replaced, with the revision that they had, or
# outranked when they came, without one.
observation_conflicts = table(
    "observation_conflicts",
    region_id(primary_key=True),
    sa.Column("t_rec", UtcDateTime, primary_key=True),
    sa.Column("content_hash", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("series", identifier(48), nullable=False),
    sa.Column("made_at", UtcDateTime),
    sa.Column("quality", sa.BigInteger),
    sa.Column("lon_fwt", sa.Double),
    sa.Column("lat_fwt", sa.Double),
    *(sa.Column(keyword.column, sa.Double) for keyword in KEYWORDS),
    sa.Column("revision", sa.Integer),
    sa.Column("reason", identifier(32), nullable=False),
    sa.Column("sender_id", identifier(64), nullable=False),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.Column("lost_at", UtcDateTime, nullable=False, index=True),
    sa.Index("observation_conflicts_by_time", "t_rec", "region_id", "content_hash"),
)


def _forecast_columns() -> list[sa.Column[Any]]:
    return [
        *(sa.Column(event.column, sa.Double) for event in EVENTS),
        *(sa.Column(f"{event.column}_raw", sa.Double) for event in EVENTS),
        sa.Column("rung", identifier(16), nullable=False),
        sa.Column("reason", sa.String(255)),
        sa.Column("imputed_share", sa.Double),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("issued_at", UtcDateTime, nullable=False),
    ]


predictions = table(
    "predictions",
    region_id(primary_key=True),
    sa.Column("t_rec", UtcDateTime, primary_key=True),
    sa.Column("model_id", identifier(64), primary_key=True),
    *_forecast_columns(),
    sa.Index("predictions_by_model_time", "model_id", "t_rec", "region_id"),
    sa.Index("predictions_by_issue", "issued_at"),
)

superseded_predictions = table(
    "superseded_predictions",
    region_id(primary_key=True),
    sa.Column("t_rec", UtcDateTime, primary_key=True),
    sa.Column("model_id", identifier(64), primary_key=True),
    *(
        sa.Column(column.name, column.type, primary_key=True, autoincrement=False)
        if column.name == "revision"
        else column
        for column in _forecast_columns()
    ),
    sa.Column("superseded_at", UtcDateTime, nullable=False),
    sa.Index("superseded_predictions_by_model_time", "model_id", "t_rec", "region_id"),
)

flares = table(
    "flares",
    sa.Column("flare_id", identifier(40), primary_key=True),
    sa.Column("start_at", UtcDateTime, nullable=False, index=True),
    sa.Column("peak_at", UtcDateTime, nullable=False, index=True),
    sa.Column("end_at", UtcDateTime),
    sa.Column("goes_class", identifier(8), nullable=False),
    sa.Column("peak_flux_w_m2", sa.Double, nullable=False),
    sa.Column("flux_scale", identifier(24), nullable=False),
    sa.Column("noaa_ar", sa.Integer, index=True),
    sa.Column("harpnum", sa.Integer, comment="as reported; the assignment is region_id"),
    sa.Column("region_id", sa.BigInteger, index=True),
    sa.Column("assignment", identifier(16), nullable=False),
    sa.Column("satellite", identifier(8)),
    sa.Column("source", identifier(64), nullable=False),
    sa.Column("repairs", sa.String(255)),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False, index=True),
    sa.Index("ix_flares_scale_peak", "flux_scale", "peak_at"),
    sa.Index("ix_flares_peak_flux", "peak_at", "peak_flux_w_m2"),
)

# Between these times the absence of a flare from the list means that there was none.
flare_coverage = table(
    "flare_coverage",
    sa.Column("source", identifier(64), primary_key=True),
    sa.Column("from_at", UtcDateTime, nullable=False),
    sa.Column("to_at", UtcDateTime, nullable=False),
)

# The Sun's soft X-rays as GOES measures them, minute by minute.
xray_flux = table(
    "xray_flux",
    sa.Column("minute_at", UtcDateTime, primary_key=True),
    sa.Column("flux_w_m2", sa.Double, comment="1-8 Angstrom"),
    sa.Column("satellite", identifier(8), nullable=False),
)
