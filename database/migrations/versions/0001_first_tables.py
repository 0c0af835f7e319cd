"""The first tables: observations in, predictions, flares and verification beside them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_unicode_ci",
}
TABLES = (
    "verification_stale",
    "verification_days",
    "users",
    "superseded_predictions",
    "senders",
    "regions",
    "predictions",
    "observations",
    "models",
    "harp_noaa",
    "flares",
    "flare_coverage",
    "alerts",
)

INDEXES = (
    ("alerts_by_region", "alerts", ["region_id", "opened_at"]),
    ("alerts_by_state", "alerts", ["state", "opened_at"]),
    ("ix_flares_noaa_ar", "flares", ["noaa_ar"]),
    ("ix_flares_peak_at", "flares", ["peak_at"]),
    ("ix_flares_region_id", "flares", ["region_id"]),
    ("ix_flares_start_at", "flares", ["start_at"]),
    ("ix_flares_updated_at", "flares", ["updated_at"]),
    ("ix_harp_noaa_noaa_ar", "harp_noaa", ["noaa_ar"]),
    ("observations_by_time", "observations", ["t_rec", "region_id"]),
    ("predictions_by_issue", "predictions", ["issued_at"]),
    ("predictions_by_model_time", "predictions", ["model_id", "t_rec", "region_id"]),
    ("ix_regions_last_t_rec", "regions", ["last_t_rec"]),
    (
        "superseded_predictions_by_model_time",
        "superseded_predictions",
        ["model_id", "t_rec", "region_id"],
    ),
)


def moment() -> sa.types.TypeEngine[Any]:
    return sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def identifier(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
    )


def long_text() -> sa.types.TypeEngine[str]:
    return sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


# MySQL commits every CREATE on its own, so an interrupted run leaves some tables behind:
# each statement skips what exists, and the same command finishes the work.
def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("alert_id", identifier(64), primary_key=True),
        sa.Column("region_id", sa.BigInteger()),
        sa.Column("model_id", identifier(64), nullable=False),
        sa.Column("event", identifier(8), nullable=False),
        sa.Column("state", identifier(16), nullable=False),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("opened_at", moment(), nullable=False),
        sa.Column("opened_probability", sa.Double(), nullable=False),
        sa.Column("peak_probability", sa.Double(), nullable=False),
        sa.Column("acknowledged_at", moment()),
        sa.Column("acknowledged_by", sa.String(64)),
        sa.Column("comment", sa.String(1000)),
        sa.Column("closed_at", moment()),
        sa.Column("outcome", identifier(16)),
        if_not_exists=True,
        **OPTIONS,
    )
    op.create_table(
        "flare_coverage",
        sa.Column("source", identifier(64), primary_key=True),
        sa.Column("from_at", moment(), nullable=False),
        sa.Column("to_at", moment(), nullable=False),
        if_not_exists=True,
        **OPTIONS,
    )
    op.create_table(
        "flares",
        sa.Column("flare_id", identifier(40), primary_key=True),
        sa.Column("start_at", moment(), nullable=False),
        sa.Column("peak_at", moment(), nullable=False),
        sa.Column("end_at", moment()),
        sa.Column("goes_class", identifier(8), nullable=False),
        sa.Column("peak_flux_w_m2", sa.Double(), nullable=False),
        sa.Column("flux_scale", identifier(24), nullable=False),
        sa.Column("noaa_ar", sa.Integer()),
        sa.Column("harpnum", sa.Integer(), comment="as reported; the assignment is region_id"),
        sa.Column("region_id", sa.BigInteger()),
        sa.Column("assignment", identifier(16), nullable=False),
        sa.Column("satellite", identifier(8)),
        sa.Column("source", identifier(64), nullable=False),
        sa.Column("repairs", sa.String(255)),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("updated_at", moment(), nullable=False),
        if_not_exists=True,
        **OPTIONS,
    )
    op.create_table(
        "harp_noaa",
        sa.Column("harpnum", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("noaa_ar", sa.Integer(), primary_key=True, autoincrement=False),
        if_not_exists=True,
        **OPTIONS,
    )
    op.create_table(
        "models",
        sa.Column("model_id", identifier(64), primary_key=True),
        sa.Column("name", identifier(48), nullable=False),
        sa.Column("version", identifier(15), nullable=False),
        sa.Column("stage", identifier(16), nullable=False),
        sa.Column("manifest", long_text(), nullable=False),
        sa.Column("sha256", identifier(64), nullable=False),
        sa.Column("registered_at", moment(), nullable=False),
        sa.Column("staged_at", moment(), nullable=False),
        if_not_exists=True,
        **OPTIONS,
    )
    op.create_table(
        "observations",
        sa.Column("region_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("t_rec", moment(), primary_key=True),
        sa.Column("series", identifier(48), nullable=False),
        sa.Column("quality", sa.BigInteger()),
        sa.Column("lon_fwt", sa.Double()),
        sa.Column("lat_fwt", sa.Double()),
        sa.Column("usflux", sa.Double(), comment="Mx"),
        sa.Column("meangam", sa.Double(), comment="deg"),
        sa.Column("meangbt", sa.Double(), comment="G/pixel"),
        sa.Column("meangbz", sa.Double(), comment="G/pixel"),
        sa.Column("meangbh", sa.Double(), comment="G/pixel"),
        sa.Column("meanjzd", sa.Double(), comment="mA/m²"),
        sa.Column("totusjz", sa.Double(), comment="A"),
        sa.Column("meanalp", sa.Double(), comment="1/Mm"),
        sa.Column("meanjzh", sa.Double(), comment="G²/m"),
        sa.Column("totusjh", sa.Double(), comment="G²/m"),
        sa.Column("absnjzh", sa.Double(), comment="G²/m"),
        sa.Column("savncpp", sa.Double(), comment="A"),
        sa.Column("meanpot", sa.Double(), comment="erg/cm³"),
        sa.Column("totpot", sa.Double(), comment="erg/cm"),
        sa.Column("meanshr", sa.Double(), comment="deg"),
        sa.Column("shrgt45", sa.Double(), comment="%"),
        sa.Column("r_value", sa.Double(), comment="log₁₀ Mx"),
        sa.Column("area_acr", sa.Double(), comment="µHem"),
        sa.Column("totbsq", sa.Double(), comment="G²"),
        sa.Column("totfx", sa.Double(), comment="dyn"),
        sa.Column("totfy", sa.Double(), comment="dyn"),
        sa.Column("totfz", sa.Double(), comment="dyn"),
        sa.Column("epsx", sa.Double(), comment="1"),
        sa.Column("epsy", sa.Double(), comment="1"),
        sa.Column("epsz", sa.Double(), comment="1"),
        sa.Column("content_hash", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("sender_id", identifier(64), nullable=False),
        sa.Column("received_at", moment(), nullable=False),
        if_not_exists=True,
        **OPTIONS,
    )
    op.create_table(
        "predictions",
        sa.Column("region_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("t_rec", moment(), primary_key=True),
        sa.Column("model_id", identifier(64), primary_key=True),
        sa.Column("c1", sa.Double()),
        sa.Column("m1", sa.Double()),
        sa.Column("m5", sa.Double()),
        sa.Column("x1", sa.Double()),
        sa.Column("c1_raw", sa.Double()),
        sa.Column("m1_raw", sa.Double()),
        sa.Column("m5_raw", sa.Double()),
        sa.Column("x1_raw", sa.Double()),
        sa.Column("rung", identifier(16), nullable=False),
        sa.Column("reason", sa.String(255)),
        sa.Column("imputed_share", sa.Double()),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("issued_at", moment(), nullable=False),
        if_not_exists=True,
        **OPTIONS,
    )
    op.create_table(
        "regions",
        sa.Column("region_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("harpnum", sa.Integer()),
        sa.Column("noaa_ars", sa.String(64), nullable=False, server_default=""),
        sa.Column("series", identifier(48), nullable=False),
        sa.Column("first_t_rec", moment(), nullable=False),
        sa.Column("last_t_rec", moment(), nullable=False),
        sa.Column("last_lon_fwt", sa.Double()),
        sa.Column("last_lat_fwt", sa.Double()),
        sa.Column("last_area_acr", sa.Double()),
        if_not_exists=True,
        **OPTIONS,
    )
    op.create_table(
        "senders",
        sa.Column("sender_id", identifier(64), primary_key=True),
        sa.Column("first_seen_at", moment(), nullable=False),
        sa.Column("last_seen_at", moment(), nullable=False),
        sa.Column("last_sequence", sa.BigInteger()),
        sa.Column("accepted", sa.BigInteger(), nullable=False),
        sa.Column("duplicates", sa.BigInteger(), nullable=False),
        sa.Column("revised", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        if_not_exists=True,
        **OPTIONS,
    )
    op.create_table(
        "superseded_predictions",
        sa.Column("region_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("t_rec", moment(), primary_key=True),
        sa.Column("model_id", identifier(64), primary_key=True),
        sa.Column("c1", sa.Double()),
        sa.Column("m1", sa.Double()),
        sa.Column("m5", sa.Double()),
        sa.Column("x1", sa.Double()),
        sa.Column("c1_raw", sa.Double()),
        sa.Column("m1_raw", sa.Double()),
        sa.Column("m5_raw", sa.Double()),
        sa.Column("x1_raw", sa.Double()),
        sa.Column("rung", identifier(16), nullable=False),
        sa.Column("reason", sa.String(255)),
        sa.Column("imputed_share", sa.Double()),
        sa.Column("revision", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("issued_at", moment(), nullable=False),
        sa.Column("superseded_at", moment(), nullable=False),
        if_not_exists=True,
        **OPTIONS,
    )
    op.create_table(
        "users",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("key_sha256", identifier(64), nullable=False, unique=True),
        sa.Column("scopes", identifier(64), nullable=False),
        sa.Column("created_at", moment(), nullable=False),
        if_not_exists=True,
        **OPTIONS,
    )
    op.create_table(
        "verification_days",
        sa.Column("model_id", identifier(64), primary_key=True),
        sa.Column("event", identifier(8), primary_key=True),
        sa.Column("scope", identifier(8), primary_key=True),
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("unknown", sa.Integer(), nullable=False),
        sa.Column("withheld", sa.Integer(), nullable=False),
        sa.Column("sum_p2", sa.Double(), nullable=False),
        sa.Column("sum_po", sa.Double(), nullable=False),
        sa.Column("bins", sa.LargeBinary(65535), nullable=False),
        if_not_exists=True,
        **OPTIONS,
    )
    op.create_table(
        "verification_stale",
        sa.Column("day", sa.Date(), primary_key=True),
        if_not_exists=True,
        **OPTIONS,
    )
    present = sa.inspect(op.get_bind())
    for name, table, columns in INDEXES:
        # MySQL has no CREATE INDEX IF NOT EXISTS.
        if name not in {index["name"] for index in present.get_indexes(table)}:
            op.create_index(name, table, columns)


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
