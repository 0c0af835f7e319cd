"""Day histograms: forecasts counted by probability bin, the mergeable form of all verification."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from solar.errors import InvalidInputError

Floats = NDArray[np.float64]
AnyFloats = NDArray[np.floating]

# Three to a decade where only the ranks of rare events are at stake.
_LOW = (0, 1e-7, 2e-7, 5e-7, 1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4)
# In units of 0.0001, so that the division gives the very float that a literal such as 0.043
# does: fine where rare events are forecast, half a percent where they are not.
_STEPS = (range(2, 200, 2), range(200, 1000, 10), range(1000, 10_001, 50))
EDGES: Floats = np.array([*_LOW, *(unit / 10_000 for steps in _STEPS for unit in steps)])
BINS = len(EDGES) - 1

# One occupied bin of a day as it is stored; 18 bytes, little-endian on every machine.
BIN = np.dtype([("bin", "<i2"), ("n", "<u4"), ("events", "<u4"), ("sum_p", "<f8")])

# The stored number of the lowest bin. Until bins were added below it, 0 was [0, 0.0002) and the
# lowest; days counted then are read as if all of these cases were in the upper half of it.
LOWEST_BIN = 1 - len(_LOW)

# Long ranges are kept in rows of a third of a solar rotation: resampling is nine times cheaper,
# and blocks of 27 days then start on every ninth day instead of on every day.
_POOLED_FROM_DAYS = 1000
_POOLED_DAYS = 9

# Ten years hold half a million bins; columns of all of them would leave the processor's cache.
_BINS_AT_ONCE = 16_384


def bin_of(probability: ArrayLike) -> NDArray[np.int64]:
    """Find the bin [edge, next edge) of each probability, counted from 0; 1 is in the last bin.

    Raises
    ------
    InvalidInputError
        For NaN and for anything outside [0, 1]: a missing forecast is not counted in a bin.
    """
    p = np.asarray(probability, float)
    if not np.all((p >= 0) & (p <= 1)):
        raise InvalidInputError(
            "probabilities to be verified must lie in [0, 1]; leave missing forecasts out"
        )
    return np.minimum(np.searchsorted(EDGES, p, side="right") - 1, BINS - 1)


def threshold_bin(threshold: float) -> int:
    """Return the first bin that counts as yes: the one whose lower edge is nearest.

    1.0 is no possible threshold, as the last bin holds everything from 0.995 on.
    """
    return int(np.argmin(np.abs(EDGES[:-1] - threshold)))


def snapped(threshold: float) -> float:
    """Return the bin edge nearest to a threshold; a contingency table is exact at edges only."""
    return float(EDGES[threshold_bin(threshold)])


def sums(index: NDArray[np.integer], weights: NDArray[np.generic], *, length: int) -> Floats:
    """Add up the (n,) weights of each index, into (length,)."""
    return np.asarray(np.bincount(index, weights=weights, minlength=length), float)


@dataclass(frozen=True)
class Tally:
    """Counts `n` and `events` (..., k), and the sums of p^2 and of p over events (...).

    The Brier score follows from the two sums without binning. `bins` (k,) are the numbers of the
    probability bins that hold forecasts at all, ascending: persistence needs two columns, not all
    of them. The leading axes are whatever was counted apart: nothing, days or bootstrap resamples.
    """

    bins: NDArray[np.int64]
    n: AnyFloats
    events: AnyFloats
    sum_p2: AnyFloats
    sum_po: AnyFloats


@dataclass(frozen=True)
class Stacked:
    """A range of days in order: a tally with a leading axis of rows of `row_days` days each.

    `sum_p` (k,) is the sum of the forecasts in each bin over the whole range.
    """

    rows: Tally
    sum_p: AnyFloats
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


def stack_cases(probability: ArrayLike, observed: ArrayLike, *, day: ArrayLike) -> Stacked:
    """Count (n,) cases into days; `day` (n,) holds day numbers or datetime64 in UTC.

    For blocks of days to mean anything every calendar day from the first to the last has its
    place, also one without forecasts.
    """
    p, o, days = np.asarray(probability, float), np.asarray(observed, float), np.asarray(day)
    if days.dtype.kind == "M":
        days = days.astype("datetime64[D]").astype(np.int64)
    since = (days - days.min() if p.size else days).astype(np.int64)
    n_days = int(since.max()) + 1 if p.size else 0
    cases = np.zeros(p.size, BIN)
    cases["bin"], cases["n"], cases["events"], cases["sum_p"] = bin_of(p) + LOWEST_BIN, 1, o, p
    return dense(
        since,
        cases,
        sum_p2=sums(since, p * p, length=n_days),
        sum_po=sums(since, p * o, length=n_days),
    )


def dense(
    day: NDArray[np.int64], bins: NDArray[np.void], *, sum_p2: Floats, sum_po: Floats
) -> Stacked:
    """Lay occupied bins (b,), each of its `day` (b,), on as many days as there are sums (days,)."""
    n_days, row_days = len(sum_p2), row_length(len(sum_p2))
    n_rows = -(-n_days // row_days)
    counts, sum_p = np.zeros((2, n_rows * BINS)), np.zeros(BINS)
    for first in range(0, len(bins), _BINS_AT_ONCE):
        some = bins[first : first + _BINS_AT_ONCE]
        position = some["bin"].astype(np.int64) - LOWEST_BIN
        cells = day[first : first + _BINS_AT_ONCE] // row_days * BINS + position
        for total, name in zip(counts, ("n", "events"), strict=True):
            _add(total, cells, some[name])
        np.add.at(sum_p, position, some["sum_p"].astype(float))
    n, events = counts.reshape(2, n_rows, BINS)
    is_used = n.sum(axis=0) > 0
    # One empty column where there are no forecasts, so that sums over columns are 0.
    is_used[0] |= not is_used.any()
    occupied = np.flatnonzero(is_used)
    row = np.arange(n_days) // row_days
    p2, po = (sums(row, part, length=n_rows) for part in (sum_p2, sum_po))
    tally = Tally(occupied, n[:, occupied], events[:, occupied], p2, po)
    return Stacked(tally, sum_p[occupied], n_days=n_days, row_days=row_days)


def _add(total: Floats, cells: NDArray[np.int64], counts: NDArray[np.generic]) -> None:
    """Add counts to the cells of `total`, which lie close together where days are in order."""
    first = int(cells.min())
    added = np.bincount(cells - first, weights=counts.astype(float))
    total[first : first + len(added)] += added
