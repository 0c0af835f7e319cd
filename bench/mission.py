"""The mission: how many forecasts a store is to hold, and the years they span."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from bench.sun_block import BLOCK_DAYS, RECORDS_A_DAY
from solar.time import Window

MODELS = 2
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Mission:
    """What is to be stored: so many predictions, the newest of them just before `end_at`."""

    n_predictions: int
    end_at: datetime

    @property
    def start_at(self) -> datetime:
        """The midnight with which the first block begins."""
        days = -(-self.n_predictions // (MODELS * RECORDS_A_DAY))
        return datetime(*self.end_at.timetuple()[:3], tzinfo=UTC) - days * _DAY

    @property
    def window(self) -> Window:
        """The time that the store spans."""
        return Window(self.start_at, self.end_at)

    def day(self, number: int) -> date:
        """Return one of the days, the first is 0."""
        return self.start_at.date() + number * _DAY

    @property
    def copies(self) -> range:
        """The blocks, from that before the first: its regions are still on the disk."""
        return range(-1, (self.end_at - self.start_at) // (BLOCK_DAYS * _DAY) + 1)
