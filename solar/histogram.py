"""Day histograms: forecasts counted by probability bin, the mergeable form of all verification."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from solar.bins import BINS, bin_of, sums
from solar.tally import Stacked, Tally, row_length

Floats = NDArray[np.float64]

# One occupied bin of a day as it is stored; 18 bytes, little-endian on every machine.
BIN = np.dtype([("bin", "<u2"), ("n", "<u4"), ("events", "<u4"), ("sum_p", "<f8")])


@dataclass(frozen=True)
class DayCounts:
    """The forecasts of one day: occupied `bins` (k,) of dtype `BIN`, and exact sums.

    `sum_p2` is the sum of p^2 and `sum_po` the sum of p over the events, from which the Brier
    score follows without binning.
    """

    bins: NDArray[np.void]
    n: int
    events: int
    sum_p2: float
    sum_po: float


def from_cases(probability: ArrayLike, observed: ArrayLike) -> DayCounts:
    """Count (n,) probabilities and (n,) outcomes of one day."""
    p, o = np.asarray(probability, float), np.asarray(observed, float)
    cases = _cases(p, o)
    return _day(cases, sum_p2=float(p @ p), sum_po=float(p @ o))


def stack(days: Sequence[DayCounts]) -> Stacked:
    """Lay days in order into dense matrices.

    For blocks of days to mean anything there is one entry for every calendar day; a day
    without forecasts is `EMPTY`.
    """
    return dense(
        np.repeat(np.arange(len(days)), [len(day.bins) for day in days]),
        _joined(days),
        sum_p2=np.array([day.sum_p2 for day in days], float),
        sum_po=np.array([day.sum_po for day in days], float),
    )


def stack_cases(probability: ArrayLike, observed: ArrayLike, *, day: ArrayLike) -> Stacked:
    """Count (n,) cases into days; `day` (n,) holds day numbers or datetime64 in UTC."""
    p, o, days = np.asarray(probability, float), np.asarray(observed, float), np.asarray(day)
    if days.dtype.kind == "M":
        days = days.astype("datetime64[D]").astype(np.int64)
    if not p.size:
        return stack([])
    since = days - days.min()
    n_days = int(since.max()) + 1
    return dense(
        since,
        _cases(p, o),
        sum_p2=sums(since, p * p, length=n_days),
        sum_po=sums(since, p * o, length=n_days),
    )


def _cases(p: Floats, o: Floats) -> NDArray[np.void]:
    """Write every case as a bin of its own."""
    cases = np.zeros(p.size, BIN)
    cases["bin"], cases["n"], cases["events"], cases["sum_p"] = bin_of(p), 1, o, p
    return cases


def _day(bins: NDArray[np.void], *, sum_p2: float, sum_po: float) -> DayCounts:
    """Add equal bins together."""
    number, member = np.unique(bins["bin"], return_inverse=True)
    added = np.zeros(len(number), BIN)
    added["bin"] = number
    for field in ("n", "events", "sum_p"):
        added[field] = sums(member, bins[field], length=len(number))
    n, events = int(added["n"].sum()), int(added["events"].sum())
    return DayCounts(added, n, events, sum_p2, sum_po)


def _joined(days: Sequence[DayCounts]) -> NDArray[np.void]:
    return np.concatenate([np.zeros(0, BIN), *(day.bins for day in days)])


def dense(
    day: NDArray[np.int64], bins: NDArray[np.void], *, sum_p2: Floats, sum_po: Floats
) -> Stacked:
    """Lay occupied bins (b,), each of its `day` (b,), on as many days as there are sums (days,)."""
    n_days, row_days = len(sum_p2), row_length(len(sum_p2))
    n_rows = -(-n_days // row_days)
    number = bins["bin"].astype(np.int64)
    is_used = np.bincount(number, minlength=BINS) > 0
    # One empty column where there are no forecasts, so that sums over columns are 0.
    is_used[0] |= not is_used.any()
    occupied, place = np.flatnonzero(is_used), np.cumsum(is_used) - 1
    width, column = len(occupied), place[number]
    cells = day // row_days * width + column
    n, events = (
        sums(cells, bins[field], length=n_rows * width).reshape(n_rows, width)
        for field in ("n", "events")
    )
    row = np.arange(n_days) // row_days
    p2, po = (sums(row, part, length=n_rows) for part in (sum_p2, sum_po))
    sum_p = sums(column, bins["sum_p"], length=width)
    return Stacked(Tally(occupied, n, events, p2, po), sum_p, n_days=n_days, row_days=row_days)


EMPTY = from_cases([], [])
