"""The tables of the store, but for those of the seven modules that it imports.

In this order: records, what agencies report, models, senders, how records are streamed, alerts.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from database.schema import (
    fault_tables,
    forecast_tables,
    lab_tables,
    lifecycle_tables,
    nowcast_tables,
    people_tables,
    rollup_tables,
)
from database.schema.columns import UtcDateTime, identifier, long_text, region_id, table
from solar.flares import EVENTS
from solar.sharp import KEYWORDS

# Every table is declared in it: those of seven modules, and those that follow.
_DECLARED_ELSEWHERE = (
    fault_tables,
    forecast_tables,
    lab_tables,
    lifecycle_tables,
    nowcast_tables,
    people_tables,
    rollup_tables,
)
metadata: sa.MetaData = rollup_tables.verification_dekads.metadata

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


def _position_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("series", identifier(48), nullable=False),
        sa.Column("made_at", UtcDateTime),
        sa.Column("quality", sa.BigInteger),
        sa.Column("lon_fwt", sa.Double),
        sa.Column("lat_fwt", sa.Double),
    ]


observations = table(
    "observations",
    region_id(primary_key=True),
    sa.Column("t_rec", UtcDateTime, primary_key=True),
    *_position_columns(),
    *(sa.Column(keyword.column, sa.Double, comment=keyword.unit) for keyword in KEYWORDS),
    sa.Column("content_hash", sa.BigInteger, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("sender_id", identifier(64), nullable=False),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.Index("observations_by_time", "t_rec", "region_id"),
)

# Superseded versions of records. One that was current has the revision that it had; one that was
# superseded on arrival has none.
observation_conflicts = table(
    "observation_conflicts",
    region_id(primary_key=True),
    sa.Column("t_rec", UtcDateTime, primary_key=True),
    sa.Column("content_hash", sa.BigInteger, primary_key=True, autoincrement=False),
    *_position_columns(),
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

# Who changes the flares or their coverage leaves a `version` in its one row that was never used
# before: under the same version the list is the same.
flare_list_version = table(
    "flare_list_version",
    sa.Column("turn", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("version", sa.BigInteger, nullable=False),
)

# What time it is for the Sun: the one row says how it passes since somebody set it.
store_clock = table(
    "store_clock",
    sa.Column("turn", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("mode", identifier(6), nullable=False, comment="wall or replay"),
    sa.Column("event_at", UtcDateTime, comment="event time at wall_at"),
    sa.Column("wall_at", UtcDateTime, comment="by the clock of the store"),
    sa.Column("speed", sa.Double, comment="0 paused, NULL as fast as records come in"),
    sa.Column("speed_before", sa.Double, comment="of play after a pause"),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("starts_at", UtcDateTime),
    sa.Column("ends_at", UtcDateTime, comment="the last record of what is replayed"),
    sa.Column("changed_by", sa.String(80)),
)

# The Sun's soft X-rays as GOES measures them, minute by minute; two satellites may measure one.
xray_flux = table(
    "xray_flux",
    sa.Column("minute_at", UtcDateTime, primary_key=True),
    sa.Column("flux_w_m2", sa.Double, comment="1-8 Angstrom"),
    sa.Column("satellite", identifier(8), primary_key=True),
)

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

models = table(
    "models",
    sa.Column("model_id", identifier(64), primary_key=True),
    sa.Column("name", identifier(48), nullable=False),
    sa.Column("version", identifier(15), nullable=False),
    sa.Column("stage", identifier(16), nullable=False),
    sa.Column("manifest", long_text(), nullable=False),
    sa.Column("sha256", identifier(64), nullable=False),
    sa.Column("registered_at", UtcDateTime, nullable=False),
    sa.Column("staged_at", UtcDateTime, nullable=False),
    sa.Column("files", long_text(), comment="JSON: name -> sha256 of each file of the artefact"),
)

# The stage of each model from a time on, which gives a past forecast its threshold.
model_stages = table(
    "model_stages",
    sa.Column("model_id", identifier(64), primary_key=True),
    sa.Column("from_at", UtcDateTime, primary_key=True),
    sa.Column("stage", identifier(16), nullable=False),
)


def _counters(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]


senders = table(
    "senders",
    sa.Column("sender_id", identifier(64), primary_key=True),
    sa.Column("first_seen_at", UtcDateTime, nullable=False),
    sa.Column("last_seen_at", UtcDateTime, nullable=False),
    sa.Column("last_sequence", sa.BigInteger),
    *_counters("accepted", "duplicates", "revised", "rejected"),
    sa.Column("late", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("sent", sa.BigInteger, comment="rows handed over; NULL: the sender does not say"),
    sa.Column("sent_before", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("spooled", sa.BigInteger),
    sa.Column("missing", identifier(1024), comment="numbers below sent that have not arrived"),
    sa.Column("finished_at", UtcDateTime, comment="when it said that nothing more comes"),
)

# Requests summed over buckets of several lengths side by side, so that an hour and a year are
# both read from few rows; `processing` and `latency` are packed by solar.durations.
ingest_flow = table(
    "ingest_flow",
    sa.Column("span_seconds", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("start_at", UtcDateTime, primary_key=True),
    sa.Column("sender_id", identifier(64), primary_key=True),
    *_counters("requests", "accepted", "duplicates", "revised", "late", "rejected", "predictions"),
    sa.Column("processing", sa.LargeBinary(1024), nullable=False),
    sa.Column("latency", sa.LargeBinary(1024), nullable=False),
)

# Why rows were rejected, by the hour; the path without its index, the reason without values.
rejections = table(
    "rejections",
    sa.Column("hour_at", UtcDateTime, primary_key=True),
    sa.Column("path", identifier(64), primary_key=True),
    sa.Column("reason", identifier(160), primary_key=True),
    sa.Column("n", sa.BigInteger, nullable=False),
    sa.Column("last_at", UtcDateTime, nullable=False),
    sa.Column("last_sender", identifier(64), nullable=False),
    sa.Column("example", sa.String(255), nullable=False),
)

# A source that replicas share: where it begins, and the clock that all of them follow.
shared_sources = table(
    "shared_sources",
    sa.Column("source", identifier(64), primary_key=True),
    sa.Column("shards", sa.Integer, nullable=False),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("starts_at", UtcDateTime, nullable=False),
    sa.Column("event_at", UtcDateTime, nullable=False, comment="event time at began_at"),
    sa.Column("began_at", UtcDateTime, nullable=False),
    sa.Column("heard_at", UtcDateTime, nullable=False),
)

# The parts of a shared source; progress is kept when a holder dies.
shard_leases = table(
    "shard_leases",
    sa.Column("source", identifier(64), primary_key=True),
    sa.Column("shard", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("sender_id", identifier(64)),
    sa.Column("delivered", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("through", UtcDateTime),
    sa.Column("finished_at", UtcDateTime),
    sa.Column("lost_by", identifier(64), comment="the replica that fell silent with it"),
    sa.Column("taken_by", identifier(64), comment="the replica that took it over then"),
)

# The replicas that share a source, also those that hold no shard yet.
shard_members = table(
    "shard_members",
    sa.Column("source", identifier(64), primary_key=True),
    sa.Column("sender_id", identifier(64), primary_key=True),
    sa.Column("joined_at", UtcDateTime, nullable=False),
    sa.Column("seen_at", UtcDateTime, nullable=False),
)

# The offset of a consumer group in each partition of a topic, and where the partition ends.
stream_partitions = table(
    "stream_partitions",
    sa.Column("group_id", identifier(64), primary_key=True),
    sa.Column("topic", identifier(128), primary_key=True),
    sa.Column("partition_number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("committed", sa.BigInteger, nullable=False),
    sa.Column("end_offset", sa.BigInteger, nullable=False),
    sa.Column("consumer_id", identifier(64), nullable=False),
    sa.Column("seen_at", UtcDateTime, nullable=False),
)

# The highest count of a sender in each partition of a topic: rows up to it are duplicates.
stream_senders = table(
    "stream_senders",
    sa.Column("topic", identifier(128), primary_key=True),
    sa.Column("partition_number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("sender_id", identifier(64), primary_key=True),
    sa.Column("sent", sa.BigInteger, nullable=False),
)

# One row per alert; `opened_at`, `last_over_at` and `closed_at` are times of data, `raised_at`
# in a replay too, and `changed_at` of the clock on the wall. `state` is open, acknowledged or
# closed; `outcome` is None while nothing is known, then confirmed, false alarm, missed or unknown.
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

# The state of the alert rule per region, model and event, kept between two records.
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

# The outbox of notifications: written with the alert in one commit, emptied by the worker.
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
