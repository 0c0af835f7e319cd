"""Senders of one record a request: each counts its rows and repeats what was not answered."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from typing import Any

import sqlalchemy as sa
from chaos.scenario import Scenario

from database.delivery.row_outcomes import OUTCOMES
from database.schema.tables import ingest_flow, observations, predictions, senders
from model_training.registry import ARTIFACTS
from solar.stages import read_stages
from solar.time import isoformat

SENDERS, SENDERS_OF_A_REGION = 50, 5
START, STEP = datetime(2024, 5, 1, tzinfo=UTC), timedelta(minutes=12)
LONGEST_SECONDS = 120.0
# Longer than a store that is killed is away.
ANSWER_SECONDS = 10.0
PAUSE_SECONDS = 0.05

Key = tuple[int, datetime]


class SingleRecordSender(threading.Thread):
    """Sends the records of some steps of a region, each until it is answered."""

    def __init__(self, port: int, name: str, region: int, steps: range) -> None:
        super().__init__(name=name, daemon=True)
        self.region, self.steps, self.answered = region, steps, 0
        self.is_stopping = False
        # An answer that sending again does not mend.
        self.refusal: tuple[int, bytes] | None = None
        self._line = HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)

    def run(self) -> None:
        """Send everything, or less when it is told to stop or refused."""
        while self.answered < len(self.steps) and not (self.is_stopping or self.refusal):
            if self._is_stored(self._body()):
                self.answered += 1
            else:
                self._line.close()
                time.sleep(PAUSE_SECONDS)
        self._line.close()

    def expected(self) -> dict[Key, tuple[str, float]]:
        """Return what the store must hold in the end: by region and time, sender and value."""
        return {(self.region, START + s * STEP): (self.name, 1000.0 + s) for s in self.steps}

    def _body(self) -> bytes:
        step, count = self.steps[self.answered], self.answered + 1
        record = {
            "harpnum": self.region,
            "t_rec": isoformat(START + step * STEP),
            "series": "hmi.sharp_cea_720s_nrt",
            "quality": 0,
            "lon_fwt": 10.0,
            "lat_fwt": 12.0,
            "keywords": {"USFLUX": 2e22, "TOTUSJH": 1000.0 + step},
        }
        counts = {"id": self.name, "sequence": count, "sent": count}
        return json.dumps({"sender": counts, "observations": [record]}).encode()

    def _is_stored(self, body: bytes) -> bool:
        headers = {"Content-Type": "application/json"}
        try:
            self._line.request("POST", "/api/v1/observations", body, headers)
            answer = self._line.getresponse()
            text = answer.read()
        except (OSError, HTTPException):
            # Whatever died or lost the answer, the same record is sent again.
            return False
        if answer.status not in (200, 429, 503):
            self.refusal = answer.status, text
        return answer.status == 200


@dataclass(frozen=True)
class SingleRecordSenders:
    """The senders of a round, several of which send records of the same region."""

    senders: list[SingleRecordSender]

    @property
    def _are_ours(self) -> sa.ColumnElement[bool]:
        return observations.c.sender_id.in_([sender.name for sender in self.senders])

    def share_stored(self, engine: sa.Engine) -> float:
        """Return how much of the round is stored, from 0 to 1."""
        query = sa.select(sa.func.count()).select_from(observations).where(self._are_ours)
        with engine.connect() as connection:
            return (connection.scalar(query) or 0) / sum(len(s.steps) for s in self.senders)

    def wait_until_known(self) -> None:
        """Wait until every sender has been answered twice."""
        self._wait_until(2)

    def finish(self) -> None:
        """Wait until every record has been answered."""
        self._wait_until(len(self.senders[0].steps))

    def _wait_until(self, answered: int) -> None:
        deadline = time.monotonic() + LONGEST_SECONDS
        while any(sender.answered < answered for sender in self.senders):
            assert [s.refusal for s in self.senders if s.refusal] == []
            assert time.monotonic() < deadline, "the rows stopped coming"
            time.sleep(0.02)

    def assert_is_stored(self, scenario: Scenario) -> None:
        """Compare store and accounts with what was answered."""
        expected: dict[Key, tuple[str, float]] = {}
        for sender in self.senders:
            expected |= sender.expected()
        with scenario.engine.connect() as connection:
            assert _stored(connection, self._are_ours) == expected
            stages = read_stages(ARTIFACTS)
            for model_id in (stages.live, *stages.shadow):
                assert _scored(connection, self._are_ours, model_id) == sorted(expected)
            names = [sender.name for sender in self.senders]
            flows = _accepted_in_flow(connection, names)
            ours = senders.c.sender_id.in_(names)
            rows = connection.execute(sa.select(senders).where(ours)).mappings().all()
        assert set(flows) == {len(expected)}
        assert {row["sender_id"] for row in rows} == set(names)
        # What was stored without an answer and sent again is counted once.
        n = len(self.senders[0].steps)
        accounts = {(row["sent"], *(row[name] for name in OUTCOMES)) for row in rows}
        assert accounts == {(n, n, 0, 0, 0)}


def _stored(connection: sa.Connection, ours: sa.ColumnElement[bool]) -> dict[Key, Any]:
    c = observations.c
    rows = connection.execute(sa.select(c.region_id, c.t_rec, c.sender_id, c.totusjh).where(ours))
    return {(row[0], row[1]): (row[2], row[3]) for row in rows}


def _scored(
    connection: sa.Connection, ours: sa.ColumnElement[bool], model_id: str | None
) -> list[Key]:
    """Return the records of which a model says a probability, or why it says none."""
    c = predictions.c
    same = sa.and_(c.region_id == observations.c.region_id, c.t_rec == observations.c.t_rec)
    says = sa.or_(c.m1.is_not(None), c.reason.is_not(None))
    query = sa.select(c.region_id, c.t_rec).join_from(predictions, observations, same)
    rows = connection.execute(query.where(ours, says, c.model_id == model_id))
    return sorted((row[0], row[1]) for row in rows)


def _accepted_in_flow(connection: sa.Connection, names: list[str]) -> list[int]:
    """Return how many rows were accepted, by each length of bucket."""
    c = ingest_flow.c
    query = sa.select(sa.func.sum(c.accepted)).where(c.sender_id.in_(names))
    return [int(n) for n in connection.scalars(query.group_by(c.span_seconds))]


@contextmanager
def sending_single_records(
    scenario: Scenario, *, regions_from: int, records: int
) -> Iterator[SingleRecordSenders]:
    """Let fifty senders send so many records each, until the block ends."""
    port = scenario.roads["api"].port
    group = []
    for number in range(SENDERS):
        place, first = divmod(number, SENDERS_OF_A_REGION)
        steps = range(first, SENDERS_OF_A_REGION * records, SENDERS_OF_A_REGION)
        name, region = f"single-{regions_from}-{number}", regions_from + place
        group.append(SingleRecordSender(port, name, region, steps))
    for sender in group:
        sender.start()
    try:
        yield SingleRecordSenders(group)
    finally:
        for sender in group:
            sender.is_stopping = True
        for sender in group:
            sender.join(2 * ANSWER_SECONDS)
