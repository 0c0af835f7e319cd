"""The issue of forecasts: made from a batch, held against the alert rules, and stored."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa

from app.alerts.alerting import Watch, raise_alerts
from app.ingest.forecast_rows import forecast_rows, keys_of
from app.ingest.history import stored_history
from app.ingest.windows import gathered, joined, touched_windows
from app.scoring import Lineup, features_of, forecast
from database.drift.refresh import mark_drift
from database.exploration.days import mark_exploration
from database.observations import Records
from database.predictions import store_predictions
from database.reissue import reissue
from database.verification.stale_days import mark_stale


def issue(
    connection: sa.Connection, lineup: Lineup, watch: Watch | None,
    around: Records, fresh: Records, *, now: datetime,
) -> list[tuple[Any, ...]]:  # fmt: skip
    """Forecast from `fresh` records with the stored ones `around` them, and store the forecasts.

    Returns
    -------
    the forecasts, in the order of `predictions.COLUMNS`
    """
    forecasts = _forecast(connection, lineup, around, fresh, now=now)
    if watch is not None:
        raise_alerts(connection, watch, forecasts, now=now)
    store_predictions(connection, forecasts)
    days = {t_rec.date() for _, t_rec, *_ in forecasts}
    for mark in (mark_stale, mark_drift, mark_exploration):
        mark(connection, days)
    return forecasts


def _forecast(
    connection: sa.Connection, lineup: Lineup, around: Records, fresh: Records, *, now: datetime
) -> list[tuple[Any, ...]]:
    """Forecast from the fresh records, and again from those whose windows they have changed."""
    records, part = joined(around, fresh)
    is_fresh = part == 1
    flares, known = stored_history(connection, records.t_rec)
    features = features_of(records, flares, known=known)
    rows: list[tuple[Any, ...]] = []
    for model in lineup.models:
        matrix = model.matrix(features)
        for ends, windows in touched_windows(records, is_fresh, model.manifest):
            scores = forecast(model, gathered(matrix, windows), records.lon_fwt[ends])
            keys, revisions = keys_of(records, ends), records.revision[ends]
            if windows.shape[1] > 1:
                is_old = ~is_fresh[ends] | (revisions > 1)
                again = [keys[place] for place in np.flatnonzero(is_old).tolist()]
                following = reissue(connection, model.model_id, again, now=now)
                # A window changes more often than the record that it ends with.
                revisions = np.maximum(revisions, [following.get(key, 1) for key in keys])
            rows += forecast_rows(
                model.model_id, keys, scores=scores, revisions=revisions.tolist(), now=now
            )
    return rows
