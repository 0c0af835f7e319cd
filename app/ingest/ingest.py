"""Ingest: store observations with their forecasts and their counters, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import numpy as np
import sqlalchemy as sa

from app import metrics
from app.ingest.admission import YieldToLive, no_op
from app.ingest.batch import Batch
from app.ingest.conflict_resolution import (
    ConflictResolution,
    correct_region_positions,
    record_keys,
    resolve_conflicts,
    store_superseded,
)
from app.ingest.forecasting import issue_forecasts
from app.ingest.ingest_request import IngestRequest
from app.ingest.issue_times import IssueTimes
from app.ingest.leads import HOURLY
from app.ingest.outcomes import newest_of_rows, outcomes_by_request, record_outcomes
from app.ingest.regions import resolve_regions, summarise_regions
from app.line_up import ServedLineUp
from app.scoring.forecasts import IssuedForecasts, join_forecasts
from app.scoring.windows import spans_around, step_features
from database.alerts.tracks import tracks_query
from database.clock.clock import Clock
from database.delivery.row_outcomes import RowOutcomes
from database.delivery.senders import delivery_queries
from database.engine import transact
from database.flares.shared_numbers import sharers_query
from database.observations.records import (
    KEYWORD_COLUMNS,
    Records,
    load_records,
    store_observations,
)
from database.observations.versions import RecordKeys, version_queries
from database.predictions.predictions import supersede
from database.regions.regions import regions_query, update_regions
from database.round_trips import read_ahead
from database.schema.tables import flare_list_version
from database.version_cache import version_query
from model_training.artefact.artifact import Artifact
from solar.columns import Coded, Integers, Times

# A deadlock is tried again, but a lock that is not free within a second is not waited for again.
_IMPATIENT: dict[str, Any] = {"patience_seconds": 0.5, "lock_wait_seconds": 1}


class RecordOutcomes(Protocol):
    """Writes the outcomes of requests in the commit that stores their rows."""

    def __call__(
        self,
        connection: sa.Connection,
        requests: Sequence[IngestRequest],
        outcomes: Sequence[RowOutcomes],
        *,
        now: datetime,
    ) -> None:
        """Write what became of each request."""


@dataclass(frozen=True)
class IngestResult:
    """What became of requests that were stored together.

    Parameters
    ----------
    outcomes : of each request
    forecasts, request_of_forecast : of all of them, and the place (m,) of the request of each
    conflicts : the superseded record versions, counted by reason
    """

    outcomes: list[RowOutcomes]
    forecasts: IssuedForecasts
    request_of_forecast: Integers
    conflicts: dict[str, int]

    def forecasts_of(self, place: int) -> IssuedForecasts:
        """Return the forecasts from the records of one request."""
        return self.forecasts.take(self.request_of_forecast == place)


@dataclass(frozen=True)
class IngestStore:
    """A store with the models that score its records.

    `served` says which these are, once for all requests of a commit: a change of the line-up
    falls between two commits. Without `sun_clock` the forecasts are issued at the time of receipt.
    Of other windows than the next 24 h those of the first record of each region within
    `lead_every` are stored.
    """

    engine: sa.Engine
    served: Callable[[], ServedLineUp]
    sun_clock: Clock | None = None
    lead_every: timedelta = HOURLY

    def store(
        self,
        requests: Sequence[IngestRequest],
        *,
        now: datetime,
        record: RecordOutcomes = record_outcomes,
        yield_to_live: YieldToLive = no_op,
        is_patient: bool = True,
    ) -> IngestResult:
        """Store requests in one commit; sent again, they change nothing but the counters.

        The rows of all requests are taken as if they had come in one. A process that dies in the
        middle leaves nothing.

        Parameters
        ----------
        now : when the rows are received
        record : a caller that receives rows in another order than they were sent has its own
        yield_to_live : is called between the parts of the work
        is_patient : without patience little is waited for locks, as others wait for these requests

        Raises
        ------
        StoreLockedError
            When another transaction holds a region or a sender for too long.
        FlarewatchError
            When the store is away, or refuses a row.
        """
        issue_times, served = IssueTimes.read(self.sun_clock, wall=now), self.served()

        def work(connection: sa.Connection) -> IngestResult:
            return _ingest(
                connection,
                served,
                requests,
                issue_times=issue_times,
                lead_every=self.lead_every,
                now=now,
                record=record,
                yield_to_live=yield_to_live,
                locks_senders_early=not is_patient,
            )

        waits: dict[str, Any] = {} if is_patient else _IMPATIENT
        result = transact(self.engine, work, **waits)
        metrics.count_conflicts(result.conflicts)
        return result


def _ingest(
    connection: sa.Connection,
    served: ServedLineUp,
    requests: Sequence[IngestRequest],
    *,
    issue_times: IssueTimes,
    lead_every: timedelta,
    now: datetime,
    record: RecordOutcomes,
    yield_to_live: YieldToLive,
    locks_senders_early: bool,
) -> IngestResult:
    yield_to_live()
    batch = Batch.concatenate([request.batch for request in requests])
    request_of_row = np.repeat(np.arange(len(requests)), [len(r.batch) for r in requests])
    region_ids = resolve_regions(connection, batch)
    keys, key_of_row = record_keys(batch, region_ids)
    # Of bulk the senders are locked last, so that two posts of one sender are stored side by side.
    early = {request.sender.id for request in requests} if locks_senders_early else ()
    _read_ahead(connection, keys, sorted(early), now=now)
    # First, because it locks the regions: of two senders with the same new rows the second
    # waits and finds duplicates. A new region brings the flares of its NOAA number along.
    newest = update_regions(connection, summarise_regions(batch, region_ids))
    yield_to_live()
    resolution = resolve_conflicts(connection, batch, keys, key_of_row)
    senders = Coded(request_of_row, tuple(request.sender.id for request in requests))
    store_superseded(connection, batch, region_ids, resolution, senders=senders, now=now)
    forecasts, request_of_forecast = join_forecasts([]), np.empty(0, np.int64)
    if len(resolution.rows):
        yield_to_live()
        current = batch.take(resolution.rows)
        ids = region_ids[resolution.rows]
        # Read before anything is written: the new records are at hand already.
        around = _records_around(connection, ids, current.t_rec, served.models.models)
        yield_to_live()
        sender_ids = senders.take(resolution.rows).rows()
        _store(connection, current, ids, resolution=resolution, sender_ids=sender_ids, now=now)
        supersede(connection, issue_times.among(newest).of_keys(resolution.revised_keys))
        yield_to_live()
        fresh = current.records(ids, resolution.revisions)
        forecasts = issue_forecasts(
            connection,
            served,
            around,
            fresh,
            issue_times=issue_times.among(newest),
            lead_every=lead_every,
            now=now,
            yield_to_live=yield_to_live,
        )
        request_of_forecast = _requests_of(forecasts, fresh, request_of_row[resolution.rows])
    correct_region_positions(connection, region_ids, resolution)
    outcomes = outcomes_by_request(
        requests,
        resolution,
        times=batch.t_rec,
        newest_before=newest_of_rows(region_ids, newest),
        issued_at=issue_times.among(newest).of(region_ids, batch.t_rec),
        predictions=np.bincount(request_of_forecast, minlength=len(requests)).tolist(),
    )
    record(connection, requests, outcomes, now=now)
    return IngestResult(outcomes, forecasts, request_of_forecast, resolution.conflicts())


def _records_around(
    connection: sa.Connection, region_ids: Integers, times: Times, models: Sequence[Artifact]
) -> Records:
    """Return the stored records that share a window of one of the models with these."""
    spans = spans_around(region_ids, times, models)
    return load_records(connection, spans, keywords=step_features(models))


def _read_ahead(
    connection: sa.Connection, keys: RecordKeys, sender_ids: Sequence[str], *, now: datetime
) -> None:
    """Ask at once, and lock, what the rows of a request are always compared with.

    Regions are locked before senders, as everywhere.
    """
    region_ids = np.unique(keys.region_id).tolist()
    if not region_ids:
        return
    queries = [
        regions_query(connection, region_ids),
        *version_queries(connection, keys),
        tracks_query(connection, region_ids),
        sharers_query(region_ids),
        version_query(flare_list_version),
    ]
    if sender_ids:
        queries += delivery_queries(connection, sender_ids, now=now)
    read_ahead(connection, queries)


def _requests_of(
    forecasts: IssuedForecasts, fresh: Records, request_of_record: Integers
) -> Integers:
    """Return the request of each forecast: that of its record, or else the first of its region.

    Another record than those of the requests is forecast again when these change its window.
    """
    if not request_of_record.any():
        return np.zeros(len(forecasts), np.int64)
    place = RecordKeys(fresh.region_id, fresh.t_rec).find(forecasts.region_id, forecasts.t_rec)
    first = np.searchsorted(fresh.region_id, forecasts.region_id)
    return request_of_record[np.where(place >= 0, place, first)]


def _store(
    connection: sa.Connection,
    batch: Batch,
    region_ids: Integers,
    *,
    resolution: ConflictResolution,
    sender_ids: Sequence[str],
    now: datetime,
) -> None:
    keywords = {name: batch.keywords[:, place] for place, name in enumerate(KEYWORD_COLUMNS)}
    store_observations(
        connection,
        {
            "region_id": region_ids,
            "t_rec": batch.t_rec,
            "series": batch.series.rows(),
            "made_at": resolution.made_at,
            "quality": batch.quality,
            "lon_fwt": batch.lon_fwt,
            "lat_fwt": batch.lat_fwt,
            **keywords,
            "content_hash": resolution.hashes,
            "revision": resolution.revisions,
            "sender_id": sender_ids,
            "received_at": now,
        },
    )
