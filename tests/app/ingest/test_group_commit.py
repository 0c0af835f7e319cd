"""Requests that wait together are one transaction; who waits, how long, and what spoils a group.

What the store holds afterwards is tested from outside, in `test_many_senders`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from app.contract.schemas import Sender
from app.ingest.group_commit import MOST_REQUESTS, MOST_ROWS, GroupCommit, Stored
from app.ingest.ingest import IngestResult
from app.ingest.json_rows import read_rows
from app.ingest.outcomes import IngestRequest
from app.scoring.forecasts import join_forecasts
from solar.errors import FlarewatchError, StoreLockedError, StoreUnavailableError
from solar.turns import Turns

NOW = datetime(2014, 4, 1, tzinfo=UTC)


def request(name: str, rows: int = 1) -> IngestRequest:
    batch, _ = read_rows([{"harpnum": 1, "t_rec": "2014-03-01T00:00:00Z", "keywords": {}}] * rows)
    return IngestRequest(batch, [], Sender(id=name), began=0.0)


class Gate:
    """A store that notes its groups, and lets none through before it is opened."""

    def __init__(self) -> None:
        self.groups: list[tuple[list[str], bool]] = []
        self.begun = threading.Semaphore(0)
        self.opened = threading.Semaphore(0)
        self.faults: dict[str, Exception] = {}

    def __call__(self, requests: Sequence[IngestRequest], *, is_patient: bool) -> IngestResult:
        names = [one.sender.id for one in requests]
        self.groups.append((names, is_patient))
        self.begun.release()
        assert self.opened.acquire(timeout=10)
        for name in names:
            if name in self.faults:
                raise self.faults[name]
        none: Any = [None] * len(names)
        return IngestResult(none, join_forecasts([], now=NOW), np.empty(0, np.int64), {})


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(2 * MOST_REQUESTS)


def submitted(
    commit: GroupCommit, gate: Gate, pool: ThreadPoolExecutor, names: Sequence[str]
) -> list[Future[Stored]]:
    """Submit a first request, and the others while it is being stored."""
    first = pool.submit(commit.submit, request(names[0]))
    assert gate.begun.acquire(timeout=10)
    others = [pool.submit(commit.submit, request(name)) for name in names[1:]]
    wait_for(commit, len(others))
    return [first, *others]


def wait_for(commit: GroupCommit, number: int) -> None:
    """Return once so many requests wait."""
    deadline = time.monotonic() + 10
    while len(commit._waiting) < number:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_request_that_finds_nobody_is_stored_at_once_and_those_that_wait_together(
    gate: Gate, pool: ThreadPoolExecutor
) -> None:
    commit = GroupCommit(gate, Turns(0))

    answers = submitted(commit, gate, pool, ["a", "b", "c", "d"])
    gate.opened.release(2)
    stored = [answer.result(10) for answer in answers]

    assert gate.groups[0] == (["a"], False)
    assert sorted(gate.groups[1][0]) == ["b", "c", "d"]
    assert len({id(one.result) for one in stored[1:]}) == 1
    names = gate.groups[1][0]
    assert [names[one.place] for one in stored[1:]] == ["b", "c", "d"]


def test_a_group_has_bounds(gate: Gate, pool: ThreadPoolExecutor) -> None:
    commit = GroupCommit(gate, Turns(0))

    first = pool.submit(commit.submit, request("first"))
    assert gate.begun.acquire(timeout=10)
    large = [pool.submit(commit.submit, request(f"large-{n}", MOST_ROWS // 2)) for n in range(3)]
    wait_for(commit, len(large))
    gate.opened.release(9)
    for answer in [first, *large]:
        answer.result(10)

    assert [len(names) for names, _ in gate.groups[1:]] == [2, 1]


@pytest.mark.parametrize("fault", [FlarewatchError("no"), ValueError("?"), StoreLockedError("!")])
def test_a_spoiled_group_is_stored_one_by_one_and_only_the_cause_fails(
    gate: Gate, pool: ThreadPoolExecutor, fault: Exception
) -> None:
    gate.faults["c"] = fault
    commit = GroupCommit(gate, Turns(0))

    answers = submitted(commit, gate, pool, ["a", "b", "c", "d"])
    gate.opened.release(9)

    for answer in (answers[0], answers[1], answers[3]):
        answer.result(10)
    with pytest.raises(type(fault)):
        answers[2].result(10)
    alone = [names for names, is_patient in gate.groups if is_patient]
    assert sorted(alone) == [["b"], ["c"], ["d"]]


def test_when_the_store_is_away_nobody_tries_alone(gate: Gate, pool: ThreadPoolExecutor) -> None:
    gate.faults["c"] = StoreUnavailableError("away")
    commit = GroupCommit(gate, Turns(0))

    answers = submitted(commit, gate, pool, ["a", "b", "c", "d"])
    gate.opened.release(9)

    for answer in answers[1:]:
        with pytest.raises(StoreUnavailableError):
            answer.result(10)
    assert len(gate.groups) == 2
    again = pool.submit(commit.submit, request("e"))
    again.result(10)
