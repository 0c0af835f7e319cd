"""A repeated call: something that a thread does every few seconds beside the sending."""

from __future__ import annotations

import threading
from collections.abc import Callable

# A call that an API holds must not hold up the end of a sender.
_LONGEST_END_SECONDS = 0.2


class Repeating:
    """Calls in a thread of its own until it is closed; the first call comes after the first wait.

    The thread does not keep the process from ending.
    """

    def __init__(self, call: Callable[[], None], every_seconds: float) -> None:
        self._call = call
        self._every_seconds = every_seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End; a call under way is left to itself."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(_LONGEST_END_SECONDS)

    def _run(self) -> None:
        while not self._ended.wait(self._every_seconds):
            self._call()
