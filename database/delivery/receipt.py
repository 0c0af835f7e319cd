"""A receipt: one request of a sender as it was dealt with, row by row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# What can become of a row; a fate is a place in this list.
COUNTERS = ("accepted", "duplicates", "revised", "rejected")
ACCEPTED, DUPLICATE, REVISED, REJECTED = range(4)


@dataclass(frozen=True)
class Delivery:
    """What became of the rows of one request."""

    accepted: int
    duplicates: int
    revised: int
    rejected: int


@dataclass(frozen=True)
class Receipt:
    """The n rows of a request in its order, and how long they took.

    Parameters
    ----------
    fates : (n,) places in COUNTERS
    is_late : (n,) whether a newer record of the same region had come before the request
    latency : (n,) from the time of the record to its receipt [s], NaN where there is no time
    predictions : forecasts issued
    seconds : from the receipt of the request to the moment before its commit
    """

    fates: NDArray[np.int8]
    is_late: NDArray[np.bool_]
    latency: NDArray[np.float64]
    predictions: int
    seconds: float

    def __len__(self) -> int:
        return len(self.fates)

    def delivery(self, *, repeated: int = 0) -> Delivery:
        """Count the rows by fate; the first `repeated` ones were handed over before.

        A row that is handed over again is not counted twice. One that is new to the store
        had not arrived the first time, so it counts now.
        """
        counted = self._counted(repeated)
        return Delivery(*np.bincount(self.fates[counted], minlength=len(COUNTERS)).tolist())

    def late(self, *, repeated: int = 0) -> int:
        """Count the new rows that came after a newer record of their region."""
        is_new = self._counted(repeated) & (self.fates == ACCEPTED)
        return int((is_new & self.is_late).sum())

    def new_latency(self) -> NDArray[np.float64]:
        """Return the latency [s] of the rows that are new to the store."""
        is_known = (self.fates == ACCEPTED) & ~np.isnan(self.latency)
        return np.asarray(self.latency[is_known], np.float64)

    def _counted(self, repeated: int) -> NDArray[np.bool_]:
        is_first_time = np.arange(len(self)) >= repeated
        return np.asarray(is_first_time | (self.fates == ACCEPTED), np.bool_)
