"""The tables: what is stored, under which natural keys."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from database.column_types import UtcDateTime, identifier, long_text
from solar.flares import EVENTS
from solar.sharp import KEYWORDS

metadata = sa.MetaData()

_MYSQL: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_unicode_ci",
}


def _table(name: str, *items: sa.schema.SchemaItem) -> sa.Table:
    return sa.Table(name, metadata, *items, **_MYSQL)


# A HARPNUM when there is one; a region known by its NOAA number alone stands under -NOAA_AR.
def _region_id(*, primary_key: bool = False) -> sa.Column[int]:
    return sa.Column("region_id", sa.BigInteger, primary_key=primary_key, autoincrement=False)


regions = _table(
    "regions",
    _region_id(primary_key=True),
    sa.Column("harpnum", sa.Integer),
    sa.Column("noaa_ars", sa.String(64), nullable=False, server_default=""),
    sa.Column("series", identifier(48), nullable=False),
    sa.Column("first_t_rec", UtcDateTime, nullable=False),
    sa.Column("last_t_rec", UtcDateTime, nullable=False, index=True),
    sa.Column("last_lon_fwt", sa.Double),
    sa.Column("last_lat_fwt", sa.Double),
    sa.Column("last_area_acr", sa.Double),
)

harp_noaa = _table(
    "harp_noaa",
    sa.Column("harpnum", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("noaa_ar", sa.Integer, primary_key=True, autoincrement=False, index=True),
)

observations = _table(
    "observations",
    _region_id(primary_key=True),
    sa.Column("t_rec", UtcDateTime, primary_key=True),
    sa.Column("series", identifier(48), nullable=False),
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


predictions = _table(
    "predictions",
    _region_id(primary_key=True),
    sa.Column("t_rec", UtcDateTime, primary_key=True),
    sa.Column("model_id", identifier(64), primary_key=True),
    *_forecast_columns(),
    sa.Index("predictions_by_model_time", "model_id", "t_rec", "region_id"),
    sa.Index("predictions_by_issue", "issued_at"),
)

superseded_predictions = _table(
    "superseded_predictions",
    _region_id(primary_key=True),
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

flares = _table(
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
)

# Between these times the absence of a flare from the list means that there was none.
flare_coverage = _table(
    "flare_coverage",
    sa.Column("source", identifier(64), primary_key=True),
    sa.Column("from_at", UtcDateTime, nullable=False),
    sa.Column("to_at", UtcDateTime, nullable=False),
)

models = _table(
    "models",
    sa.Column("model_id", identifier(64), primary_key=True),
    sa.Column("name", identifier(48), nullable=False),
    sa.Column("version", identifier(15), nullable=False),
    sa.Column("stage", identifier(16), nullable=False),
    sa.Column("manifest", long_text(), nullable=False),
    sa.Column("sha256", identifier(64), nullable=False),
    sa.Column("registered_at", UtcDateTime, nullable=False),
    sa.Column("staged_at", UtcDateTime, nullable=False),
)

alerts = _table(
    "alerts",
    sa.Column("alert_id", identifier(64), primary_key=True),
    _region_id(),
    sa.Column("model_id", identifier(64), nullable=False),
    sa.Column("event", identifier(8), nullable=False),
    sa.Column("state", identifier(16), nullable=False),
    sa.Column("threshold", sa.Double, nullable=False),
    sa.Column("opened_at", UtcDateTime, nullable=False),
    sa.Column("opened_probability", sa.Double, nullable=False),
    sa.Column("peak_probability", sa.Double, nullable=False),
    sa.Column("acknowledged_at", UtcDateTime),
    sa.Column("acknowledged_by", sa.String(64)),
    sa.Column("comment", sa.String(1000)),
    sa.Column("closed_at", UtcDateTime),
    sa.Column("outcome", identifier(16)),
    sa.Index("alerts_by_state", "state", "opened_at"),
    sa.Index("alerts_by_region", "region_id", "opened_at"),
)

senders = _table(
    "senders",
    sa.Column("sender_id", identifier(64), primary_key=True),
    sa.Column("first_seen_at", UtcDateTime, nullable=False),
    sa.Column("last_seen_at", UtcDateTime, nullable=False),
    sa.Column("last_sequence", sa.BigInteger),
    sa.Column("accepted", sa.BigInteger, nullable=False),
    sa.Column("duplicates", sa.BigInteger, nullable=False),
    sa.Column("revised", sa.BigInteger, nullable=False),
    sa.Column("rejected", sa.BigInteger, nullable=False),
)

# One row per entrant, event, scope and UTC day of issue; `bins` is the sparse histogram of
# solar.histogram, `sum_p2` and `sum_po` make the Brier score of any union of days exact.
verification_days = _table(
    "verification_days",
    sa.Column("model_id", identifier(64), primary_key=True),
    sa.Column("event", identifier(8), primary_key=True),
    sa.Column("scope", identifier(8), primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("n", sa.Integer, nullable=False),
    sa.Column("events", sa.Integer, nullable=False),
    sa.Column("unknown", sa.Integer, nullable=False),
    sa.Column("withheld", sa.Integer, nullable=False),
    sa.Column("sum_p2", sa.Double, nullable=False),
    sa.Column("sum_po", sa.Double, nullable=False),
    sa.Column("bins", sa.LargeBinary(65535), nullable=False),
)

# Days whose rollup is behind the predictions or the flares.
verification_stale = _table(
    "verification_stale",
    sa.Column("day", sa.Date, primary_key=True),
)

users = _table(
    "users",
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("key_sha256", identifier(64), nullable=False, unique=True),
    sa.Column("scopes", identifier(64), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)
