"""A gate: how much one worker has in work at a time; who comes on top is asked to come again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from app.contract.problems import MAX_BODY_BYTES, RETRY_AFTER_SECONDS
from solar.errors import FlarewatchError

# A live record and its kind: they wait for nobody, and are bounded by the threads of the worker.
SMALL_BYTES = 64 * 1024
MOST_BULK_REQUESTS = 3
MOST_BULK_BYTES = 48 * 1024 * 1024


class BusyError(FlarewatchError):
    """As much is in work as may be; the same request succeeds a little later."""

    status = 429
    title = "Too busy"


@dataclass
class Gate:
    """Counts the bulk requests of one process and their bytes."""

    most_requests: int = MOST_BULK_REQUESTS
    most_bytes: int = MOST_BULK_BYTES
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _requests: int = 0
    _bytes: int = 0

    @contextmanager
    def entered(self, length: int | None) -> Iterator[None]:
        """Hold a place while a body of this length is in work, or of any length if None.

        Raises
        ------
        BusyError
            When there is no place; nothing waits here.
        """
        size = MAX_BODY_BYTES if length is None else length
        if size <= SMALL_BYTES:
            yield
            return
        self._enter(size)
        try:
            yield
        finally:
            self._leave(size)

    def _enter(self, size: int) -> None:
        with self._lock:
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
        with self._lock:
            self._requests -= 1
            self._bytes -= size
