"""Ingestion: messages are stored with their forecasts, and become messages to publish."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
import orjson
import sqlalchemy as sa

from app.contract.responses import prediction_item, prediction_items
from app.contract.schemas import Sender
from app.ingest.batch import Batch
from app.ingest.ingest import IngestStore
from app.ingest.ingest_request import IngestRequest
from app.ingest.json_rows import read_rows
from app.ingest.outcomes import causes_of_request, record_outcomes
from app.ingest.regions import resolve_regions
from app.ingest.validation import validate
from app.line_up import ServedLineUp
from app.scoring.windows import reach
from app.settings import StreamSettings
from app.stream.broker import Outgoing
from app.stream.envelope import DeadLetter, Envelope, faults_of_row
from database.clock.clock import Clock
from database.delivery.rejections import record_rejections
from database.delivery.row_outcomes import ACCEPTED, DUPLICATE, RowOutcomes
from database.delivery.stream import lock_counts, write_counts
from database.engine import reading, transact
from database.leads.leads import LeadRow, leads_within
from database.predictions.predictions import COLUMNS, Span, forecasts_within
from solar.columns import Bools, nullable
from solar.errors import FlarewatchError, StoreUnavailableError
from solar.flares import LEADS
from solar.stream import SCHEMA


class StreamOutcomes:
    """Counts the messages of one sender in the commit that stores their rows, each row once.

    Partitions are read at different paces, so that the sender's count does not rise from batch
    to batch as it does over HTTP; within each partition it does. A row that is not beyond what
    its partition has brought counts only if it is new to the store.

    After the call `receipt` holds the outcome of each message, and `is_repeated` (n,) tells which
    of them had been received before.
    """

    def __init__(self, envelopes: Sequence[Envelope]) -> None:
        self._envelopes = envelopes
        self.is_repeated: Bools = np.zeros(len(envelopes), np.bool_)
        self.receipt: RowOutcomes | None = None

    def __call__(
        self,
        connection: sa.Connection,
        requests: Sequence[IngestRequest],
        outcomes: Sequence[RowOutcomes],
        *,
        now: datetime,
    ) -> None:
        """Record the outcomes of the one request that the messages make."""
        (request,), (self.receipt,) = requests, outcomes
        self.is_repeated = self._repeated(connection, request.sender.id)
        counts = ~self.is_repeated | (self.receipt.outcomes == ACCEPTED)
        counted = [rejection for rejection in request.rejected if counts[rejection.index]]
        new = replace(request, rejected=counted), self.receipt.take(counts)
        record_outcomes(connection, new[:1], new[1:], now=now, in_order=False)

    def _repeated(self, connection: sa.Connection, sender_id: str) -> Bools:
        counting = [one for one in self._envelopes if one.sender.sent is not None]
        is_repeated = np.zeros(len(self._envelopes), np.bool_)
        if not counting:
            return is_repeated
        topic = counting[0].message.topic
        partitions = {envelope.message.partition for envelope in counting}
        reached = lock_counts(connection, topic, sender_id, partitions)
        for place, envelope in enumerate(self._envelopes):
            sent, partition = envelope.sender.sent, envelope.message.partition
            if sent is not None:
                is_repeated[place] = sent <= reached[partition]
                reached[partition] = max(sent, reached[partition])
        write_counts(connection, topic, sender_id, reached)
        return is_repeated


@dataclass(frozen=True)
class StreamIngest:
    """Ingests messages with a store, and the models and alert rules of `served`."""

    engine: sa.Engine
    served: Callable[[], ServedLineUp]
    settings: StreamSettings
    sun_clock: Clock | None = None

    def ingest(self, envelopes: Sequence[Envelope], *, now: datetime) -> list[Outgoing]:
        """Store the observations of one sender, and return what is to be published of them.

        The forecasts of observations that the store has already are published again: the process
        that stored them may have died before it published.

        Raises
        ------
        StoreUnavailableError
            When the store is away; nothing of the messages is stored then.
        """
        try:
            return self._stored(envelopes, now=now)
        except StoreUnavailableError:
            raise
        except FlarewatchError as error:
            if len(envelopes) == 1:
                dead = DeadLetter(envelopes[0].message, f"refused by the store: {error}", ())
                return self.dead_letter([dead], now=now)
            # One row that the store refuses must not keep the others out.
            middle = len(envelopes) // 2
            halves = envelopes[:middle], envelopes[middle:]
            return [message for half in halves for message in self.ingest(half, now=now)]

    def dead_letter(self, dead: Sequence[DeadLetter], *, now: datetime) -> list[Outgoing]:
        """Record why messages that belong to no batch are refused, and return them as dead."""
        for letter in dead:
            causes = causes_of_request(letter.reason, letter.faults, letter.sender_id)
            record = partial(record_rejections, causes=causes, now=now)
            transact(self.engine, record)
        return [letter.outgoing(self.settings.kafka_dead, now=now) for letter in dead]

    def _stored(self, envelopes: Sequence[Envelope], *, now: datetime) -> list[Outgoing]:
        began, served = time.perf_counter(), self.served()
        batch, misformed = read_rows([envelope.observation for envelope in envelopes])
        batch, refused = validate(batch, now=now)
        rejected = [*misformed, *refused]
        outcomes = StreamOutcomes(envelopes)
        request = IngestRequest(batch, rejected, _latest_sender(envelopes), began)
        store = IngestStore(self.engine, lambda: served, self.sun_clock, self.settings.lead_span)
        result = store.store([request], now=now, record=outcomes)
        with reading(self.engine) as connection:
            region_ids = resolve_regions(connection, batch).tolist()
            spans = _spans_again(served, batch, region_ids, outcomes)
            again = forecasts_within(connection, spans)
            leads = leads_within(connection, spans)
        keys = {
            region_id: envelopes[index].message.key
            for region_id, index in zip(region_ids, batch.index, strict=True)
        }
        issued = zip(
            prediction_items(result.forecasts), nullable(result.forecasts.leads), strict=True
        )
        dead = [
            DeadLetter(envelopes[r.index].message, "rejected", faults_of_row(r.faults))
            for r in rejected
        ]
        return [
            *(self._published(*one, keys) for one in (*issued, *_stored_items(again, leads))),
            *(letter.outgoing(self.settings.kafka_dead, now=now) for letter in dead),
        ]

    def _published(
        self,
        item: dict[str, object],
        leads: Sequence[float | None],
        keys: dict[int, bytes | None],
    ) -> Outgoing:
        windows = _by_window(leads)
        content = {
            "schema": SCHEMA,
            "prediction": item,
            **({"windows": windows} if windows else {}),
        }
        key = keys.get(int(str(item["region"])))
        body = orjson.dumps(content, option=orjson.OPT_UTC_Z)
        return Outgoing(self.settings.kafka_predictions, key, body)


def _spans_again(
    served: ServedLineUp, batch: Batch, region_ids: Sequence[int], outcomes: StreamOutcomes
) -> dict[int, Span]:
    """Return between which times each region has forecasts to be published again.

    A row that its partition brings again may have changed the windows of later ones.
    """
    receipt = outcomes.receipt
    if receipt is None:
        return {}
    after = max(reach(model.manifest) for model in served.models.models)
    spans: dict[int, Span] = {}
    times = (at.replace(tzinfo=UTC) for at in batch.t_rec.tolist())
    for region_id, index, t_rec in zip(region_ids, batch.index, times, strict=True):
        if receipt.outcomes[index] == DUPLICATE:
            last_at = t_rec + after if outcomes.is_repeated[index] else t_rec
            known = spans.get(region_id, (t_rec, last_at))
            spans[region_id] = min(known[0], t_rec), max(known[1], last_at)
    return spans


def _stored_items(
    forecasts: Iterable[Sequence[Any]], leads: Iterable[LeadRow]
) -> Iterator[tuple[dict[str, Any], Sequence[float | None]]]:
    """Join to stored forecasts, as the API shows them, what the same revision has of leads."""
    known = {(one.region_id, one.t_rec, one.model_id, one.revision): one for one in leads}
    for values in forecasts:
        row = dict(zip(COLUMNS, values, strict=True))
        lead = known.get((row["region_id"], row["t_rec"], row["model_id"], row["revision"]))
        yield prediction_item(row), () if lead is None else lead.probabilities


def _by_window(leads: Sequence[float | None]) -> dict[str, dict[str, float]]:
    """Return the probabilities, given in the order of `LEADS`, by window and event of 24 h."""
    windows: dict[str, dict[str, float]] = {}
    for target, p in zip(LEADS, leads, strict=False):
        if p is not None:
            windows.setdefault(target.window.name, {})[target.goes_class] = p
    return windows


def by_sender(envelopes: Iterable[Envelope]) -> list[list[Envelope]]:
    """Part envelopes by sender, each part in their order."""
    parts: dict[str, list[Envelope]] = {}
    for envelope in envelopes:
        parts.setdefault(envelope.sender.id, []).append(envelope)
    return list(parts.values())


def _latest_sender(envelopes: Sequence[Envelope]) -> Sender:
    """Return what the sender says of itself in its latest message."""
    return max((one.sender for one in envelopes), key=lambda sender: sender.sent or -1)
