"""The tally: what became of the rows, told every few seconds and once at the end."""

from __future__ import annotations

import logging
import time
from collections import Counter
from typing import Any

import numpy as np
import orjson

from solar.time import isoformat, to_datetime

logger = logging.getLogger(__name__)

EVERY_SECONDS = 5.0
OUTCOMES = ("accepted", "duplicates", "revised", "rejected", "predictions")


class Tally:
    """Counts of rows by outcome.

    `sent` rows reached the API, `spooled` went over the disk first, `unreadable` were never
    sent; the outcomes are the API's own counts.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.through: np.datetime64 | None = None
        self._started = self._told = time.monotonic()

    def add_answer(self, kind: str, body: dict[str, Any], sent: int) -> None:
        """Count what the API said about one post."""
        if kind != "observations":
            self.counts[kind] += sent
            return
        self.counts["sent"] += sent
        for outcome in OUTCOMES:
            told = body.get(outcome, 0)
            self.counts[outcome] += len(told) if isinstance(told, list) else int(told)

    def summary(self) -> dict[str, Any]:
        """Return the counts, the event time reached and the rate [rows/s]."""
        seconds = time.monotonic() - self._started
        through = None if self.through is None else isoformat(to_datetime(self.through))
        names = ("sent", *OUTCOMES, "unreadable", "spooled", "flares")
        return {
            **{name: self.counts[name] for name in dict.fromkeys((*names, *self.counts))},
            "through": through,
            "seconds": round(seconds, 3),
            "rows_per_second": round(self.counts["sent"] / seconds, 1) if seconds else None,
        }

    def tell(self) -> None:
        """Log the state of affairs, but not more often than every few seconds."""
        if time.monotonic() - self._told >= EVERY_SECONDS:
            self._told = time.monotonic()
            logger.info("progress %s", orjson.dumps(self.summary()).decode())
