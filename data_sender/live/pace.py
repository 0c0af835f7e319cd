"""The pace: when a source is asked next, after an answer and after none."""

from __future__ import annotations

import numpy as np

FIRST_BACKOFF_SECONDS = 1.0
LONGEST_BACKOFF_SECONDS = 300.0
# So that many senders, started together, do not ask together for ever.
_JITTER = 0.1
# An outage of days must not end in a number that no float holds.
_DOUBLINGS = 30


class Pace:
    """Asks every `every_seconds`, and after failures with exponential back-off and jitter."""

    def __init__(self, every_seconds: float, *, longest_seconds: float | None = None) -> None:
        self._every_seconds = every_seconds
        self._longest_seconds = longest_seconds or min(LONGEST_BACKOFF_SECONDS, 10 * every_seconds)
        self._rng = np.random.default_rng()
        self.failures = 0

    def after_answer(self) -> float:
        """Return how long to wait after an answer [s]."""
        self.failures = 0
        return self._every_seconds * float(self._rng.uniform(1 - _JITTER, 1 + _JITTER))

    def after_failure(self) -> float:
        """Return how long to wait after a failure [s]; each in a row lengthens the wait."""
        first = min(FIRST_BACKOFF_SECONDS, self._every_seconds)
        longest = min(self._longest_seconds, first * 2.0 ** min(self.failures, _DOUBLINGS))
        self.failures += 1
        return longest * float(self._rng.uniform(0.5, 1.0))
