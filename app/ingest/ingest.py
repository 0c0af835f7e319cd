"""Ingest: store a batch of observations with its forecasts and its counters, in one commit."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import sqlalchemy as sa

from app.alerts.config import AlertConfig
from app.contract.problems import Rejection
from app.contract.schemas import Sender
from app.ingest.admission import YieldToLive, no_op
from app.ingest.batch import Batch
from app.ingest.conflict_resolution import (
    ConflictResolution,
    correct_region_positions,
    resolve_conflicts,
    store_superseded,
)
from app.ingest.forecasting import issue_forecasts
from app.ingest.outcomes import ingest_receipt, record_outcomes
from app.ingest.regions import resolve_regions, summarise_regions
from app.scoring.forecasts import IssuedForecasts, join_forecasts
from app.scoring.served_models import ServedModels
from app.scoring.windows import spans_around, step_features
from database.delivery.row_outcomes import OutcomeCounts, RowOutcomes
from database.engine import transact
from database.observations.records import KEYWORD_COLUMNS, load_records, store_observations
from database.predictions.predictions import supersede
from database.regions.regions import update_regions
from solar.columns import Integers

RecordOutcomes = Callable[[sa.Connection, RowOutcomes, Sequence[Rejection], Sender, datetime], None]


@dataclass(frozen=True)
class IngestResult:
    """What became of a request; `conflicts` counts the superseded record versions by reason."""

    delivery: OutcomeCounts
    rejected: list[Rejection]
    forecasts: IssuedForecasts
    conflicts: dict[str, int]


def ingest(
    engine: sa.Engine,
    served_models: ServedModels,
    batch: Batch,
    *,
    rejected: Sequence[Rejection],
    sender: Sender,
    now: datetime,
    alert_config: AlertConfig | None = None,
    began: float | None = None,
    record: RecordOutcomes = record_outcomes,
    yield_to_live: YieldToLive = no_op,
) -> IngestResult:
    """Store a batch with its forecasts; sent again, it changes nothing but the counters.

    Everything happens in one transaction: a process that dies in the middle leaves nothing.

    Parameters
    ----------
    rejected : rows of the request that are not in the batch
    alert_config : without it no alert is raised
    began : when the request came, on the clock of `time.perf_counter`
    record : writes the outcomes in the same commit; a caller that receives rows in another order
        than they were sent has its own
    yield_to_live : is called between the parts of the work
    """
    started = time.perf_counter() if began is None else began

    def work(connection: sa.Connection) -> IngestResult:
        yield_to_live()
        region_ids = resolve_regions(connection, batch)
        # First, because it locks the regions: of two senders with the same new rows the second
        # waits and finds duplicates. A new region brings the flares of its NOAA number along.
        newest = update_regions(connection, summarise_regions(batch, region_ids))
        yield_to_live()
        resolution = resolve_conflicts(connection, batch, region_ids)
        store_superseded(connection, batch, region_ids, resolution, sender_id=sender.id, now=now)
        forecasts = join_forecasts([], now=now)
        if len(resolution.rows):
            yield_to_live()
            current = batch.take(resolution.rows)
            ids = np.array(region_ids, np.int64)[resolution.rows]
            # Read before anything is written: the new records are at hand already.
            spans = spans_around(ids, current.t_rec, served_models.models)
            around = load_records(connection, spans, keywords=step_features(served_models.models))
            yield_to_live()
            _store(connection, current, ids, resolution=resolution, sender=sender, now=now)
            supersede(connection, resolution.revised_keys, now=now)
            yield_to_live()
            fresh = current.records(ids, resolution.revisions)
            forecasts = issue_forecasts(
                connection,
                served_models,
                alert_config,
                around,
                fresh,
                now=now,
                yield_to_live=yield_to_live,
            )
        correct_region_positions(connection, region_ids, resolution)
        receipt = ingest_receipt(
            batch,
            rejected,
            resolution,
            region_ids=region_ids,
            newest=newest,
            now=now,
            predictions=len(forecasts),
            seconds=time.perf_counter() - started,
        )
        record(connection, receipt, rejected, sender, now)
        conflicts = resolution.conflicts()
        return IngestResult(receipt.counts(), list(rejected), forecasts, conflicts)

    return transact(engine, work)


def _store(
    connection: sa.Connection,
    batch: Batch,
    region_ids: Integers,
    *,
    resolution: ConflictResolution,
    sender: Sender,
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
            "sender_id": sender.id,
            "received_at": now,
        },
    )
