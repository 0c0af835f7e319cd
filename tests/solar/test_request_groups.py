from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus

import pytest

from solar.request_groups import MOST_REQUESTS, Answer, Headers, RequestGroups, SmallRequest


@dataclass
class Arrival:
    body: bytes
    began: float = 0.0

    def small_request(self) -> SmallRequest:
        return SmallRequest("", Headers({}), self.body, "127.0.0.1", self.began)


class Gate:
    """An application whose groups each wait until the gate is opened for one."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.sent: list[tuple[int, bytes | None]] = []
        self.begun = threading.Semaphore(0)
        self.opened = threading.Semaphore(0)
        self.passed = threading.Semaphore(0)
        self.fault: Exception | None = None

    def takes(self, method: str, path: str, length: int | None) -> bool:
        return True

    def answer(self, requests: Sequence[SmallRequest]) -> list[Answer]:
        self.groups.append([int(request.body) for request in requests])
        self.begun.release()
        assert self.opened.acquire(timeout=10)
        fault, self.fault = self.fault, None
        if fault is not None:
            raise fault
        return [Answer(HTTPStatus.OK, {}, b"to " + request.body) for request in requests]

    def send(self, group: Sequence[tuple[Arrival, Answer | None]]) -> None:
        self.sent += [(int(one.body), answer and answer.body) for one, answer in group]
        self.passed.release()

    def wait_for_groups(self, number: int = 1) -> None:
        for _ in range(number):
            assert self.begun.acquire(timeout=10)

    def open(self) -> None:
        """Let one group through, and wait for the next."""
        self.opened.release()
        assert self.passed.acquire(timeout=10)
        self.wait_for_groups()


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.opened.release(99)


@pytest.fixture
def groups(gate: Gate) -> RequestGroups[Arrival]:
    return RequestGroups(gate, gate.send)


def come(groups: RequestGroups[Arrival], *requests: int) -> None:
    """Let requests arrive in one round of events."""
    for request in requests:
        groups.add(Arrival(b"%d" % request))
    groups.begin()


def test_those_that_come_together_are_answered_at_once_each_with_its_own(
    gate: Gate, groups: RequestGroups[Arrival]
) -> None:
    come(groups, 1, 2)
    gate.wait_for_groups()
    come(groups, 3)
    gate.open()

    assert gate.sent == [(1, b"to 1"), (2, b"to 2")]


def test_those_that_come_meanwhile_are_the_next_group_in_their_order(
    gate: Gate, groups: RequestGroups[Arrival]
) -> None:
    come(groups, 1, 2)
    gate.wait_for_groups()

    for request in (3, 4, 5):
        come(groups, request)
    assert gate.groups == [[1, 2]]
    gate.open()

    assert gate.groups == [[1, 2], [3, 4, 5]]


def test_beside_a_single_request_a_second_group_is_at_work_and_no_third(
    gate: Gate, groups: RequestGroups[Arrival]
) -> None:
    for request in (1, 2, 3, 4):
        come(groups, request)
    gate.wait_for_groups(2)
    assert sorted(gate.groups) == [[1], [2]]
    gate.open()

    assert gate.groups[2] == [3, 4]


def test_a_group_has_a_bound(gate: Gate, groups: RequestGroups[Arrival]) -> None:
    come(groups, *range(MOST_REQUESTS + 2))
    gate.wait_for_groups()
    gate.open()

    assert [len(group) for group in gate.groups] == [MOST_REQUESTS, 2]


def test_a_group_that_breaks_is_left_to_the_application_and_the_next_is_answered(
    gate: Gate, groups: RequestGroups[Arrival]
) -> None:
    gate.fault = RuntimeError("not foreseen")

    come(groups, 1, 2)
    gate.wait_for_groups()
    come(groups, 3)
    gate.open()

    assert gate.sent == [(1, None), (2, None)]
    assert gate.groups == [[1, 2], [3]]
