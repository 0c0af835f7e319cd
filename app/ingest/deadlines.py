"""Deadlines: connections whose request must have come by a time, whatever their sender does."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_LOOK_EVERY_SECONDS = 0.2


class Deadlines:
    """Looks after the sockets of one process, on a thread that starts with the first of them.

    A socket by itself only knows how long a pause may be: one byte a second keeps it going for
    ever. At the deadline its reading side is shut, so that the reader finds the end.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: dict[socket.socket, float] = {}
        self._thread: threading.Thread | None = None

    @contextmanager
    def until(self, deadline: float, connection: socket.socket | None) -> Iterator[None]:
        """Watch a connection up to a time on the clock of `time.monotonic`; None is not watched."""
        if connection is None:
            yield
            return
        with self._changed:
            self._due[connection] = deadline
            if self._thread is None:
                self._thread = threading.Thread(target=self._look, name="deadlines", daemon=True)
                self._thread.start()
            self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._due.pop(connection, None)

    def _look(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._due))
                self._shut(time.monotonic())
            time.sleep(_LOOK_EVERY_SECONDS)

    def _shut(self, now: float) -> None:
        for connection in [each for each, deadline in self._due.items() if deadline <= now]:
            del self._due[connection]
            # It may be gone already.
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RD)
