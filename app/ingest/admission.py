"""Admission control: how much bulk one worker takes on, and that bulk yields to live records."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from app.contract.problems import MAX_BODY_BYTES, RETRY_AFTER_SECONDS
from solar.errors import FlarewatchError

# Requests up to this size are live records: they wait for nobody, and the threads of the worker
# bound their number.
SMALL_BYTES = 64 * 1024
MOST_BULK_REQUESTS = 3
MOST_BULK_BYTES = 48 * 1024 * 1024
# Bulk yields no longer than this at a time: the live record may be waiting for its lock.
PATIENCE_SECONDS = 0.03

YieldToLive = Callable[[], None]


class BusyError(FlarewatchError):
    """The worker takes no more bulk now; the same request succeeds a little later."""

    status = 429
    title = "Too busy"


def is_live(length: int | None) -> bool:
    """Tell whether a body of this length holds live records; None is any length."""
    return length is not None and length <= SMALL_BYTES


def no_op() -> None:
    """Yield to nobody."""


@dataclass
class AdmissionControl:
    """Counts the bulk requests of one process, their bytes, and the small requests beside them."""

    most_requests: int = MOST_BULK_REQUESTS
    most_bytes: int = MOST_BULK_BYTES
    patience_seconds: float = PATIENCE_SECONDS
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _requests: int = 0
    _bytes: int = 0
    _small: int = 0

    @contextmanager
    def entered(self, length: int | None) -> Iterator[YieldToLive]:
        """Hold a place while a body of this length is in work; None is any length.

        Yields a function that the work calls between its parts. Bulk lets small requests go first
        there, which would otherwise have to win the interpreter back from it after each of their
        statements.

        Raises
        ------
        BusyError
            When there is no place; nothing waits here.
        """
        size = MAX_BODY_BYTES if length is None else length
        if is_live(length):
            with self.with_live(1):
                yield no_op
            return
        self._enter(size)
        try:
            yield self._yield_to_live
        finally:
            self._leave(size)

    @contextmanager
    def with_live(self, number: int) -> Iterator[None]:
        """Let bulk yield to so many live records in work."""
        self._count_small(number)
        try:
            yield
        finally:
            self._count_small(-number)

    def _yield_to_live(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._small, self.patience_seconds)

    def _count_small(self, more: int) -> None:
        with self._changed:
            self._small += more
            self._changed.notify_all()

    def _enter(self, size: int) -> None:
        with self._changed:
            # A request that is larger than the limit can still come alone.
            is_full = self._bytes > 0 and self._bytes + size > self.most_bytes
            if is_full or self._requests >= self.most_requests:
                raise BusyError(
                    f"{self._requests} large requests are in work here;"
                    f" send this one again in {RETRY_AFTER_SECONDS[BusyError.status]} s"
                )
            self._requests += 1
            self._bytes += size

    def _leave(self, size: int) -> None:
        with self._changed:
            self._requests -= 1
            self._bytes -= size
