"""The tables of alerts: what was raised, what a region is about to raise, whom to tell."""

from __future__ import annotations

import sqlalchemy as sa

from database.schema.column_types import UtcDateTime, identifier, long_text
from database.schema.metadata import region_id, table

# One row per alert; `opened_at`, `last_over_at` and `closed_at` are times of data, `raised_at`
# and `changed_at` of the clock. `state` is open, acknowledged or closed; `outcome` is None while
# nothing is known, then confirmed, false alarm, missed or unknown.
alerts = table(
    "alerts",
    sa.Column("alert_id", identifier(64), primary_key=True),
    region_id(),
    sa.Column("model_id", identifier(64), nullable=False),
    sa.Column("event", identifier(8), nullable=False),
    sa.Column("state", identifier(16), nullable=False),
    sa.Column("severity", identifier(4), nullable=False, comment="R0 to R5"),
    sa.Column("threshold", sa.Double, nullable=False),
    sa.Column("off_threshold", sa.Double, nullable=False),
    sa.Column("opened_at", UtcDateTime, nullable=False),
    sa.Column("opened_probability", sa.Double),
    sa.Column("peak_at", UtcDateTime, nullable=False),
    sa.Column("peak_probability", sa.Double),
    sa.Column("last_probability", sa.Double),
    sa.Column("last_over_at", UtcDateTime, nullable=False),
    sa.Column("raised_at", UtcDateTime, nullable=False),
    sa.Column("changed_at", UtcDateTime, nullable=False, index=True),
    sa.Column("acknowledged_at", UtcDateTime),
    sa.Column("acknowledged_by", sa.String(64)),
    sa.Column("comment", sa.String(1000)),
    sa.Column("closed_at", UtcDateTime),
    sa.Column("outcome", identifier(16)),
    sa.Column("outcome_class", identifier(8)),
    sa.Column("outcome_at", UtcDateTime),
    sa.Index("alerts_by_state", "state", "opened_at"),
    sa.Index("alerts_by_region", "region_id", "opened_at"),
    sa.Index("alerts_by_opening", "opened_at", "alert_id"),
)

# Where each region stands between two records: what the rule must remember.
alert_tracks = table(
    "alert_tracks",
    region_id(primary_key=True),
    sa.Column("model_id", identifier(64), primary_key=True),
    sa.Column("event", identifier(8), primary_key=True),
    sa.Column("phase", identifier(8), nullable=False, comment="idle, rising, open or resting"),
    sa.Column("last_t_rec", UtcDateTime, nullable=False),
    sa.Column("since_at", UtcDateTime, nullable=False),
    sa.Column("last_over_at", UtcDateTime),
    sa.Column("alert_id", identifier(64)),
)

# The outbox: written with the alert in one commit, emptied by whoever delivers.
notices = table(
    "notices",
    sa.Column("notice_id", identifier(128), primary_key=True, comment="alert, change, channel"),
    sa.Column("alert_id", identifier(64), nullable=False, index=True),
    sa.Column("change", identifier(16), nullable=False),
    sa.Column("channel", identifier(16), nullable=False),
    sa.Column("body", long_text(), nullable=False),
    sa.Column("state", identifier(16), nullable=False, comment="waiting, sent, dry-run or failed"),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("next_at", UtcDateTime, nullable=False),
    sa.Column("sent_at", UtcDateTime),
    sa.Column("last_error", sa.String(255)),
    sa.Index("notices_by_state", "state", "next_at"),
)
