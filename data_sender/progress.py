"""Progress: what became of the rows, logged every few seconds and summed up at the end."""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from typing import Any

import numpy as np
import orjson

from solar.time import isoformat, to_datetime

logger = logging.getLogger(__name__)

EVERY_SECONDS = 5.0
OUTCOMES = ("accepted", "duplicates", "revised", "rejected", "predictions")


class Progress:
    """Counts of rows by outcome.

    `sent` rows reached the API, `spooled` went over the disk first, `unreadable` were never
    sent; the outcomes are the API's own counts.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.through: np.datetime64 | None = None
        self._started = self._logged = time.monotonic()

    def add_answer(self, kind: str, body: dict[str, Any], sent: int) -> None:
        """Count the outcomes that the API reports for one post."""
        if kind != "observations":
            self.counts[kind] += sent
            return
        self.counts["sent"] += sent
        for outcome in OUTCOMES:
            value = body.get(outcome, 0)
            self.counts[outcome] += len(value) if isinstance(value, list) else int(value)

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

    def print_summary(self, **more: Any) -> None:
        """Print the summary with more about this run as a line of JSON."""
        line = orjson.dumps({**more, **self.summary()}).decode()
        try:
            sys.stdout.write(line + "\n")
        except OSError as error:
            # The work is done, and stays so.
            logger.error("the summary cannot be printed (%s): %s", error.strerror, line)

    def log(self) -> None:
        """Log the summary, but not more often than every few seconds."""
        if time.monotonic() - self._logged >= EVERY_SECONDS:
            self._logged = time.monotonic()
            logger.info("progress %s", orjson.dumps(self.summary()).decode())
