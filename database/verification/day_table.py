"""The day table: verified cases of one model, counted by UTC day of issue, stratum and bin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from solar.columns import Columns, Floats, Integers
from solar.histogram import BIN, BINS, LOWEST_BIN, Stacked, bin_of, dense, sums
from solar.truth import EVENT, UNKNOWN

_NO_BIN = -1

# The cases of a day and stratum: `n` were scored, `events` of them had the event; `unknown` have no
# truth (yet), `withheld` no probability. `sum_p2` is the sum of p^2 and `sum_po` that of p over
# the events, `bins` the number of records of `BIN` that belong to the row.
DAY = np.dtype(
    [("day", "<i4"), ("stratum", "u1"), ("n", "<u4"), ("events", "<u4"), ("unknown", "<u4"),
     ("withheld", "<u4"), ("bins", "<u4"), ("sum_p2", "<f8"), ("sum_po", "<f8")]
)  # fmt: skip


@dataclass(frozen=True)
class DayTable:
    """`days` (d,) of dtype `DAY`, ascending by day (counted since 1970) and stratum, and `bins`
    (b,) of dtype `BIN`, the occupied probability bins of each of them in the same order.

    It is no `Columns`, because its two arrays differ in length.
    """

    days: NDArray[np.void]
    bins: NDArray[np.void]
    # The last calendar, because a cached table is mostly read for the same days again.
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
        """Arrange the days on the calendar from day `first` to `last`, both included."""
        stacked = self._stacks.get((first, last))
        if stacked is None:
            stacked = self._stack(first, last)
            self._stacks.clear()
            self._stacks[first, last] = stacked
        return stacked

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


@dataclass(frozen=True)
class Cases(Columns):
    """Cases (n,): `day` since 1970, `probability` (NaN was withheld) in its `bin`, and truth."""

    day: Integers
    probability: Floats
    bin: Integers
    truth: NDArray[np.int8]


def make_cases(
    t_rec: NDArray[np.datetime64], probability: Floats, truth: NDArray[np.int8]
) -> Cases:
    """Prepare (n,) forecasts for counting."""
    bins = np.full(len(t_rec), _NO_BIN, np.int64)
    is_given = ~np.isnan(probability)
    bins[is_given] = bin_of(probability[is_given])
    day = t_rec.astype("datetime64[D]").astype(np.int64)
    return Cases(day, probability, bins, truth)


def count_cases(cases: Cases, stratum: NDArray[np.uint8] | None = None) -> DayTable:
    """Count cases by day and by the stratum (n,) of each; all are of stratum 0 by default."""
    if not len(cases):
        return EMPTY
    first = int(cases.day.min())
    n_strata = 1 if stratum is None else int(stratum.max()) + 1
    group = (cases.day - first) * n_strata + (0 if stratum is None else stratum)
    n_groups = int(group.max()) + 1
    is_given, is_known = cases.bin != _NO_BIN, cases.truth != UNKNOWN
    scored = is_given & is_known
    had_event = (cases.truth == EVENT) & scored
    p = np.where(scored, cases.probability, 0.0)
    bins, per_group = _bins(group[scored], cases.take(scored), n_groups)
    rows = np.zeros(n_groups, DAY)
    rows["day"], rows["stratum"] = np.divmod(np.arange(n_groups), n_strata)
    rows["day"] += first
    columns = {
        "n": scored,
        "events": had_event,
        "unknown": is_given & ~is_known,
        "withheld": ~is_given,
        "sum_p2": p * p,
        "sum_po": p * had_event,
    }
    for name, values in columns.items():
        rows[name] = np.bincount(group, weights=values, minlength=n_groups)
    rows["bins"] = per_group
    return DayTable(rows[np.bincount(group, minlength=n_groups) > 0], bins)


def _bins(group: Integers, scored: Cases, n_groups: int) -> tuple[NDArray[np.void], Integers]:
    """Return the occupied bins in the order of the groups, and how many each group has."""
    cell, size = group * BINS + scored.bin, n_groups * BINS
    n = np.bincount(cell, minlength=size)
    occupied = np.flatnonzero(n)
    bins = np.zeros(len(occupied), BIN)
    bins["bin"], bins["n"] = occupied % BINS + LOWEST_BIN, n[occupied]
    weights = {"events": scored.truth == EVENT, "sum_p": scored.probability}
    for name, values in weights.items():
        bins[name] = np.bincount(cell, weights=values, minlength=size)[occupied]
    return bins, np.bincount(occupied // BINS, minlength=n_groups)
