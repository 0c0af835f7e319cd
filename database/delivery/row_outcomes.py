"""The outcomes of the rows of one request of a sender, row by row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solar.columns import Columns

# The possible outcomes of a row, each named by its place in this list.
OUTCOMES = ("accepted", "duplicates", "revised", "rejected")
ACCEPTED, DUPLICATE, REVISED, REJECTED = range(4)


@dataclass(frozen=True)
class OutcomeCounts:
    """The number of rows of a request with each outcome."""

    accepted: int
    duplicates: int
    revised: int
    rejected: int


@dataclass(frozen=True)
class RowOutcomes(Columns):
    """The outcomes of the n rows of a request in its order, and how long they took.

    Parameters
    ----------
    outcomes : (n,) places in OUTCOMES
    is_late : (n,) whether a newer record of the same region was stored before the request
    latency : (n,) from the time of the record to its forecast [s], NaN where there is no time
    predictions : forecasts issued
    seconds : from the receipt of the request to the moment before its commit
    """

    outcomes: NDArray[np.int8]
    is_late: NDArray[np.bool_]
    latency: NDArray[np.float64]
    predictions: int
    seconds: float

    def counts(self, *, repeated: NDArray[np.bool_] | None = None) -> OutcomeCounts:
        """Count the rows by outcome; `repeated` (n,) are those that were sent before.

        A row that is sent again is not counted twice. One that is new to the store had not
        arrived the first time, so it counts now.
        """
        counted = self._counted(repeated)
        return OutcomeCounts(*np.bincount(self.outcomes[counted], minlength=len(OUTCOMES)).tolist())

    def late(self, *, repeated: NDArray[np.bool_] | None = None) -> int:
        """Count the new rows that came after a newer record of their region."""
        is_new = self._counted(repeated) & (self.outcomes == ACCEPTED)
        return int((is_new & self.is_late).sum())

    def new_latency(self) -> NDArray[np.float64]:
        """Return the latency [s] of the rows that are new to the store."""
        is_known = (self.outcomes == ACCEPTED) & ~np.isnan(self.latency)
        return np.asarray(self.latency[is_known], np.float64)

    def _counted(self, repeated: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
        if repeated is None:
            return np.ones(len(self), np.bool_)
        return np.asarray(~repeated | (self.outcomes == ACCEPTED), np.bool_)
