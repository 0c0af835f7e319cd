"""Event time: the clock of the data, which may run faster than the wall clock."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from solar.errors import InvalidInputError

MAX_SPEED = math.inf


def parse_speed(text: str) -> float:
    """Read ``max`` or the seconds of event time that pass in one second."""
    if text == "max":
        return MAX_SPEED
    try:
        speed = float(text)
    except ValueError as error:
        raise InvalidInputError(f"--speed {text!r} is not a speed; give a number or max") from error
    if not 0 < speed < math.inf:
        raise InvalidInputError(f"--speed {text} must be positive and finite; or write max")
    return speed


def wall_clock() -> np.datetime64:
    """Return the present as datetime64[us] in UTC."""
    return np.datetime64(time.time_ns() // 1000, "us")


class Pacer(Protocol):
    """A clock that tells what of a source is due."""

    @property
    def is_unlimited(self) -> bool:
        """Whether every event is due at any time."""

    def due(self, events: NDArray[np.datetime64]) -> int:
        """Count the leading events (n,), in ascending order, whose time has come."""

    def seconds_until(self, event_at: np.datetime64) -> float:
        """Return how long to wait before asking again whether an event is due [s]."""

    def now(self, events: NDArray[np.datetime64]) -> np.datetime64 | None:
        """Return the present event time, None for "no limit"."""

    def soon(self, events: NDArray[np.datetime64]) -> np.datetime64 | None:
        """Return up to when X-ray minutes are sent, None for "no limit"."""


class EventClock:
    """Event time since the first row, at `speed`, never ahead of `ceiling` where one is given.

    Speed 3600 lets an hour of data pass in a second; MAX_SPEED makes everything due at once.
    """

    def __init__(self, speed: float, *, ceiling: Callable[[], np.datetime64] | None = None) -> None:
        self.speed = speed
        self._ceiling = ceiling
        self._origin: tuple[np.datetime64, float] | None = None

    @property
    def is_unlimited(self) -> bool:
        """Whether every event is due at any time."""
        return not math.isfinite(self.speed) and self._ceiling is None

    def synchronise(self, event_at: np.datetime64, *, seconds_ago: float) -> None:
        """Take over the clock of other replicas: event time was `event_at` so long ago."""
        self._origin = (event_at, time.monotonic() - seconds_ago)

    def due(self, events: NDArray[np.datetime64]) -> int:
        """Count the leading events (n,), in ascending order, whose time has come."""
        now = self.now(events)
        if now is None:
            return len(events)
        return int(np.searchsorted(events, now, side="right"))

    def seconds_until(self, event_at: np.datetime64) -> float:
        """Return how long to wait until an event is due [s]; 0 when it is."""
        waits = [0.0]
        if math.isfinite(self.speed) and self._origin is not None:
            start_at, started = self._origin
            ahead = (event_at - start_at) / np.timedelta64(1, "s") / self.speed
            waits.append(float(ahead) - (time.monotonic() - started))
        if self._ceiling is not None:
            waits.append(float((event_at - self._ceiling()) / np.timedelta64(1, "s")))
        return max(waits)

    def now(self, events: NDArray[np.datetime64]) -> np.datetime64 | None:
        """Return the present event time, None for "no limit"; the first call starts the clock."""
        ceiling = self._ceiling() if self._ceiling else None
        if not math.isfinite(self.speed):
            return ceiling
        if self._origin is None:
            self._origin = (events[0], time.monotonic())
        start_at, started = self._origin
        passed = np.timedelta64(int((time.monotonic() - started) * self.speed * 1e6), "us")
        paced: np.datetime64 = start_at + passed
        return paced if ceiling is None else min(paced, ceiling)

    def soon(self, events: NDArray[np.datetime64]) -> np.datetime64 | None:
        """Return the present event time: no clock of the store hides what is ahead of it."""
        return self.now(events)
