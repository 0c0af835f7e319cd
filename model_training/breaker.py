"""A circuit breaker: after failures in a row nothing is tried for a while, then one thing is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

FAILURES = 3
FIRST_REST_SECONDS = 30.0
LONGEST_REST_SECONDS = 300.0


class Breaker:
    """Closed while all is well, open while at rest, half open during the one try after it.

    Each try that fails doubles the rest (Nygard, Release It!, 2007). Safe to use from several
    threads.
    """

    def __init__(
        self,
        *,
        first_rest_seconds: float = FIRST_REST_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._first_rest = first_rest_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._rest = first_rest_seconds
        self._open_until: float | None = None
        self._is_trying = False

    @property
    def state(self) -> str:
        """``closed``, ``open`` or ``half open``."""
        with self._lock:
            if self._open_until is None:
                return "closed"
            return "open" if self._clock() < self._open_until else "half open"

    def may_try(self) -> bool:
        """Tell whether to try now; of several that ask after a rest only the first may."""
        with self._lock:
            if self._open_until is None:
                return True
            if self._is_trying or self._clock() < self._open_until:
                return False
            self._is_trying = True
            return True

    def succeeded(self) -> None:
        """Close."""
        with self._lock:
            self._failures, self._rest = 0, self._first_rest
            self._open_until, self._is_trying = None, False

    def failed(self) -> None:
        """Count a failure; the third in a row, or that of the try after a rest, opens."""
        with self._lock:
            self._failures += 1
            if self._is_trying:
                self._rest = min(2 * self._rest, LONGEST_REST_SECONDS)
            if self._is_trying or self._failures >= FAILURES:
                self._open_until = self._clock() + self._rest
            self._is_trying = False
