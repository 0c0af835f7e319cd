"""The clock of a replay: how event time passes, stands still, and where it stops."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solar.clock import FASTEST, REPLAY, Reading, check_jump, check_speed
from solar.errors import InvalidInputError

NOON = datetime(2014, 3, 29, 12, tzinfo=UTC)
WALL_AT = datetime(2026, 1, 1, tzinfo=UTC)
ENDS = datetime(2014, 4, 14, 23, tzinfo=UTC)


def replayed(speed: float | None, **more: datetime) -> Reading:
    return Reading(REPLAY, NOON, WALL_AT, speed, ends_at=ENDS, **more)


def test_without_a_replay_it_is_the_clock_on_the_wall() -> None:
    assert Reading().now(WALL_AT) == WALL_AT


@pytest.mark.parametrize(
    ("speed", "hours"), [(0.0, 0), (1.0, 1 / 60), (600.0, 10), (3600.0, 60)], ids=str
)
def test_in_a_minute_event_time_passes_at_its_speed(speed: float, hours: float) -> None:
    minute_later = WALL_AT + timedelta(minutes=1)

    assert replayed(speed).now(minute_later) == NOON + timedelta(hours=hours)


def test_at_the_speed_of_the_records_it_is_the_time_of_the_newest_and_never_goes_back() -> None:
    newest = NOON + timedelta(hours=5)

    assert replayed(None, newest=newest).now(WALL_AT) == newest
    assert replayed(None, newest=NOON - timedelta(hours=5)).now(WALL_AT) == NOON


def test_it_stops_a_day_after_the_last_record_when_every_outcome_is_known() -> None:
    assert replayed(3600.0).now(WALL_AT + timedelta(days=1)) == ENDS + timedelta(days=1)


@given(st.floats(0, FASTEST), st.lists(st.floats(-100, 1e6), min_size=2, max_size=9))
def test_it_never_goes_back_whatever_the_wall_clock_does(speed: float, waits: list[float]) -> None:
    clock = replayed(speed)

    times = [clock.now(WALL_AT + timedelta(seconds=wait)) for wait in sorted(waits)]

    assert times == sorted(times)
    assert times[0] >= NOON


@pytest.mark.parametrize("speed", [-1.0, 86_401.0, float("nan"), float("inf")])
def test_a_speed_at_which_no_clock_runs_is_refused(speed: float) -> None:
    with pytest.raises(InvalidInputError, match="0 to 86400 seconds"):
        check_speed(speed)


def test_nothing_is_played_twice_and_nothing_follows_the_last_record() -> None:
    with pytest.raises(InvalidInputError, match="open a page with at=2014-03-29T11:00:00Z"):
        check_jump(NOON - timedelta(hours=1), now=NOON, ends_at=ENDS)
    with pytest.raises(InvalidInputError, match="after the last record"):
        check_jump(ENDS + timedelta(seconds=1), now=NOON, ends_at=ENDS)
    check_jump(ENDS, now=NOON, ends_at=ENDS)
