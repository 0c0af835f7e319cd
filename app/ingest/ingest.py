"""Ingest: a batch of observations stored, forecast from, and accounted for, in one commit."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.alerts.alerting import Watch
from app.contract.schemas import Sender
from app.ingest.batch import Batch, Rejection
from app.ingest.causes import causes_of_rows
from app.ingest.issue import issue
from app.ingest.nulls import nullable
from app.ingest.receipts import receipt
from app.ingest.sightings import sightings
from app.ingest.windows import records_of, spans_around
from app.scoring import Lineup
from database.engine import transact
from database.harps import RegionName, resolve_many
from database.observations import (
    Key,
    known_contents,
    load_records,
    store_observations,
)
from database.predictions import supersede
from database.receipt import ACCEPTED, DUPLICATE, REVISED, Delivery, Receipt
from database.regions import record_sightings
from database.rejections import record_rejections
from database.senders import record_delivery


@dataclass(frozen=True)
class Outcome:
    """What became of a request; `forecasts` are in the order of `predictions.COLUMNS`."""

    delivery: Delivery
    rejected: list[Rejection]
    forecasts: list[tuple[Any, ...]]


@dataclass(frozen=True)
class _Sorted:
    """A batch held against the store: which rows to write, with their revision and hash.

    `fates` tells what became of each row of the batch, as in `database.receipt`.
    """

    rows: list[int]
    revisions: list[int]
    hashes: list[int]
    revised_keys: list[Key]
    fates: list[int]


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
) -> Outcome:
    """Store a batch with its forecasts; sent again, it changes nothing but the counters.

    Everything happens in one transaction: a process that dies in the middle leaves nothing.
    Without a `watch` no alert is raised. `began` is when the request came, on the clock of
    `time.perf_counter`.
    """
    came = time.perf_counter() if began is None else began

    def work(connection: sa.Connection) -> Outcome:
        region_ids = resolve_regions(connection, batch)
        # First, because it locks the regions: of two senders with the same new rows the second
        # waits and finds duplicates. A new region brings the flares of its NOAA number along.
        newest = record_sightings(connection, sightings(batch, region_ids))
        found = _against_store(connection, batch, region_ids)
        forecasts: list[tuple[Any, ...]] = []
        if found.rows:
            new = batch.take(found.rows)
            ids = [region_ids[row] for row in found.rows]
            # Read before anything is written: what is new is at hand already.
            around = load_records(connection, spans_around(new, ids, lineup.models))
            _store(connection, new, ids, found=found, sender=sender, now=now)
            supersede(connection, found.revised_keys, now=now)
            fresh = records_of(new, ids, found.revisions)
            forecasts = issue(connection, lineup, watch, around, fresh, now=now)
        given = receipt(
            batch, rejected, fates=found.fates,
            newest=[newest.get(region_id) for region_id in region_ids],
            now=now, predictions=len(forecasts), seconds=time.perf_counter() - came,
        )  # fmt: skip
        _account(connection, given, rejected, sender, now=now)
        return Outcome(given.delivery(), list(rejected), forecasts)

    return transact(engine, work)


def _account(
    connection: sa.Connection, given: Receipt, rejected: Sequence[Rejection], sender: Sender,
    *, now: datetime,
) -> None:  # fmt: skip
    """Write down what became of the request, after all else: one sender's requests wait here."""
    count = {"sequence": sender.sequence, "sent": sender.sent}
    record_delivery(connection, sender.id, given, **count, now=now)
    record_rejections(connection, causes_of_rows(rejected), sender_id=sender.id, now=now)


def resolve_regions(connection: sa.Connection, batch: Batch) -> list[int]:
    """Return the region id of each row, asking the HARP map once for the whole batch."""
    pairs = list(zip(batch.harpnum, batch.noaa_ars, strict=True))
    different = list(dict.fromkeys(pairs))
    ids = resolve_many(connection, [RegionName(*pair) for pair in different])
    by_name = dict(zip(different, ids, strict=True))
    return [by_name[pair] for pair in pairs]


def _against_store(connection: sa.Connection, batch: Batch, region_ids: Sequence[int]) -> _Sorted:
    keys = list(zip(region_ids, batch.t_rec, strict=True))
    hashes = batch.content_hashes()
    # Of two rows with the same key the last one holds, as if they had come one after the other.
    last = {key: row for row, key in enumerate(keys)}
    known = known_contents(connection, keys)
    fates = [DUPLICATE if hashes[row] == hashes[last[key]] else REVISED
             for row, key in enumerate(keys)]  # fmt: skip
    kept: list[tuple[Key, int, int]] = []
    for key, row in last.items():
        content, revision = known.get(key, (None, 0))
        if content == hashes[row]:
            fates[row] = DUPLICATE
            continue
        fates[row] = ACCEPTED if content is None else REVISED
        kept.append((key, row, revision + 1))
    # In the order of the key, so that two batches never wait for each other in a ring.
    kept.sort()
    rows = [row for _, row, _ in kept]
    return _Sorted(
        rows=rows,
        revisions=[revision for _, _, revision in kept],
        hashes=[hashes[row] for row in rows],
        revised_keys=[key for key, _, revision in kept if revision > 1],
        fates=fates,
    )


def _store(
    connection: sa.Connection, batch: Batch, region_ids: Sequence[int],
    *, found: _Sorted, sender: Sender, now: datetime,
) -> None:  # fmt: skip
    quality = [None if q is None else int(q) for q in nullable(batch.quality)]
    columns = zip(
        region_ids, batch.t_rec, batch.series, quality, nullable(batch.lon_fwt),
        nullable(batch.lat_fwt), nullable(batch.keywords), found.hashes, found.revisions,
        strict=True,
    )  # fmt: skip
    store_observations(
        connection,
        [
            (*first, *keywords, content_hash, revision, sender.id, now)
            for *first, keywords, content_hash, revision in columns
        ],
    )
