"""Ingest: a batch of observations stored, forecast from, and accounted for, in one commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa

from app.batch import Batch, Rejection
from app.forecast_rows import forecast_rows, keys_of
from app.history import stored_history
from app.nulls import nullable
from app.schemas import Sender
from app.scoring import Lineup, features_of, forecast
from app.sightings import sightings
from app.windows import gathered, joined, records_of, spans_around, touched_windows
from database.engine import transact
from database.harps import RegionName, resolve_many
from database.observations import (
    Key,
    Records,
    known_contents,
    load_records,
    store_observations,
)
from database.predictions import store_predictions, supersede
from database.regions import record_sightings
from database.reissue import reissue
from database.senders import Delivery, record_delivery
from database.stale_days import mark_stale


@dataclass(frozen=True)
class Outcome:
    """What became of a request; `forecasts` are in the order of `predictions.COLUMNS`."""

    delivery: Delivery
    rejected: list[Rejection]
    forecasts: list[tuple[Any, ...]]


@dataclass(frozen=True)
class _Sorted:
    """A batch held against the store: which rows to write, with their revision and hash."""

    rows: list[int]
    revisions: list[int]
    hashes: list[int]
    revised_keys: list[Key]
    accepted: int
    duplicates: int
    revised: int


def ingest(
    engine: sa.Engine,
    lineup: Lineup,
    batch: Batch,
    *,
    rejected: Sequence[Rejection],
    sender: Sender,
    now: datetime,
) -> Outcome:
    """Store a batch with its forecasts; sent again, it changes nothing but the counters.

    Everything happens in one transaction: a process that dies in the middle leaves nothing.
    """

    def work(connection: sa.Connection) -> Outcome:
        region_ids = resolve_regions(connection, batch)
        # First, because it locks the regions: of two senders with the same new rows the second
        # waits and finds duplicates. A new region brings the flares of its NOAA number along.
        record_sightings(connection, sightings(batch, region_ids))
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
            forecasts = _forecast(connection, lineup, around, fresh, now=now)
            store_predictions(connection, forecasts)
            mark_stale(connection, {t_rec.date() for _, t_rec, *_ in forecasts})
        delivery = Delivery(found.accepted, found.duplicates, found.revised, len(rejected))
        record_delivery(connection, sender.id, delivery, sequence=sender.sequence, now=now)
        return Outcome(delivery, list(rejected), forecasts)

    return transact(engine, work)


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
    duplicates = revised = accepted = 0
    for row, key in enumerate(keys):
        if row != last[key]:
            same = hashes[row] == hashes[last[key]]
            duplicates, revised = duplicates + same, revised + (not same)
    kept: list[tuple[Key, int, int]] = []
    for key, row in last.items():
        content, revision = known.get(key, (None, 0))
        if content == hashes[row]:
            duplicates += 1
            continue
        accepted, revised = accepted + (content is None), revised + (content is not None)
        kept.append((key, row, revision + 1))
    # In the order of the key, so that two batches never wait for each other in a ring.
    kept.sort()
    rows = [row for _, row, _ in kept]
    return _Sorted(
        rows=rows,
        revisions=[revision for _, _, revision in kept],
        hashes=[hashes[row] for row in rows],
        revised_keys=[key for key, _, revision in kept if revision > 1],
        accepted=accepted,
        duplicates=duplicates,
        revised=revised,
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
