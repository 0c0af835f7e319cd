"""A gate: how much one worker has in work at a time, and that bulk gives way to live records."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from app.contract.problems import MAX_BODY_BYTES, RETRY_AFTER_SECONDS
from solar.errors import FlarewatchError

# A live record and its kind: they wait for nobody, and are bounded by the threads of the worker.
SMALL_BYTES = 64 * 1024
MOST_BULK_REQUESTS = 3
MOST_BULK_BYTES = 48 * 1024 * 1024
# Bulk gives way no longer than this at a time: what the live record waits for may be its own.
PATIENCE_SECONDS = 0.03

GiveWay = Callable[[], None]


class BusyError(FlarewatchError):
    """As much is in work as may be; the same request succeeds a little later."""

    status = 429
    title = "Too busy"


def go_on() -> None:
    """Give way to nobody."""


@dataclass
class Gate:
    """Counts the bulk requests of one process and their bytes, and the small ones beside them."""

    most_requests: int = MOST_BULK_REQUESTS
    most_bytes: int = MOST_BULK_BYTES
    patience_seconds: float = PATIENCE_SECONDS
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _requests: int = 0
    _bytes: int = 0
    _small: int = 0

    @contextmanager
    def entered(self, length: int | None) -> Iterator[GiveWay]:
        """Hold a place while a body of this length is in work, or of any length if None.

        Gives what the work is to call between its parts. Bulk lets small requests by there, which
        would else have to win the interpreter back from it after each of their statements.

        Raises
        ------
        BusyError
            When there is no place; nothing waits here.
        """
        size = MAX_BODY_BYTES if length is None else length
        if size <= SMALL_BYTES:
            self._count_small(1)
            try:
                yield go_on
            finally:
                self._count_small(-1)
            return
        self._enter(size)
        try:
            yield self._give_way
        finally:
            self._leave(size)

    def _give_way(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._small, self.patience_seconds)

    def _count_small(self, more: int) -> None:
        with self._changed:
            self._small += more
            self._changed.notify_all()

    def _enter(self, size: int) -> None:
        with self._changed:
            # What is larger than all there may be can still come alone.
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
