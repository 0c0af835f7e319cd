"""A replay follows the clock of the store: paused it sends nothing, and it keeps up with jumps."""

from __future__ import annotations

import signal
import time
from datetime import timedelta
from typing import Any

import pytest

from solar.time import parse_time


@pytest.fixture
def replay(api: Any, sender: Any, write_table: Any, wait_until: Any) -> Any:
    """Start a replay of 48 hours of two regions, an hour in a tenth of a second."""

    def start(*options: object, until: int = 4) -> Any:
        process = sender.start("replay", write_table(hours=48), "--speed", 36_000, *options)
        wait_until(lambda: len(api.stored) >= until)
        return process

    return start


def newest(api: Any) -> Any:
    return parse_time(max(at for _, at in api.stored))


def test_it_says_what_it_replays_before_the_first_row(
    api: Any, sender: Any, write_table: Any
) -> None:
    sender.run("replay", write_table(hours=5))

    # T_REC is TAI, 35 s ahead of UTC in 2014.
    assert api.clock.begun == [
        {
            "sender": "s1",
            "starts": "2014-02-28T23:59:25Z",
            "ends": "2014-03-01T03:59:25Z",
            "next": "2014-02-28T23:59:25Z",
            "speed": None,
        }
    ]
    assert api.finished == ["s1"]


def test_paused_in_the_middle_nothing_is_sent_until_it_plays_on(api: Any, replay: Any) -> None:
    process = replay()
    api.clock.set(speed=0.0)
    # A sender looks once a second.
    time.sleep(1.2)
    paused, covers = len(api.stored), len(api.covers)
    time.sleep(0.4)

    assert (len(api.stored), len(api.covers)) == (paused, covers)
    assert paused < 96
    api.clock.set(speed=None)
    process.communicate(timeout=20)
    assert (process.returncode, len(api.stored)) == (0, 96)


@pytest.mark.thorough
def test_a_pause_holds_a_replay_at_full_speed_too(
    api: Any, sender: Any, write_table: Any, wait_until: Any
) -> None:
    api.delay_seconds = 0.05
    process = sender.start("replay", write_table(hours=600), "--batch", 10)
    wait_until(lambda: len(api.stored) >= 50)
    api.clock.set(speed=0.0)
    time.sleep(1.4)
    paused = len(api.stored)
    time.sleep(0.4)

    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)
    assert len(api.stored) == paused < 1_200


@pytest.mark.thorough
def test_a_jump_sends_what_lies_before_it_within_a_second_or_two(
    api: Any, replay: Any, wait_until: Any
) -> None:
    process = replay("--batch", 5)
    api.clock.set(speed=0.0)
    time.sleep(1.3)
    to = newest(api) + timedelta(hours=20)

    api.clock.set(speed=0.0, at=to)
    wait_until(lambda: newest(api) == to, seconds=2.5)

    assert api.order == sorted(api.order)
    hours = int((to - parse_time("2014-02-28T23:59:25Z")) / timedelta(hours=1)) + 1
    assert len(api.stored) == 2 * hours
    process.kill()


@pytest.mark.thorough
def test_a_clock_that_never_changes_does_not_hold_up_a_replay_at_full_speed(
    api: Any, sender: Any, write_table: Any
) -> None:
    api.delay_seconds = 0.02
    status, summary, _ = sender.run("replay", write_table(hours=400), "--batch", 10)

    assert (status, summary["accepted"]) == (0, 800)
    # Only the first look brings anything, and there is one a second at most.
    assert set(api.clock.looks[1:]) <= {304}
    assert len(api.clock.looks) <= summary["seconds"] + 1


@pytest.mark.thorough
def test_without_the_api_it_goes_on_by_the_last_reading(
    api: Any, sender: Any, replay: Any, wait_until: Any
) -> None:
    process = replay()
    api.stop()
    wait_until(lambda: sender.own("spool").exists() and sender.spooled_bytes() > 4_000)

    api.start()
    process.communicate(timeout=40)

    assert (process.returncode, len(api.stored)) == (0, 96)


def test_a_store_that_forecasts_the_present_is_told_and_gets_no_row(
    api: Any, sender: Any, write_table: Any
) -> None:
    detail = "the store has forecast the present; replay with --clock wall"
    api.clock.refusal = ({"title": "Conflict", "detail": detail, "status": 409}, 409, {})

    status, _, log = sender.run("replay", write_table())
    later, summary, _ = sender.run("replay", write_table(), "--clock", "wall")

    assert status == 3
    assert detail in log
    assert (later, summary["accepted"], api.clock.begun) == (0, 40, [])


def test_a_speed_beyond_that_of_any_clock_is_refused(sender: Any, write_table: Any) -> None:
    status, _, log = sender.run("replay", write_table(), "--speed", 86_401)

    assert status == 2
    assert "--clock wall" in log


@pytest.mark.thorough
def test_a_paused_sender_ends_at_once(api: Any, replay: Any) -> None:
    process = replay()
    api.clock.set(speed=0.0)
    time.sleep(1.2)

    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)

    assert process.returncode == 0
    assert time.monotonic() - began < 2
    assert api.finished == []


def test_started_again_it_goes_on_where_it_was(
    api: Any, sender: Any, replay: Any, write_table: Any
) -> None:
    process = replay()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)
    left_at = newest(api)

    sender.run("replay", write_table(hours=48))

    assert parse_time(api.clock.begun[1]["next"]) == left_at
    assert len(api.stored) == len(api.order) == 96
