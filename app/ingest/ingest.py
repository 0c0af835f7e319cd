"""Ingest: a batch of observations stored, forecast from, and accounted for, in one commit."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import sqlalchemy as sa

from app.alerts.alerting import Watch
from app.contract.schemas import Sender
from app.ingest.batch import Batch, Rejection
from app.ingest.causes import causes_of_rows
from app.ingest.coded import Integers
from app.ingest.conflicts import correct_regions, keep_conflicts
from app.ingest.forecasts import Forecasts, joined
from app.ingest.gate import GiveWay, go_on
from app.ingest.issue import issue
from app.ingest.receipts import receipt
from app.ingest.sightings import sightings
from app.ingest.standing import Standing, standing_of
from app.ingest.windows import records_of, spans_around, steps_hold
from app.scoring import Lineup
from database.delivery.rejections import record_rejections
from database.delivery.row_outcomes import OutcomeCounts, RowOutcomes
from database.delivery.senders import record_delivery
from database.engine import transact
from database.harps import RegionName, resolve_many
from database.observations.records import KEYWORD_COLUMNS, load_records, store_observations
from database.predictions.predictions import supersede
from database.regions.regions import update_regions

Accounting = Callable[[sa.Connection, RowOutcomes, Sequence[Rejection], Sender, datetime], None]


@dataclass(frozen=True)
class Outcome:
    """What became of a request; `conflicts` counts the accounts that lost, by reason."""

    delivery: OutcomeCounts
    rejected: list[Rejection]
    forecasts: Forecasts
    conflicts: dict[str, int]


def ingest(
    engine: sa.Engine,
    lineup: Lineup,
    batch: Batch,
    *,
    rejected: Sequence[Rejection],
    sender: Sender,
    now: datetime,
    watch: Watch | None = None,
    began: float | None = None,
    accounting: Accounting | None = None,
    give_way: GiveWay = go_on,
) -> Outcome:
    """Store a batch with its forecasts; sent again, it changes nothing but the counters.

    Everything happens in one transaction: a process that dies in the middle leaves nothing.
    Without a `watch` no alert is raised. `began` is when the request came, on the clock of
    `time.perf_counter`. Who receives rows in another order than they were sent does the
    `accounting`, which belongs to the same commit. Between its parts the
    work may `give_way` to others.
    """
    came = time.perf_counter() if began is None else began

    def work(connection: sa.Connection) -> Outcome:
        give_way()
        region_ids = resolve_regions(connection, batch)
        # First, because it locks the regions: of two senders with the same new rows the second
        # waits and finds duplicates. A new region brings the flares of its NOAA number along.
        newest = update_regions(connection, sightings(batch, region_ids))
        give_way()
        found = standing_of(connection, batch, region_ids)
        keep_conflicts(connection, batch, region_ids, found, sender_id=sender.id, now=now)
        forecasts = joined([], now=now)
        if found.rows:
            give_way()
            new = batch.take(found.rows)
            ids = np.array(region_ids, np.int64)[found.rows]
            # Read before anything is written: what is new is at hand already.
            spans = spans_around(new, ids, lineup.models)
            around = load_records(connection, spans, keywords=steps_hold(lineup.models))
            give_way()
            _store(connection, new, ids, found=found, sender=sender, now=now)
            supersede(connection, found.revised_keys, now=now)
            give_way()
            fresh = records_of(new, ids, found.revisions)
            forecasts = issue(connection, lineup, watch, around, fresh, now=now, give_way=give_way)
        correct_regions(connection, region_ids, found)
        given = receipt(
            batch, rejected, fates=found.fates, region_ids=region_ids, newest=newest,
            now=now, predictions=len(forecasts), seconds=time.perf_counter() - came,
        )  # fmt: skip
        (accounting or account_for)(connection, given, rejected, sender, now)
        return Outcome(given.counts(), list(rejected), forecasts, found.conflicts())

    return transact(engine, work)


def account_for(
    connection: sa.Connection, given: RowOutcomes, rejected: Sequence[Rejection], sender: Sender,
    now: datetime, *, in_order: bool = True,
) -> None:  # fmt: skip
    """Write down what became of the request, after all else: one sender's requests wait here."""
    count = {"sequence": sender.sequence, "sent": sender.sent, "spooled": sender.spooled}
    record_delivery(connection, sender.id, given, **count, now=now, in_order=in_order)
    record_rejections(connection, causes_of_rows(rejected), sender_id=sender.id, now=now)


def resolve_regions(connection: sa.Connection, batch: Batch) -> list[int]:
    """Return the region id of each row, asking the HARP map once for the whole batch."""
    named = np.column_stack([batch.harpnums, batch.ar_sets.codes])
    different, of_row = np.unique(named, axis=0, return_inverse=True)
    values = batch.ar_sets.values
    names = [RegionName(harpnum or None, values[code]) for harpnum, code in different.tolist()]
    ids = resolve_many(connection, names)
    return [ids[place] for place in of_row.reshape(-1).tolist()]


def _store(
    connection: sa.Connection, batch: Batch, region_ids: Integers,
    *, found: Standing, sender: Sender, now: datetime,
) -> None:  # fmt: skip
    keywords = {name: batch.keywords[:, place] for place, name in enumerate(KEYWORD_COLUMNS)}
    store_observations(
        connection,
        {
            "region_id": region_ids, "t_rec": batch.times, "series": batch.series,
            "made_at": found.made_at, "quality": batch.quality, "lon_fwt": batch.lon_fwt,
            "lat_fwt": batch.lat_fwt, **keywords, "content_hash": found.hashes,
            "revision": found.revisions, "sender_id": sender.id, "received_at": now,
        },
    )  # fmt: skip
