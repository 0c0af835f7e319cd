"""Alerts that live, what they are told to whom, the history of stages, and X-ray flux."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_unicode_ci",
}
INDEXES = (
    ("alerts_by_state", "alerts", ["state", "opened_at"]),
    ("alerts_by_region", "alerts", ["region_id", "opened_at"]),
    ("alerts_by_opening", "alerts", ["opened_at", "alert_id"]),
    ("ix_alerts_changed_at", "alerts", ["changed_at"]),
    ("ix_notices_alert_id", "notices", ["alert_id"]),
    ("notices_by_state", "notices", ["state", "next_at"]),
)


def moment() -> sa.types.TypeEngine[Any]:
    return sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def identifier(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
    )


def long_text() -> sa.types.TypeEngine[str]:
    return sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    # Nothing ever wrote an alert before this version.
    op.drop_table("alerts", if_exists=True)
    op.create_table(
        "alerts",
        sa.Column("alert_id", identifier(64), primary_key=True),
        sa.Column("region_id", sa.BigInteger()),
        sa.Column("model_id", identifier(64), nullable=False),
        sa.Column("event", identifier(8), nullable=False),
        sa.Column("state", identifier(16), nullable=False),
        sa.Column("severity", identifier(4), nullable=False, comment="R0 to R5"),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("off_threshold", sa.Double(), nullable=False),
        sa.Column("opened_at", moment(), nullable=False),
        sa.Column("opened_probability", sa.Double()),
        sa.Column("peak_at", moment(), nullable=False),
        sa.Column("peak_probability", sa.Double()),
        sa.Column("last_probability", sa.Double()),
        sa.Column("last_over_at", moment(), nullable=False),
        sa.Column("raised_at", moment(), nullable=False),
        sa.Column("changed_at", moment(), nullable=False),
        sa.Column("acknowledged_at", moment()),
        sa.Column("acknowledged_by", sa.String(64)),
        sa.Column("comment", sa.String(1000)),
        sa.Column("closed_at", moment()),
        sa.Column("outcome", identifier(16)),
        sa.Column("outcome_class", identifier(8)),
        sa.Column("outcome_at", moment()),
        if_not_exists=True,
        **OPTIONS,
    )
    op.create_table(
        "alert_tracks",
        sa.Column("region_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("model_id", identifier(64), primary_key=True),
        sa.Column("event", identifier(8), primary_key=True),
        sa.Column("phase", identifier(8), nullable=False, comment="idle, rising, open or resting"),
        sa.Column("last_t_rec", moment(), nullable=False),
        sa.Column("since_at", moment(), nullable=False),
        sa.Column("last_over_at", moment()),
        sa.Column("alert_id", identifier(64)),
        if_not_exists=True,
        **OPTIONS,
    )
    op.create_table(
        "notices",
        sa.Column("notice_id", identifier(128), primary_key=True, comment="alert, change, channel"),
        sa.Column("alert_id", identifier(64), nullable=False),
        sa.Column("change", identifier(16), nullable=False),
        sa.Column("channel", identifier(16), nullable=False),
        sa.Column("body", long_text(), nullable=False),
        sa.Column(
            "state", identifier(16), nullable=False, comment="waiting, sent, dry-run or failed"
        ),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", moment(), nullable=False),
        sa.Column("next_at", moment(), nullable=False),
        sa.Column("sent_at", moment()),
        sa.Column("last_error", sa.String(255)),
        if_not_exists=True,
        **OPTIONS,
    )
    op.create_table(
        "model_stages",
        sa.Column("model_id", identifier(64), primary_key=True),
        sa.Column("from_at", moment(), primary_key=True),
        sa.Column("stage", identifier(16), nullable=False),
        if_not_exists=True,
        **OPTIONS,
    )
    op.create_table(
        "xray_flux",
        sa.Column("minute_at", moment(), primary_key=True),
        sa.Column("flux_w_m2", sa.Double(), comment="1-8 Angstrom"),
        sa.Column("satellite", identifier(8), nullable=False),
        if_not_exists=True,
        **OPTIONS,
    )
    for name, table, columns in INDEXES:
        op.create_index(name, table, columns, if_not_exists=True)
    _remember_the_stages()


def _remember_the_stages() -> None:
    """Let the history begin with the stage that each model stands on."""
    models = sa.table("models", *map(sa.column, ("model_id", "staged_at", "stage")))
    stages = sa.table("model_stages", *map(sa.column, ("model_id", "from_at", "stage")))
    known = sa.select(stages.c.model_id)
    standing = sa.select(models.c.model_id, models.c.staged_at, models.c.stage).where(
        models.c.model_id.not_in(known)
    )
    op.execute(stages.insert().from_select(["model_id", "from_at", "stage"], standing))


def downgrade() -> None:
    for table in ("alerts", "alert_tracks", "notices", "model_stages", "xray_flux"):
        op.drop_table(table, if_exists=True)
