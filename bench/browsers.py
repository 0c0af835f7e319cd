"""Many browsers at once, each on a page that refreshes while new records come in."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench.browser import Browser, Call
from bench.live_feed import LiveFeed

MINUTE_SECONDS = 60.0


@dataclass(frozen=True)
class Sample:
    """One answered call; `minute` since the beginning, 0 is the first."""

    minute: int
    call: Call


@dataclass(frozen=True)
class Shift:
    """What some browsers saw, and the memory [MB] of the server at the end of each minute."""

    samples: list[Sample]
    memory: list[float]
    faults: list[str]
    delivered: int

    def p95(self, minute: int | None = None) -> float:
        """Return the 95th percentile [ms] of the calls of one minute, or of all."""
        times = [s.call.seconds for s in self.samples if minute is None or s.minute == minute]
        return 1000 * float(np.percentile(times, 95)) if times else float("nan")


def watch(
    base: str,
    addresses: Sequence[str],
    *,
    browsers: int,
    minutes: int,
    refresh_seconds: float,
    feed: LiveFeed,
    server_pid: int,
) -> Shift:
    """Have so many browsers watch for some minutes; they open their pages in turn."""
    shift = Shift([], [], [], 0)
    began = time.monotonic()
    deadline = began + minutes * MINUTE_SECONDS
    lock = threading.Lock()

    def note(calls: Sequence[Call]) -> None:
        minute = int((time.monotonic() - began) // MINUTE_SECONDS)
        with lock:
            shift.samples.extend(Sample(minute, call) for call in calls)

    def sit(place: int) -> None:
        try:
            time.sleep(refresh_seconds * place / browsers)
            browser = Browser(base)
            note(browser.open(addresses[place % len(addresses)]))
            while time.monotonic() + refresh_seconds < deadline:
                time.sleep(refresh_seconds)
                note(browser.tick())
        # Whatever goes wrong in a thread is a result of the measurement.
        except (RuntimeError, OSError, KeyError, ValueError) as error:
            with lock:
                shift.faults.append(f"{addresses[place % len(addresses)]}: {error!r}")

    threads = [threading.Thread(target=sit, args=(place,)) for place in range(browsers)]
    delivery = _Delivery(feed)
    for thread in (delivery, *threads):
        thread.start()
    for minute in range(minutes):
        time.sleep(max(0.0, began + (minute + 1) * MINUTE_SECONDS - time.monotonic()))
        shift.memory.append(resident_mb(server_pid))
    for thread in threads:
        thread.join()
    delivery.stop()
    return replace(shift, faults=[*shift.faults, *delivery.faults], delivered=delivery.n)


def alone(base: str, addresses: Sequence[str], *, rounds: int, feed: LiveFeed) -> Shift:
    """Have one browser open every page and see it drawn anew, so many times."""
    calls: list[Call] = []
    delivered = 0
    for _ in range(rounds):
        browser = Browser(base)
        for address in addresses:
            calls += browser.open(address)
            delivered += feed.deliver()
            calls += browser.tick()
    return Shift([Sample(0, call) for call in calls], [], [], delivered)


class _Delivery(threading.Thread):
    """Has the feed come until stopped; `n` is how many did."""

    def __init__(self, feed: LiveFeed) -> None:
        super().__init__()
        self.n = 0
        self.faults: list[str] = []
        self._feed = feed
        self._is_over = threading.Event()

    def run(self) -> None:
        while not self._is_over.wait(self._feed.every_seconds):
            try:
                self.n += self._feed.deliver()
            except OSError as error:
                self.faults.append(f"delivery: {error!r}")

    def stop(self) -> None:
        self._is_over.set()
        self.join()


def resident_mb(pid: int) -> float:
    """Add up the resident memory of a server and its workers."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(_resident_kb(one) for one in [str(pid), *children]) / 1000


def _resident_kb(pid: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
