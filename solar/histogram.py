"""Day histograms: forecasts counted by probability bin, the mergeable form of all verification."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from solar.bins import bin_of, sums
from solar.errors import InvalidInputError
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


def merge(parts: Iterable[DayCounts]) -> DayCounts:
    """Add day counts up, as when later cases of a day become known."""
    days = list(parts)
    return _day(
        _joined(days),
        sum_p2=float(sum(day.sum_p2 for day in days)),
        sum_po=float(sum(day.sum_po for day in days)),
    )


def to_bytes(bins: NDArray[np.void]) -> bytes:
    """Pack the bins of a day for storage."""
    return bins.astype(BIN, copy=False).tobytes()


def from_bytes(data: bytes) -> NDArray[np.void]:
    """Unpack the bins of a day."""
    if len(data) % BIN.itemsize:
        raise InvalidInputError(
            f"a day histogram of {len(data)} bytes is cut short; rebuild the verification rollup"
        )
    return np.frombuffer(data, BIN)


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
    return np.frombuffer(b"".join(to_bytes(day.bins) for day in days), BIN)


def dense(
    day: NDArray[np.int64], bins: NDArray[np.void], *, sum_p2: Floats, sum_po: Floats
) -> Stacked:
    """Lay occupied bins (b,), each of its `day` (b,), on as many days as there are sums (days,)."""
    n_days, row_days = len(sum_p2), row_length(len(sum_p2))
    n_rows = -(-n_days // row_days)
    occupied, column = np.unique(bins["bin"].astype(np.int64), return_inverse=True)
    if not occupied.size:
        occupied = np.zeros(1, np.int64)
    width = len(occupied)
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
