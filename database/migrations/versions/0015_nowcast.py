"""Flares seen in the X-rays before any list has them, and minutes of two satellites at once."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_unicode_ci",
}
INDEXED = ("start_at", "detected_at", "flare_id")


def upgrade() -> None:
    _key_of_minutes("minute_at", "satellite")
    op.create_table(
        "nowcast_events",
        sa.Column("event_id", _identifier(32), primary_key=True, comment="satellite and start"),
        sa.Column("satellite", _identifier(8), nullable=False),
        sa.Column("start_at", _moment(), nullable=False),
        sa.Column("detected_at", _moment(), nullable=False, comment="minute of the data"),
        sa.Column("peak_at", _moment(), nullable=False),
        sa.Column("end_at", _moment()),
        sa.Column("end_known_at", _moment(), comment="the minute that told the end, or the loss"),
        sa.Column("goes_class", sa.String(12), nullable=False),
        sa.Column("peak_flux_w_m2", sa.Double(), nullable=False),
        sa.Column("background_w_m2", sa.Double(), nullable=False),
        sa.Column("flux_scale", _identifier(24), nullable=False),
        sa.Column("state", _identifier(16), nullable=False),
        sa.Column("rule", sa.Integer(), nullable=False),
        sa.Column("flare_id", _identifier(40), comment="of the listed flare that it is"),
        sa.Column(
            "class_error", sa.Double(), comment="peak flux by class, relative to the listed one"
        ),
        sa.Column("peak_error_s", sa.Double(), comment="later than the listed peak by so much"),
        sa.Column("reconciled_at", _moment(), comment="time of the Sun when the list told it"),
        sa.Column("revision", sa.Integer(), nullable=False),
        if_not_exists=True,
        **OPTIONS,
    )
    known = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes("nowcast_events")}
    for column in INDEXED:
        if f"ix_nowcast_events_{column}" not in known:
            op.create_index(f"ix_nowcast_events_{column}", "nowcast_events", [column])
    op.create_table(
        "nowcast_version",
        sa.Column("turn", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        if_not_exists=True,
        **OPTIONS,
    )


def downgrade() -> None:
    op.drop_table("nowcast_version")
    op.drop_table("nowcast_events")
    # Of two satellites the first by name stays.
    op.execute(
        "DELETE FROM xray_flux WHERE (minute_at, satellite) NOT IN (SELECT minute_at, first FROM"
        " (SELECT minute_at, MIN(satellite) AS first FROM xray_flux GROUP BY minute_at) AS firsts)"
    )
    _key_of_minutes("minute_at")


def _key_of_minutes(*key: str) -> None:
    columns = ", ".join(key)
    if op.get_bind().dialect.name != "sqlite":
        # One statement, so that an upgrade that was broken off may begin again.
        op.execute(f"ALTER TABLE xray_flux DROP PRIMARY KEY, ADD PRIMARY KEY ({columns})")
        return
    op.execute("ALTER TABLE xray_flux RENAME TO xray_flux_before")
    op.create_table(
        "xray_flux",
        sa.Column("minute_at", _moment(), nullable=False),
        sa.Column("flux_w_m2", sa.Double(), comment="1-8 Angstrom"),
        sa.Column("satellite", _identifier(8), nullable=False),
        sa.PrimaryKeyConstraint(*key),
    )
    op.execute("INSERT INTO xray_flux SELECT minute_at, flux_w_m2, satellite FROM xray_flux_before")
    op.drop_table("xray_flux_before")


def _moment() -> sa.types.TypeEngine[Any]:
    return sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def _identifier(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
    )
