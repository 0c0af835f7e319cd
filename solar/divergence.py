"""Divergence: how far counted values lie from those of a training set, bin by bin.

The bins are those between the nine deciles of the training set, so that a distance does not
depend on the unit of the values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

BINS = 10


@dataclass(frozen=True)
class Reference:
    """Shares (..., 10) of the training values in each bin, of `n` values."""

    shares: Floats
    n: int


def count(values: ArrayLike, edges: ArrayLike) -> NDArray[np.int64]:
    """Count values (n,) in the bins between rising edges (9,): an edge belongs below; no NaN."""
    place = np.searchsorted(np.asarray(edges, float), np.asarray(values, float))
    return np.bincount(place, minlength=BINS)


def psi(counts: ArrayLike, reference: Reference) -> Floats:
    """Population stability index, the sum of (o - e) ln(o / e) over the bins' shares.

    Parameters
    ----------
    counts : (..., 10)

    Returns
    -------
    (...) from 0, alike, upwards; NaN without cases. An empty bin counts as half a case, for
    its logarithm would have no end. Synonym: symmetric Kullback-Leibler divergence. Reference:
    Yurdakul 2018, Statistical Properties of Population Stability Index.
    """
    observed = shares(counts)
    n = np.sum(np.asarray(counts, float), axis=-1, keepdims=True)
    o = np.maximum(observed, 0.5 / np.maximum(n, 1))
    e = np.maximum(reference.shares, 0.5 / reference.n)
    # Where both are empty there is nothing to compare, whatever stands for half a case.
    is_empty = (observed == 0) & (reference.shares == 0)
    total: Floats = np.sum(np.where(is_empty, 0.0, (o - e) * np.log(o / e)), axis=-1)
    return total


def ks(counts: ArrayLike, reference: Reference) -> Floats:
    """Kolmogorov-Smirnov distance at the bin edges, 0 to 1; NaN without cases."""
    distance: Floats = np.max(np.abs(_distances(counts, reference)), axis=-1)
    return distance


def wasserstein(counts: ArrayLike, reference: Reference) -> Floats:
    """Mean distance that values have moved, in ranks of the training set.

    Values are taken as spread evenly over a bin. 0 is alike, 0.5 all beyond one end; NaN
    without cases. Wasserstein's distance of order 1 after the probability transform.
    """
    ends = _distances(counts, reference)
    begins = np.concatenate([np.zeros((*ends.shape[:-1], 1)), ends[..., :-1]], axis=-1)
    size = np.abs(begins) + np.abs(ends)
    crossing = begins * ends < 0
    across = (begins**2 + ends**2) / np.where(size > 0, size, 1.0)
    height = np.where(crossing, across, size) / 2
    total: Floats = np.sum(height * reference.shares, axis=-1)
    return total


def ks_of_samples(x: ArrayLike, y: ArrayLike) -> float:
    """Kolmogorov-Smirnov distance of two samples, (n,) and (m,) without NaN."""
    _, first, second = _cumulated(x, y)
    return float(np.max(np.abs(first - second)))


def wasserstein_of_samples(x: ArrayLike, y: ArrayLike) -> float:
    """Wasserstein's distance of order 1 of two samples, in their unit; no NaN."""
    values, first, second = _cumulated(x, y)
    return float(np.sum(np.abs(first - second)[:-1] * np.diff(values)))


def median_shift(counts: ArrayLike, reference: Reference) -> Floats:
    """Tell by how many deciles the median of counts (..., 10) lies off that of the training set.

    -5 to 5; NaN without cases.
    """
    own = shares(counts)
    expected = np.broadcast_to(reference.shares, own.shape)
    below = np.cumsum(own, axis=-1) - own
    # The median's bin is the last one that begins below the middle and is not empty.
    place = BINS - 1 - np.argmax(((below < 0.5) & (own > 0))[..., ::-1], axis=-1, keepdims=True)
    start, size, width = (np.take_along_axis(x, place, axis=-1) for x in (below, own, expected))
    rank = np.take_along_axis(np.cumsum(expected, axis=-1) - expected, place, axis=-1)
    shift: Floats = 10 * (rank + width * (0.5 - start) / size - 0.5)
    return shift[..., 0]


def shares(counts: ArrayLike) -> Floats:
    """Divide counts (..., 10) by their sum; NaN where there are none."""
    given = np.asarray(counts, float)
    total = given.sum(axis=-1, keepdims=True)
    divided: Floats = np.full(given.shape, np.nan)
    np.divide(given, total, out=divided, where=total > 0)
    return divided


def _distances(counts: ArrayLike, reference: Reference) -> Floats:
    """Return (..., 10) how far the cumulated shares lie apart at the upper end of each bin."""
    apart: Floats = np.cumsum(shares(counts) - reference.shares, axis=-1)
    return apart


def _cumulated(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Return the different values, and the share of each sample at or below each of them."""
    samples = [np.sort(np.asarray(sample, float)) for sample in (x, y)]
    values = np.unique(np.concatenate(samples))
    first, second = (np.searchsorted(s, values, side="right") / len(s) for s in samples)
    return values, first, second
