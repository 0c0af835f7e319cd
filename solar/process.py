"""A long-running process: its stop signal, its waits, and how many files it may open."""

from __future__ import annotations

import ctypes
import email.utils
import os
import random
import resource
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from types import FrameType

GRACE_SECONDS = 4.0
_PR_SET_PDEATHSIG = 1
# An outage of days must not end in a number that no float holds.
_DOUBLINGS = 30


class GraceExpiredError(Exception):
    """A request was still under way when the grace period after the signal was over."""


class StopSignal:
    """Set once by SIGTERM, SIGINT or `set`; it ends every wait at once, in any thread.

    A pipe carries it, because a signal handler may write to a pipe at any moment,
    whereas the lock inside threading.Event could be held by the very code it interrupts.
    """

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        self._replaced = ExitStack()
        self._is_interruptible = False
        self.is_set = False

    def install(self) -> None:
        """Listen to SIGTERM and SIGINT of this process."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self._handle(number, self._on_signal)
        self._handle(signal.SIGALRM, self._on_grace_over)

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
        """Mark work that GraceExpiredError may interrupt once the grace period is over.

        Python runs signal handlers in the main thread, so work of another one is not marked: who
        waits for it ends the wait.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self._is_interruptible = True
        try:
            yield
        finally:
            self._is_interruptible = False

    def close(self) -> None:
        """Close the pipe; signals mean what they meant before, unless the process is stopping."""
        # A second signal must not cut short a stop that is under way.
        if not self.is_set:
            self._replaced.close()
        os.close(self._reader)
        os.close(self._writer)

    def _handle(self, number: int, handler: Callable[[int, FrameType | None], None]) -> None:
        self._replaced.callback(signal.signal, number, signal.signal(number, handler))

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if not self.is_set:
            signal.setitimer(signal.ITIMER_REAL, GRACE_SECONDS)
        self.set()

    def _on_grace_over(self, number: int, frame: FrameType | None) -> None:
        if self._is_interruptible:
            raise GraceExpiredError


def end_with_parent() -> Callable[[], None]:
    """Return what a child process calls first, so that it is told to end when its parent dies.

    Even a parent that was killed leaves no child behind then. Linux alone can do so.
    """
    parent = os.getpid()
    # Loaded here: between fork and exec a child should do as little as it can.
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

    def ask_for_the_signal() -> None:
        if prctl is not None:
            prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGTERM)

    return ask_for_the_signal


@dataclass
class Backoff:
    """Waits that double with every failure [s], each times a random factor from `jitter`.

    From 0 to 1 it is full jitter (AWS Architecture Blog, 2015).
    """

    first_seconds: float
    longest_seconds: float
    jitter: tuple[float, float] = (0.0, 1.0)
    failures: int = 0

    def next_seconds(self, at_least: float = 0.0) -> float:
        """Count a failure and return the next wait [s], not below what the server requested."""
        doubled = self.first_seconds * 2.0 ** min(self.failures, _DOUBLINGS)
        self.failures += 1
        # On top of it, so that clients that got the same Retry-After do not come back as one.
        return at_least + min(self.longest_seconds, doubled) * random.uniform(*self.jitter)

    def reset(self) -> None:
        """Begin again with short waits."""
        self.failures = 0


def discard_unwritable_output() -> None:
    """Give up what standard output and error cannot take, as on a full disk.

    Otherwise Python would try once more at its end, and turn the exit status into 120.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def retry_after_seconds(header: str | None, *, now: datetime) -> float:
    """Return how long a Retry-After header asks to wait [s], as a number or a date; else 0."""
    if not header:
        return 0.0
    with suppress(ValueError):
        return max(0.0, float(header))
    # OverflowError: a time zone that is no number of a machine.
    with suppress(ValueError, OverflowError):
        at = email.utils.parsedate_to_datetime(header)
        # A date in "-0000" is in UTC too, but comes without a time zone (RFC 5322 3.3).
        return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds())
    return 0.0


def allow_open_files(number: int) -> None:
    """Let this process have so many files open, or as many as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < number:
        allowed = number if hard == resource.RLIM_INFINITY else min(number, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
