"""The intake: messages read, stored with their forecasts, and turned into what is published."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import orjson
import sqlalchemy as sa

from app.alerts.alerting import Watch
from app.contract.responses import prediction_item, prediction_items
from app.contract.schemas import Sender
from app.ingest import rules
from app.ingest.batch import Batch
from app.ingest.causes import causes_of_request
from app.ingest.ingest import ingest, resolve_regions
from app.ingest.observation_rows import read_rows
from app.ingest.windows import reach
from app.scoring import Lineup
from app.stream.accounting import StreamAccounting
from app.stream.dead_letters import DeadLetter, faults_of_row
from app.stream.envelope import Letter
from app.stream.message import Outgoing
from app.stream.settings import StreamSettings
from database.delivery.rejections import record_rejections
from database.delivery.row_outcomes import DUPLICATE
from database.engine import reading, transact
from database.predictions.predictions import COLUMNS, Span, forecasts_within
from solar.errors import FlarewatchError, StoreUnavailableError
from solar.stream import SCHEMA


@dataclass(frozen=True)
class Intake:
    """The store, the models and the alert rules that letters are taken in with."""

    engine: sa.Engine
    lineup: Lineup
    watch: Watch | None
    settings: StreamSettings

    def take_in(self, letters: Sequence[Letter], *, now: datetime) -> list[Outgoing]:
        """Store the letters of one sender, and return what is to be published of them.

        Letters that the store had already are published from it again: whoever took them in
        may have died before it published.

        Raises
        ------
        StoreUnavailableError
            When the store is away; nothing of the letters is stored then.
        """
        try:
            return self._stored(letters, now=now)
        except StoreUnavailableError:
            raise
        except FlarewatchError as error:
            if len(letters) == 1:
                dead = DeadLetter(letters[0].message, f"refused by the store: {error}", ())
                return self.bury([dead], now=now)
            # One row that the store refuses must not keep the others out.
            middle = len(letters) // 2
            halves = letters[:middle], letters[middle:]
            return [sent for half in halves for sent in self.take_in(half, now=now)]

    def bury(self, dead: Sequence[DeadLetter], *, now: datetime) -> list[Outgoing]:
        """Write down why letters that belong to no batch are refused, and return them as dead."""
        for letter in dead:
            causes = causes_of_request(letter.reason, letter.faults)
            record = partial(record_rejections, causes=causes, sender_id=letter.sender_id, now=now)
            transact(self.engine, record)
        return [letter.outgoing(self.settings.kafka_dead, now=now) for letter in dead]

    def _stored(self, letters: Sequence[Letter], *, now: datetime) -> list[Outgoing]:
        began = time.perf_counter()
        batch, rejected = read_rows([letter.observation for letter in letters])
        batch, refused = rules.apply(batch, now=now)
        rejected = [*rejected, *refused]
        accounting = StreamAccounting(letters)
        outcome = ingest(
            self.engine, self.lineup, batch, rejected=rejected, sender=_sender_of(letters),
            now=now, watch=self.watch, began=began, accounting=accounting,
        )  # fmt: skip
        with reading(self.engine) as connection:
            region_ids = resolve_regions(connection, batch)
            again = forecasts_within(connection, self._known_spans(batch, region_ids, accounting))
        keys = {
            region_id: letters[index].message.key
            for region_id, index in zip(region_ids, batch.index, strict=True)
        }
        issued = prediction_items(outcome.forecasts)
        stored = (prediction_item(dict(zip(COLUMNS, row, strict=True))) for row in again)
        dead = [
            DeadLetter(letters[r.index].message, "rejected", faults_of_row(r.faults))
            for r in rejected
        ]
        return [
            *(self._published(item, keys) for item in (*issued, *stored)),
            *(letter.outgoing(self.settings.kafka_dead, now=now) for letter in dead),
        ]

    def _published(self, item: dict[str, object], keys: dict[int, bytes | None]) -> Outgoing:
        content = {"schema": SCHEMA, "prediction": item}
        key = keys.get(int(str(item["region"])))
        body = orjson.dumps(content, option=orjson.OPT_UTC_Z)
        return Outgoing(self.settings.kafka_predictions, key, body)

    def _known_spans(
        self, batch: Batch, region_ids: Sequence[int], accounting: StreamAccounting
    ) -> dict[int, Span]:
        """Return between which times each region has forecasts to be published again.

        A row that its partition brings again may have changed the windows of later ones.
        """
        receipt = accounting.receipt
        if receipt is None:
            return {}
        after = max(reach(model.manifest) for model in self.lineup.models)
        spans: dict[int, Span] = {}
        for region_id, index, t_rec in zip(region_ids, batch.index, batch.t_rec, strict=True):
            if receipt.outcomes[index] == DUPLICATE:
                last_at = t_rec + after if accounting.is_repeated[index] else t_rec
                known = spans.get(region_id, (t_rec, last_at))
                spans[region_id] = min(known[0], t_rec), max(known[1], last_at)
        return spans


def by_sender(letters: Iterable[Letter]) -> list[list[Letter]]:
    """Part letters by sender, each part in the order of the letters."""
    parts: dict[str, list[Letter]] = {}
    for letter in letters:
        parts.setdefault(letter.sender.id, []).append(letter)
    return list(parts.values())


def _sender_of(letters: Sequence[Letter]) -> Sender:
    """Return the newest word of a sender about itself."""
    return max((letter.sender for letter in letters), key=lambda sender: sender.sent or -1)
