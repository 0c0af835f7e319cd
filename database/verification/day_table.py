"""The day table: the verified cases of one entrant by UTC day of issue and stratum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from solar.histogram import BIN, Stacked, dense, sums

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# The cases of a day and stratum: `n` were scored, `events` of which came true; `unknown` have no
# truth (yet), `withheld` no probability. `sum_p2` is the sum of p^2 and `sum_po` that of p over
# the events, `bins` how many records of `BIN` are theirs.
DAY = np.dtype(
    [("day", "<i4"), ("stratum", "u1"), ("n", "<u4"), ("events", "<u4"), ("unknown", "<u4"),
     ("withheld", "<u4"), ("bins", "<u4"), ("sum_p2", "<f8"), ("sum_po", "<f8")]
)  # fmt: skip


@dataclass(frozen=True)
class DayTable:
    """`days` (d,) of dtype `DAY`, ascending by day (counted since 1970) and stratum, and `bins`
    (b,) of dtype `BIN`, the occupied probability bins of each of them in the same order.
    """

    days: NDArray[np.void]
    bins: NDArray[np.void]
    # The calendar it was last laid on, as a table that is kept is asked for the same again.
    _stacks: dict[tuple[int, int], Stacked] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def day(self) -> Integers:
        """The day numbers (d,)."""
        return self.days["day"].astype(np.int64)

    def total(self, name: str) -> int:
        """Add a column up."""
        return int(self.days[name].sum())

    def where(self, kept: NDArray[np.bool_]) -> DayTable:
        """Keep the rows of `days` marked in (d,), with their bins."""
        if kept.all():
            return self
        return DayTable(self.days[kept], self.bins[np.repeat(kept, self.days["bins"])])

    def between(self, first: int, last: int) -> DayTable:
        """Keep the days from `first` to `last`, both included."""
        return self.where((self.day >= first) & (self.day <= last))

    def of_stratum(self, stratum: int) -> DayTable:
        """Keep one stratum."""
        return self.where(self.days["stratum"] == stratum)

    def stacked(self, first: int, last: int) -> Stacked:
        """Lay the days on the calendar from day `first` to `last`, both included."""
        found = self._stacks.get((first, last))
        if found is None:
            found = self._stack(first, last)
            self._stacks.clear()
            self._stacks[first, last] = found
        return found

    def _stack(self, first: int, last: int) -> Stacked:
        place, n_days = self.day - first, last - first + 1
        p2, po = (sums(place, self.days[name], length=n_days) for name in ("sum_p2", "sum_po"))
        return dense(np.repeat(place, self.days["bins"]), self.bins, sum_p2=p2, sum_po=po)


EMPTY = DayTable(np.zeros(0, DAY), np.zeros(0, BIN))


def joined(parts: Sequence[DayTable]) -> DayTable:
    """Put tables of different days together."""
    if len(parts) == 1:
        return parts[0]
    table = DayTable(
        np.concatenate([EMPTY.days, *(part.days for part in parts)]),
        np.concatenate([EMPTY.bins, *(part.bins for part in parts)]),
    )
    order = np.lexsort((table.days["stratum"], table.days["day"]))
    if np.array_equal(order, np.arange(len(order))):
        return table
    ends = np.cumsum(table.days["bins"])
    starts = ends - table.days["bins"]
    pieces = [table.bins[starts[i] : ends[i]] for i in order]
    return DayTable(table.days[order], np.concatenate([EMPTY.bins, *pieces]))


def span(tables: Sequence[DayTable]) -> tuple[int, int]:
    """Return the first and last day of all tables together.

    Days without forecasts at the ends of a range are no quiet days: a bootstrap that drew
    them would widen every interval.
    """
    days = np.concatenate([table.day for table in tables])
    return (int(days.min()), int(days.max())) if days.size else (0, -1)
