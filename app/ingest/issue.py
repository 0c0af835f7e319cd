"""The issue of forecasts: made from a batch, held against the alert rules, and stored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from app.alerts.alerting import Watch, raise_alerts
from app.ingest.coded import Integers
from app.ingest.forecasts import Forecasts, forecasts_of
from app.ingest.forecasts import joined as put_together
from app.ingest.gate import GiveWay
from app.ingest.history import stored_history
from app.ingest.windows import gathered, joined, touched_windows
from app.scoring import Lineup, features_of, forecast
from database.observations.records import Key, Records
from database.predictions.predictions import store_predictions, supersede_model
from database.rollup_days import mark_drift, mark_exploration, mark_stale
from database.upsert import batched_writes
from model_training.artifact import Artifact


def issue(
    connection: sa.Connection, lineup: Lineup, watch: Watch | None,
    around: Records, fresh: Records, *, now: datetime, give_way: GiveWay,
) -> Forecasts:  # fmt: skip
    """Forecast from `fresh` records with the stored ones `around` them, and store the forecasts."""
    forecasts = _forecast(connection, lineup, around, fresh, now=now)
    give_way()
    if watch is not None:
        raise_alerts(connection, watch, forecasts, now=now)
    give_way()
    days = forecasts.days()
    with batched_writes(connection):
        store_predictions(connection, forecasts.columns())
        for mark in (mark_stale, mark_drift, mark_exploration):
            mark(connection, days)
    return forecasts


def _forecast(
    connection: sa.Connection, lineup: Lineup, around: Records, fresh: Records, *, now: datetime
) -> Forecasts:
    """Forecast from the fresh records, and again from those whose windows they have changed."""
    records, part = joined(around, fresh)
    is_fresh = part == 1
    flares, known = stored_history(connection, records.t_rec)
    features = features_of(records, flares, known=known)
    parts: list[Forecasts] = []
    for model in lineup.models:
        matrix = model.matrix(features)
        for ends, windows in touched_windows(records, is_fresh, model.manifest):
            scores = forecast(model, gathered(matrix, windows), records.lon_fwt[ends])
            revision = records.revision[ends]
            if windows.shape[1] > 1:
                revision = _revisions(connection, model, records, ends, is_fresh[ends], now=now)
            parts.append(
                forecasts_of(
                    model.model_id, records.region_id[ends], records.t_rec[ends],
                    scores=scores, revision=revision, now=now,
                )
            )  # fmt: skip
    return put_together(parts, now=now)


def _revisions(
    connection: sa.Connection, model: Artifact, records: Records, ends: Integers,
    is_fresh: NDArray[np.bool_], *, now: datetime,
) -> Integers:  # fmt: skip
    """Number the forecasts from windows, which change more often than the record at their end."""
    revision = records.revision[ends].copy()
    old = np.flatnonzero(~is_fresh | (revision > 1))
    keys = _keys_of(records, ends[old])
    following = supersede_model(connection, model.model_id, keys, now=now)
    revision[old] = np.maximum(revision[old], [following.get(key, 1) for key in keys])
    return revision


def _keys_of(records: Records, places: Integers) -> Sequence[Key]:
    """Return the region and the time of some records as the store names them."""
    times = (at.replace(tzinfo=UTC) for at in records.t_rec[places].tolist())
    return list(zip(records.region_id[places].tolist(), times, strict=True))
