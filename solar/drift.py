"""Drift: whether values have moved from those of the training set by more than days scatter.

What comes within a day is no independent evidence, so whole days, in blocks, are what is drawn
again; and an instrument that swings with periods of 12 and 24 hours (Hoeksema et al. 2014,
doi 10.1007/s11207-014-0516-8) does so within each whole day alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from solar.bootstrap import block_weights, interval
from solar.divergence import Floats, Reference, ks, psi, shares, wasserstein

Word = Literal["no drift", "watch", "drift"]

FEWEST_DAYS = 7
RESAMPLES = 200
# The bands in common use: Siddiqi 2006, Credit Risk Scorecards.
WATCH, DRIFT = 0.10, 0.25
_EXPLAINED_PERCENT = 95


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
    def word(self) -> Word:
        """Name the band; what scatter explains is no drift, however large."""
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
    value, again = psi(total, reference), psi(drawn, reference)
    own = Reference(shares(total), n=int(total.sum(axis=-1).max()))
    explained = np.nanpercentile(psi(drawn, own), _EXPLAINED_PERCENT, axis=0)
    far, moved = ks(total, reference), wasserstein(total, reference)
    n_days = np.count_nonzero(counts.sum(axis=-1), axis=0)
    length = block_days(len(counts))
    found = []
    for v in range(len(value)):
        low, high = _bounds(float(value[v]), again[:, v])
        found.append(
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
    return found


def _bounds(value: float, again: Floats) -> tuple[float, float]:
    """Bound a PSI by resamples (r,), moved back onto it: drawing adds scatter to scatter."""
    centred = np.maximum(again - np.nanmean(again) + value, 0.0)
    bounds = interval(centred)
    return (np.nan, np.nan) if bounds is None else (bounds.low, bounds.high)


def block_days(n_days: int) -> int:
    """Return the length of a block of days, which grows with the cube root of their number.

    Reference: Hall, Horowitz & Jing 1995, doi 10.1093/biomet/82.3.561.
    """
    return max(round(math.cbrt(n_days)), 1)


def _resampled(counts: Floats, *, rng: np.random.Generator, resamples: int) -> Floats:
    """Draw blocks of days again: (d, v, 10) -> (resamples, v, 10).

    Reference: Carlstein 1986, doi 10.1214/aos/1176350057 (blocks side by side).
    """
    blocks = np.add.reduceat(counts, np.arange(0, len(counts), block_days(len(counts))))
    taken = block_weights(len(blocks), block_days=1, resamples=resamples, rng=rng)
    drawn = taken.astype(np.float32) @ blocks.reshape(len(blocks), -1).astype(np.float32)
    return drawn.reshape(resamples, *counts.shape[1:]).astype(float)
