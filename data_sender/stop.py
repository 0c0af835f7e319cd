"""The stop signal: it ends every wait at once and a stuck request a little later."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

GRACE_SECONDS = 4.0


class GraceExpiredError(Exception):
    """A request was still under way when the grace period after the signal was over."""


class StopSignal:
    """Set once by SIGTERM, SIGINT or `set`; never unset.

    A pipe carries it, because a signal handler may write to a pipe at any moment,
    whereas the lock inside threading.Event could be held by the very code it interrupts.
    """

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        self._is_interruptible = False
        self.is_set = False

    def install(self) -> None:
        """Listen to SIGTERM and SIGINT of this process."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        signal.signal(signal.SIGALRM, self._on_grace_over)

    def set(self) -> None:
        """Set the signal; a second time changes nothing."""
        if not self.is_set:
            self.is_set = True
            os.write(self._writer, b"x")

    def wait(self, seconds: float) -> bool:
        """Wait, but not beyond the stop signal; return whether it is set."""
        select.select([self._reader], [], [], max(0.0, seconds))
        return self.is_set

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Mark work that GraceExpiredError may interrupt once the grace period is over."""
        self._is_interruptible = True
        try:
            yield
        finally:
            self._is_interruptible = False

    def close(self) -> None:
        """Close the pipe."""
        os.close(self._reader)
        os.close(self._writer)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if not self.is_set:
            signal.setitimer(signal.ITIMER_REAL, GRACE_SECONDS)
        self.set()

    def _on_grace_over(self, number: int, frame: FrameType | None) -> None:
        if self._is_interruptible:
            raise GraceExpiredError
