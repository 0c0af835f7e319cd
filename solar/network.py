"""The functional network of keywords: which of them vary together within one window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# With fewer common records a coefficient says more of chance than of the region.
FEWEST_RECORDS = 8
# A series that varies by less than this share of its size is constant within rounding.
_CONSTANT = 1e-6


@dataclass(frozen=True)
class Edges:
    """The pairs (i, j), i < j, that a network joins now, by what they were in the one before.

    `gone` are those that it no longer joins.
    """

    kept: list[tuple[int, int]]
    new: list[tuple[int, int]]
    gone: list[tuple[int, int]]


def correlation(values: Floats, *, fewest: int = FEWEST_RECORDS) -> Floats:
    """Return the (k, k) Pearson correlations of the columns of values (n, k)."""
    r: Floats = correlations(values[None], fewest=fewest)[0]
    return r


def correlations(windows: NDArray[np.floating[Any]], *, fewest: int) -> Floats:
    """Return the (m, k, k) Pearson correlations of k series in each of m windows (m, n, k).

    Each pair is judged on the records that both have. NaN where fewer than `fewest` are common
    or one of the two is constant there.
    """
    known = np.isfinite(windows).astype(float)
    scaled = _scaled(windows, known)
    turned, seen = scaled.transpose(0, 2, 1), known.transpose(0, 2, 1)
    shared = seen @ known
    steps = np.maximum(shared, 1)
    # [i, j]: of series i, over the steps where series j is known too.
    total, square = turned @ known, turned**2 @ known
    spread = np.maximum(square - total**2 / steps, 0.0)
    spread[spread <= _CONSTANT * steps] = 0.0
    together = turned @ scaled - total * total.transpose(0, 2, 1) / steps
    size = np.sqrt(spread * spread.transpose(0, 2, 1))
    defined = (size > 0) & (shared >= fewest)
    return np.where(defined, np.clip(together / np.where(defined, size, 1.0), -1, 1), np.nan)


def _scaled(windows: NDArray[np.floating[Any]], known: Floats) -> Floats:
    """Give every series the mean 0 and deviation 1, zeros where missing or constant."""
    values = np.where(known > 0, windows, 0.0).astype(float)
    steps = np.maximum(known.sum(axis=1, keepdims=True), 1)
    mean = values.sum(axis=1, keepdims=True) / steps
    centred = (values - mean) * known
    deviation = np.sqrt((centred**2).sum(axis=1, keepdims=True) / steps)
    varies = deviation > _CONSTANT * np.abs(mean)
    return np.where(varies, centred / np.where(varies, deviation, 1.0), 0.0)


def edges(now: Floats, before: Floats, *, least: float) -> Edges:
    """Join the pairs of (k, k) correlations with |r| >= `least`, an undefined one never."""
    joined, was = (np.triu(np.nan_to_num(np.abs(r)) >= least, 1) for r in (now, before))
    return Edges(_pairs(joined & was), _pairs(joined & ~was), _pairs(was & ~joined))


def _pairs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    return [(int(i), int(j)) for i, j in np.argwhere(flags)]


def changes(now: Floats, before: Floats, *, most: int) -> list[tuple[int, int]]:
    """Return up to `most` pairs (i, j), i < j, defined in both, by the size of their change."""
    moved = np.triu(np.nan_to_num(np.abs(now - before)), 1)
    order = np.argsort(moved, axis=None)[::-1][:most]
    pairs = (divmod(int(place), len(moved)) for place in order)
    return [(i, j) for i, j in pairs if moved[i, j] > 0]
