"""Processes share one stop signal, one way of growing waits and one reading of Retry-After."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest

from solar.process import Backoff, StopSignal, retry_after_seconds

NOW = datetime(2014, 3, 29, 12, 5, tzinfo=UTC)


@pytest.fixture
def auckland(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Pacific/Auckland")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_waits_of_every_thread_at_once(number: signal.Signals) -> None:
    waits: list[bool] = []
    began = time.monotonic()
    before = [signal.getsignal(one) for one in (number, signal.SIGALRM)]

    with closing(StopSignal()) as stop:
        stop.install()
        threads = [threading.Thread(target=lambda: waits.append(stop.wait(20))) for _ in range(3)]
        for thread in threads:
            thread.start()
        os.kill(os.getpid(), number)
        for thread in threads:
            thread.join()
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(number, before[0])
    signal.signal(signal.SIGALRM, before[1])

    assert waits == [True, True, True]
    assert time.monotonic() - began < 5


def test_a_process_that_ended_by_itself_hears_signals_as_before() -> None:
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)
    before = [signal.getsignal(number) for number in numbers]

    with closing(StopSignal()) as stop:
        stop.install()

    assert [signal.getsignal(number) for number in numbers] == before


def test_waits_double_up_to_the_longest_and_begin_again() -> None:
    backoff = Backoff(0.25, 5.0, jitter=(1.0, 1.0))

    waits = [backoff.next_seconds() for _ in range(7)]
    backoff.reset()

    assert waits == [0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0]
    assert backoff.next_seconds(at_least=3.0) == 3.25


def test_full_jitter_waits_anything_from_nothing_to_the_doubled_wait() -> None:
    waits = [Backoff(1.0, 60.0, failures=3).next_seconds() for _ in range(200)]

    assert 0.0 <= min(waits) < 1.0
    assert 7.0 < max(waits) <= 8.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0.0),
        ("", 0.0),
        ("120", 120.0),
        (" 1.5 ", 1.5),
        ("-5", 0.0),
        ("nan", 0.0),
        ("9" * 400, float("inf")),
        ("Sat, 29 Mar 2014 12:07:00 GMT", 120.0),
        ("Sat, 29 Mar 2014 13:07:00 +0100", 120.0),
        ("Sat, 29 Mar 2014 12:00:00 GMT", 0.0),
        # 2,916,738 days, 23 h 54 min 59 s.
        ("Fri, 31 Dec 9999 23:59:59 -1200", 252_006_249_299.0),
        ("soon", 0.0),
    ],
)
def test_retry_after_is_a_number_of_seconds_or_a_date(header: str | None, seconds: float) -> None:
    assert retry_after_seconds(header, now=NOW) == pytest.approx(seconds)


def test_a_time_zone_that_no_machine_holds_asks_for_no_wait() -> None:
    header = "Sat, 29 Mar 2014 12:07:00 +9999999999999"

    assert retry_after_seconds(header, now=NOW) == 0.0


@pytest.mark.usefixtures("auckland")
def test_a_date_without_a_time_zone_is_in_utc_wherever_the_machine_is() -> None:
    assert retry_after_seconds("Sat, 29 Mar 2014 12:07:00 -0000", now=NOW) == 120.0
