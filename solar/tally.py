"""Dense counts of forecasts and events per probability bin, by days or by resamples of days."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solar.errors import InvalidInputError

Floats = NDArray[np.floating]

# Long ranges are kept in rows of a third of a solar rotation: resampling is nine times cheaper,
# and blocks of 27 days then start on every ninth day instead of on every day.
_POOLED_FROM_DAYS = 1000
_POOLED_DAYS = 9


@dataclass(frozen=True)
class Tally:
    """Counts `n` and `events` (..., k), and the sums of p^2 and of p over events (...).

    `bins` (k,) are the numbers of the probability bins that hold forecasts at all, ascending:
    persistence needs two columns, not all of them. The leading axes are whatever was counted
    apart: nothing, days or bootstrap resamples.
    """

    bins: NDArray[np.int64]
    n: Floats
    events: Floats
    sum_p2: Floats
    sum_po: Floats


@dataclass(frozen=True)
class Stacked:
    """A range of days in order: a tally with a leading axis of rows of `row_days` days each.

    `sum_p` (k,) is the sum of the forecasts in each bin over the whole range.
    """

    rows: Tally
    sum_p: Floats
    n_days: int
    row_days: int

    def must_match(self, other: Stacked) -> None:
        """Refuse what cannot be compared row by row."""
        if len(self.rows.n) != len(other.rows.n):
            raise InvalidInputError(
                f"{self.n_days} days cannot be compared with {other.n_days}; stack the same range"
            )

    def total(self) -> Tally:
        """Add the rows up, exactly."""
        rows = self.rows
        return Tally(
            rows.bins,
            *(part.sum(axis=0) for part in (rows.n, rows.events)),
            *(np.asarray(part.sum()) for part in (rows.sum_p2, rows.sum_po)),
        )


def row_length(n_days: int) -> int:
    """Return how many days share a row of a `Stacked` range."""
    return _POOLED_DAYS if n_days >= _POOLED_FROM_DAYS else 1
