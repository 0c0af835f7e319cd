"""Drift: whether values have moved from those of the training set by more than days scatter.

Distances are taken bin by bin between the nine deciles of the training set, so that they do not
depend on the unit of the values. Values within a day are no independent evidence, so whole days,
in blocks, are resampled; and an instrument that swings with periods of 12 and 24 hours (Hoeksema
et al. 2014, doi 10.1007/s11207-014-0516-8) does so within each whole day alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from solar.bootstrap import block_weights, interval

Floats = NDArray[np.float64]

Band = Literal["no drift", "watch", "drift"]

BINS = 10
FEWEST_DAYS = 7
RESAMPLES = 200
# The bands in common use: Siddiqi 2006, Credit Risk Scorecards.
WATCH, DRIFT = 0.10, 0.25
_EXPLAINED_PERCENT = 95


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


def _distances(counts: ArrayLike, reference: Reference) -> Floats:
    """Return (..., 10) how far the cumulated shares lie apart at the upper end of each bin."""
    apart: Floats = np.cumsum(shares(counts) - reference.shares, axis=-1)
    return apart


def median_shift(counts: ArrayLike, reference: Reference) -> Floats:
    """Return how many deciles the median of counts (..., 10) lies off that of the training set.

    -5 to 5; NaN without cases.
    """
    observed = shares(counts)
    expected = np.broadcast_to(reference.shares, observed.shape)
    below = np.cumsum(observed, axis=-1) - observed
    # The median's bin is the last one that begins below the middle and is not empty.
    place = (
        BINS - 1 - np.argmax(((below < 0.5) & (observed > 0))[..., ::-1], axis=-1, keepdims=True)
    )
    columns = (below, observed, expected)
    start, size, width = (np.take_along_axis(x, place, axis=-1) for x in columns)
    rank = np.take_along_axis(np.cumsum(expected, axis=-1) - expected, place, axis=-1)
    shift: Floats = 10 * (rank + width * (0.5 - start) / size - 0.5)
    return shift[..., 0]


def shares(counts: ArrayLike) -> Floats:
    """Divide counts (..., 10) by their sum; NaN where there are none."""
    n = np.asarray(counts, float)
    total = n.sum(axis=-1, keepdims=True)
    divided: Floats = np.full(n.shape, np.nan)
    np.divide(n, total, out=divided, where=total > 0)
    return divided


@dataclass(frozen=True)
class Assessment:
    """How far a variable has moved.

    Parameters
    ----------
    psi : population stability index with its 95 % interval `low` to `high`
    explained : the PSI that the scatter of the days alone stays below in 19 of 20 cases
    ks : greatest distance of the cumulated shares, taken at the bin edges
    wasserstein : mean distance of the values in ranks of the training set, 0 to 0.5
    n_days, blocks : days with values, and of how many blocks they count
    """

    psi: float
    low: float
    high: float
    explained: float
    ks: float
    wasserstein: float
    n_days: int
    blocks: int

    @property
    def band(self) -> Band:
        """The band of the PSI; what scatter explains is no drift, however large."""
        if self.psi < WATCH or self.psi <= self.explained:
            return "no drift"
        return "watch" if self.psi < DRIFT else "drift"


def assess(
    days: ArrayLike, reference: Reference, *, rng: np.random.Generator, resamples: int = RESAMPLES
) -> list[Assessment | None]:
    """Judge v variables by whole days.

    Parameters
    ----------
    days : (d, v, 10) counts of each day
    reference : shares (v, 10)

    Returns
    -------
    (v,); None for a variable with values on fewer than `FEWEST_DAYS` days.
    """
    counts = np.asarray(days, float)
    n_days = np.count_nonzero(counts.sum(axis=-1), axis=0)
    is_enough = n_days >= FEWEST_DAYS
    if not is_enough.any():
        return [None] * len(is_enough)
    known = Reference(reference.shares[is_enough], reference.n)
    judged = iter(_judge(counts[:, is_enough], known, rng=rng, resamples=resamples))
    return [next(judged) if enough else None for enough in is_enough.tolist()]


def _judge(
    counts: Floats, reference: Reference, *, rng: np.random.Generator, resamples: int
) -> list[Assessment]:
    total, drawn = counts.sum(axis=0), _resampled(counts, rng=rng, resamples=resamples)
    value, resampled = psi(total, reference), psi(drawn, reference)
    observed = Reference(shares(total), n=int(total.sum(axis=-1).max()))
    explained = np.nanpercentile(psi(drawn, observed), _EXPLAINED_PERCENT, axis=0)
    far, moved = ks(total, reference), wasserstein(total, reference)
    n_days = np.count_nonzero(counts.sum(axis=-1), axis=0)
    length = block_days(len(counts))
    assessments = []
    for v in range(len(value)):
        low, high = _bounds(float(value[v]), resampled[:, v])
        assessments.append(
            Assessment(
                psi=float(value[v]),
                low=low,
                high=high,
                explained=float(explained[v]),
                ks=float(far[v]),
                wasserstein=float(moved[v]),
                n_days=int(n_days[v]),
                blocks=-(-int(n_days[v]) // length),
            )
        )
    return assessments


def _bounds(value: float, resampled: Floats) -> tuple[float, float]:
    """Bound a PSI by resamples (r,), moved back onto it: drawing adds scatter to scatter."""
    centred = np.maximum(resampled - np.nanmean(resampled) + value, 0.0)
    bounds = interval(centred)
    return (np.nan, np.nan) if bounds is None else (bounds.low, bounds.high)


def block_days(n_days: int) -> int:
    """Return the length of a block of days, which grows with the cube root of their number.

    Reference: Hall, Horowitz & Jing 1995, doi 10.1093/biomet/82.3.561.
    """
    return max(round(math.cbrt(n_days)), 1)


def _resampled(counts: Floats, *, rng: np.random.Generator, resamples: int) -> Floats:
    """Resample blocks of days: (d, v, 10) -> (resamples, v, 10).

    Reference: Carlstein 1986, doi 10.1214/aos/1176350057 (blocks side by side).
    """
    blocks = np.add.reduceat(counts, np.arange(0, len(counts), block_days(len(counts))))
    taken = block_weights(len(blocks), block_days=1, resamples=resamples, rng=rng)
    drawn = taken.astype(np.float32) @ blocks.reshape(len(blocks), -1).astype(np.float32)
    return drawn.reshape(resamples, *counts.shape[1:]).astype(float)
