"""Every table of the store, under one name to import from."""

from __future__ import annotations

from database.schema.alert_tables import alert_tracks, alerts, notices
from database.schema.delivery_tables import (
    shard_leases,
    shard_members,
    shared_sources,
    stream_partitions,
    stream_senders,
)
from database.schema.drift_tables import drift_days, drift_stale
from database.schema.exploration_tables import exploration_days, exploration_stale
from database.schema.metadata import metadata
from database.schema.record_tables import (
    flare_coverage,
    flares,
    harp_noaa,
    observation_conflicts,
    observations,
    predictions,
    regions,
    superseded_predictions,
    xray_flux,
)
from database.schema.report_tables import disk_forecasts, region_reports
from database.schema.service_tables import (
    ingest_flow,
    model_stages,
    models,
    rejections,
    retention_limits,
    senders,
    users,
)
from database.schema.verification_tables import (
    verification_dekads,
    verification_stale,
    verification_turn,
)

__all__ = [
    "alert_tracks",
    "alerts",
    "disk_forecasts",
    "drift_days",
    "drift_stale",
    "exploration_days",
    "exploration_stale",
    "flare_coverage",
    "flares",
    "harp_noaa",
    "ingest_flow",
    "metadata",
    "model_stages",
    "models",
    "notices",
    "observation_conflicts",
    "observations",
    "predictions",
    "region_reports",
    "regions",
    "rejections",
    "retention_limits",
    "senders",
    "shard_leases",
    "shard_members",
    "shared_sources",
    "stream_partitions",
    "stream_senders",
    "superseded_predictions",
    "users",
    "verification_dekads",
    "verification_stale",
    "verification_turn",
    "xray_flux",
]
