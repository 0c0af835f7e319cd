"""Dense counts of forecasts and events per probability bin, by days or by resamples of days."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solar.bins import BINS

Floats = NDArray[np.floating]

# Long ranges are kept in rows of a third of a solar rotation: resampling is nine times cheaper,
# and blocks of 27 days then start on every ninth day instead of on every day.
_POOLED_FROM_DAYS = 1000
_POOLED_DAYS = 9


@dataclass(frozen=True)
class Tally:
    """Counts `n` and `events` (..., BINS), and the sums of p^2 and of p over events (...).

    The leading axes are whatever was counted apart: nothing, days or bootstrap resamples.
    """

    n: Floats
    events: Floats
    sum_p2: Floats
    sum_po: Floats


@dataclass(frozen=True)
class Stacked:
    """A range of days in order: a tally with a leading axis of rows of `row_days` days each.

    `sum_p` (BINS,) is the sum of the forecasts in each bin over the whole range.
    """

    rows: Tally
    sum_p: Floats
    n_days: int
    row_days: int

    def total(self) -> Tally:
        """Add the rows up, exactly."""
        rows = self.rows
        return Tally(*(part.sum(axis=0) for part in (rows.n, rows.events)),
                     *(np.asarray(part.sum()) for part in (rows.sum_p2, rows.sum_po)))  # fmt: skip

    def resampled(self, weights: NDArray[np.integer]) -> Tally:
        """Add the rows up with (resamples, rows) weights, giving a tally per resample.

        In single precision: seven digits are plenty for an interval, and twice as fast.
        """
        rows = self.rows
        exact = np.stack((rows.sum_p2, rows.sum_po), axis=1)
        columns = np.concatenate((rows.n, rows.events, exact), axis=1, dtype=np.float32)
        added = weights.astype(np.float32) @ columns
        n, events, sum_p2, sum_po = np.split(added, (BINS, 2 * BINS, 2 * BINS + 1), axis=1)
        return Tally(n, events, sum_p2[:, 0], sum_po[:, 0])


def row_length(n_days: int) -> int:
    """Return how many days share a row of a `Stacked` range."""
    return _POOLED_DAYS if n_days >= _POOLED_FROM_DAYS else 1
