from __future__ import annotations

import time

import numpy as np
import pytest

from data_sender.clock import MAX_SPEED, EventClock, parse_speed
from solar.errors import InvalidInputError

EVENTS = np.datetime64("2014-03-01", "us") + np.arange(5) * np.timedelta64(1, "h")


def test_at_top_speed_everything_is_due():
    assert EventClock(MAX_SPEED).due(EVENTS) == 5


def test_the_first_event_is_due_at_once_and_the_next_one_later():
    clock = EventClock(3600.0)

    assert clock.due(EVENTS) == 1
    assert clock.seconds_until(EVENTS[1]) == pytest.approx(1.0, abs=0.1)


def test_events_become_due_as_time_passes():
    clock = EventClock(36_000.0)
    clock.due(EVENTS)

    time.sleep(0.25)

    # 0.25 s at 36,000 times real time are 2.5 h.
    assert clock.due(EVENTS) == 3


def test_no_event_is_due_before_the_ceiling():
    clock = EventClock(MAX_SPEED, ceiling=lambda: EVENTS[2])

    assert clock.due(EVENTS) == 3
    assert clock.seconds_until(EVENTS[3]) == 3600.0


@pytest.mark.parametrize("text", ["fast", "0", "-1", "nan", "inf"])
def test_a_speed_that_is_none_is_refused(text):
    with pytest.raises(InvalidInputError, match="--speed"):
        parse_speed(text)
