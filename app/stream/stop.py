"""The wish to stop: set by a signal, looked at between two batches and in every wait."""

from __future__ import annotations

import signal
from types import FrameType


class StoppedError(Exception):
    """A wait was ended by the wish to stop."""


class Stop:
    """Wished once by SIGTERM or SIGINT; never taken back."""

    def __init__(self) -> None:
        self.is_wished = False

    def install(self) -> None:
        """Listen to the signals of this process."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.is_wished = True
