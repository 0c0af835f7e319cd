"""Forecasting: the models score the records of a batch, which are stored or only asked about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import sqlalchemy as sa

from app.alerts.alerting import raise_alerts
from app.contract.schemas import Flare
from app.ingest.admission import YieldToLive
from app.ingest.batch import Batch
from app.ingest.issue_times import IssueTimes
from app.ingest.leads import first_of_hours, keep_leads
from app.ingest.regions import resolve_regions
from app.line_up import ServedLineUp
from app.scoring.features import features_of, forecast, stored_features
from app.scoring.forecasts import IssuedForecasts, forecasts_of, join_forecasts
from app.scoring.served_models import ServedModels
from app.scoring.windows import gather_inputs, join_records, look_back, touched_windows
from database.engine import heartbeat
from database.harps import RegionName, resolve_many
from database.observations.records import Key, Records
from database.predictions.predictions import store_predictions, supersede_model
from database.rollup_days import mark_drift, mark_exploration, mark_stale
from model_training.artefact.artifact import Artifact
from model_training.features import FlareHistory
from solar.columns import Bools, Integers, Times
from solar.flares import peak_flux
from solar.time import to_datetime64

# The revision of a record that is not stored.
_UNSTORED = 0


def issue_forecasts(
    connection: sa.Connection,
    served: ServedLineUp,
    around: Records,
    fresh: Records,
    *,
    issue_times: IssueTimes,
    lead_every: timedelta,
    now: datetime,
    yield_to_live: YieldToLive,
) -> IssuedForecasts:
    """Forecast from `fresh` records, raise alerts, and store the forecasts.

    `around` are the stored records that share a window with a fresh one, `lead_every` the length
    of the hour of which one record has its forecasts of other windows stored. The forecasts that
    are returned have leads only where these are stored.
    """
    forecasts = _forecast(connection, served.models, around, fresh, issue_times=issue_times)
    yield_to_live()
    to_be_stored = first_of_hours(forecasts, newest=issue_times.newest, every=lead_every)
    raise_alerts(connection, served.alert_config, to_be_stored, now=now)
    yield_to_live()
    days = forecasts.days()
    store_predictions(connection, forecasts.columns())
    models, newest = served.models.models, issue_times.newest
    stored = keep_leads(connection, forecasts, models, newest=newest, every=lead_every)
    for mark in (mark_stale, mark_drift, mark_exploration):
        mark(connection, days)
    return stored


def _forecast(
    connection: sa.Connection,
    served_models: ServedModels,
    around: Records,
    fresh: Records,
    *,
    issue_times: IssueTimes,
) -> IssuedForecasts:
    """Forecast from the fresh records, and again from those whose windows they have changed."""
    records, part = join_records(around, fresh)
    is_fresh = part == 1
    features = stored_features(connection, records)
    parts: list[IssuedForecasts] = []
    beat = heartbeat(connection)
    for model in served_models.models:
        matrix = model.matrix(features)
        for ends, windows in touched_windows(records, is_fresh, model.manifest):
            scores = forecast(model, gather_inputs(matrix, windows), records.lon_fwt[ends])
            beat()
            revision = records.revision[ends]
            if windows.shape[1] > 1:
                revision = _revisions(
                    connection, model, records, ends, is_fresh[ends], issue_times=issue_times
                )
            parts.append(
                forecasts_of(
                    model.model_id,
                    records.region_id[ends],
                    records.t_rec[ends],
                    scores=scores,
                    revision=revision,
                    issued_at=issue_times.of(records.region_id[ends], records.t_rec[ends]),
                )
            )
    return join_forecasts(parts)


def _revisions(
    connection: sa.Connection,
    model: Artifact,
    records: Records,
    ends: Integers,
    is_fresh: Bools,
    *,
    issue_times: IssueTimes,
) -> Integers:
    """Number the forecasts from windows, which change more often than the record at their end."""
    revision = records.revision[ends].copy()
    old = np.flatnonzero(~is_fresh | (revision > 1))
    keys = _record_keys(records, ends[old])
    following = supersede_model(connection, model.model_id, issue_times.of_keys(keys))
    revision[old] = np.maximum(revision[old], [following.get(key, 1) for key in keys])
    return revision


def _record_keys(records: Records, rows: Integers) -> Sequence[Key]:
    """Return the keys of some records: region and time."""
    times = (at.replace(tzinfo=UTC) for at in records.t_rec[rows].tolist())
    return list(zip(records.region_id[rows].tolist(), times, strict=True))


def predict(
    connection: sa.Connection,
    model: Artifact,
    batch: Batch,
    *,
    flares: Sequence[Flare] | None,
    now: datetime,
) -> IssuedForecasts:
    """Score the newest row of each region; nothing is stored.

    The rows of a region are its window; no stored record joins them.

    Parameters
    ----------
    flares : all flares of the last 27 days, which count from their end on, or their peak where
        they have none; None takes those of the store
    """
    region_ids = resolve_regions(connection, batch)
    records, _ = join_records(batch.records(region_ids, [_UNSTORED] * len(batch)))
    if flares is None:
        features = stored_features(connection, records)
    else:
        history, known = _history_of(connection, flares), np.ones(len(records), np.bool_)
        features = features_of(records, history, known=known)
    matrix = model.matrix(features)
    # No region has the number 0, so that the last record is seen to end one too.
    newest = np.flatnonzero(np.diff(records.region_id, append=0) != 0)
    windows = look_back(records, newest, model.manifest)
    scores = forecast(model, gather_inputs(matrix, windows), records.lon_fwt[newest])
    return forecasts_of(
        model.model_id,
        records.region_id[newest],
        records.t_rec[newest],
        scores=scores,
        revision=np.full(len(newest), _UNSTORED),
        issued_at=np.full(len(newest), to_datetime64(now)),
    )


def _history_of(connection: sa.Connection, flares: Sequence[Flare]) -> FlareHistory:
    by_peak = sorted(flares, key=lambda flare: flare.peak)
    return FlareHistory(
        _times([flare.peak for flare in by_peak]),
        np.array([peak_flux(flare.goes_class) for flare in by_peak], float),
        _regions_of(connection, by_peak),
        _times([flare.end or flare.peak for flare in by_peak]),
    )


def _times(times: Sequence[datetime]) -> Times:
    return np.array([at.replace(tzinfo=None) for at in times], "datetime64[us]")


def _regions_of(connection: sa.Connection, flares: Sequence[Flare]) -> Integers:
    """Return the region of each flare, 0 where it names none."""
    is_named = [flare.harpnum is not None or flare.noaa_ar is not None for flare in flares]
    names = [
        RegionName(flare.harpnum, () if flare.noaa_ar is None else (flare.noaa_ar,))
        for flare, has_name in zip(flares, is_named, strict=True)
        if has_name
    ]
    region_ids = np.zeros(len(flares), np.int64)
    region_ids[np.array(is_named, np.bool_)] = resolve_many(connection, names)
    return region_ids
