from __future__ import annotations

import threading
import time
from collections.abc import Callable

from solar.turns import Rest, Turns


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_no_more_work_begins_than_there_are_turns_and_the_rest_in_order() -> None:
    turns, begun = Turns(2), list[int]()

    for number in range(4):
        turns.give(lambda number=number: begun.append(number))  # type: ignore[misc]

    assert begun == [0, 1]
    turns.end()
    assert begun == [0, 1, 2]
    turns.end()
    assert begun == [0, 1, 2, 3]
    turns.end()
    turns.end()
    turns.give(lambda: begun.append(4))
    assert begun[4:] == [4]


def test_a_rest_lets_others_work_and_ends_before_new_work_begins() -> None:
    turns, steps = Turns(1, most=3), list[str]()
    rest = Rest(turns)

    def wait_for_others() -> None:
        steps.append("rests")
        rest.begin()
        steps.append("goes on")
        turns.end()

    turns.give(threading.Thread(target=wait_for_others).start)
    turns.give(lambda: steps.append("another works"))
    until(lambda: len(steps) == 2)
    turns.give(lambda: steps.append("a third works"))
    rest.end()
    assert steps == ["rests", "another works"]
    turns.end()

    until(lambda: len(steps) == 4)
    assert steps == ["rests", "another works", "goes on", "a third works"]


def test_a_request_begins_only_while_there_is_a_thread_for_it_beside_those_that_rest() -> None:
    turns, steps = Turns(1, most=2), list[str]()
    for name in ("a", "b", "c"):
        turns.give(lambda name=name: steps.append(name))  # type: ignore[misc]

    turns.give_back()
    turns.give_back()
    assert steps == ["a", "b"]

    turns.give_again(lambda: steps.append("a goes on"))
    turns.end()
    assert steps == ["a", "b", "a goes on", "c"]


def test_a_rest_that_has_ended_before_it_begins_is_short() -> None:
    turns = Turns(1)
    rest = Rest(turns)
    turns.give(lambda: None)

    rest.end()
    rest.begin()

    begun: list[int] = []
    turns.give(lambda: begun.append(1))
    assert begun == []
