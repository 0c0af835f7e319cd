"""Daily counts: cases with their forecasts and truth, counted by day, stratum and probability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from database.verification.day_table import DAY, EMPTY, DayTable
from solar.histogram import BIN, BINS, bin_of
from solar.truth import EVENT, UNKNOWN

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
_NO_BIN = -1


@dataclass(frozen=True)
class Cases:
    """Cases (n,): `day` since 1970, `probability` (NaN was withheld) in its `bin`, and truth."""

    day: Integers
    probability: Floats
    bin: Integers
    truth: NDArray[np.int8]

    def where(self, kept: NDArray[np.bool_]) -> Cases:
        """Keep the cases marked in (n,)."""
        return Cases(*(column[kept] for column in vars(self).values()))


def cases(t: NDArray[np.datetime64], probability: Floats, truth: NDArray[np.int8]) -> Cases:
    """Prepare (n,) forecasts for counting."""
    bins = np.full(len(t), _NO_BIN, np.int64)
    given = ~np.isnan(probability)
    bins[given] = bin_of(probability[given])
    day = t.astype("datetime64[D]").astype(np.int64)
    return Cases(day, probability, bins, truth)


def count(found: Cases, stratum: NDArray[np.uint8] | None = None) -> DayTable:
    """Count cases by day and by the stratum (n,) of each; all are of stratum 0 by default."""
    if not len(found.day):
        return EMPTY
    first = int(found.day.min())
    n_strata = 1 if stratum is None else int(stratum.max()) + 1
    group = (found.day - first) * n_strata + (0 if stratum is None else stratum)
    n_groups = int(group.max()) + 1
    is_given, is_known = found.bin != _NO_BIN, found.truth != UNKNOWN
    scored = is_given & is_known
    came = (found.truth == EVENT) & scored
    p = np.where(scored, found.probability, 0.0)
    bins, per_group = _bins(group[scored], found.where(scored), n_groups)
    rows = np.zeros(n_groups, DAY)
    rows["day"], rows["stratum"] = np.divmod(np.arange(n_groups), n_strata)
    rows["day"] += first
    columns = {"n": scored, "events": came, "unknown": is_given & ~is_known,
               "withheld": ~is_given, "sum_p2": p * p, "sum_po": p * came}  # fmt: skip
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
    bins["bin"], bins["n"] = occupied % BINS, n[occupied]
    weights = {"events": scored.truth == EVENT, "sum_p": scored.probability}
    for name, values in weights.items():
        bins[name] = np.bincount(cell, weights=values, minlength=size)[occupied]
    return bins, np.bincount(occupied // BINS, minlength=n_groups)
