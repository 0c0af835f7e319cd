"""The bootstrap of scores: blocks of days or whole groups drawn again, percentiles read off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

# One solar rotation: what a region does to neighbouring days stays within a block.
BLOCK_DAYS = 27
RESAMPLES = 1000
# A single day drawn again and again would give an interval of no width, as if all were known.
FEWEST_DAYS = 10
_FEWEST_BLOCKS = 3

Statistic = Callable[..., float | None]


@dataclass(frozen=True)
class Interval:
    """A percentile interval [low, high]."""

    low: float
    high: float


def block_length(n_days: int, block_days: int = BLOCK_DAYS) -> int:
    """Return the block length to use: single days when the range holds fewer than 3 blocks."""
    return block_days if n_days >= _FEWEST_BLOCKS * block_days else 1


def block_starts(
    n_days: int, *, block_days: int, resamples: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw the (resamples, blocks) first days of the blocks that together cover `n_days`."""
    return rng.integers(0, n_days, (resamples, -(-n_days // block_days)))


def block_weights(
    n_days: int, *, block_days: int, resamples: int, rng: np.random.Generator
) -> NDArray[np.int16]:
    """Draw circular moving blocks of days, as how often each day is taken.

    Returns
    -------
    (resamples, n_days) int16; every row sums to n_days, the last block being cut to fit.
    Reference: Politis & Romano 1992, a circular block-resampling procedure.
    """
    starts = block_starts(n_days, block_days=block_days, resamples=resamples, rng=rng)
    lengths = np.full(starts.shape[1], block_days)
    lengths[-1] = n_days - block_days * (starts.shape[1] - 1)
    # +1 where a block begins and -1 where it ends; a running sum then counts the blocks.
    width = n_days + block_days + 1
    begins = starts + np.arange(resamples)[:, np.newaxis] * width
    change = np.zeros(resamples * width, np.int16)
    np.add.at(change, begins.ravel(), np.int16(1))
    np.add.at(change, (begins + lengths).ravel(), np.int16(-1))
    taken = np.cumsum(change.reshape(resamples, width), axis=1, dtype=np.int16)
    for first in range(n_days, width, n_days):
        beyond = taken[:, first : first + n_days]
        taken[:, : beyond.shape[1]] += beyond
    return taken[:, :n_days]


def group_weights(
    groups: ArrayLike, *, resamples: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw whole groups (regions, days) with replacement, as how often each case is taken.

    Returns
    -------
    (resamples, n) for groups (n,).
    """
    names, member = np.unique(np.asarray(groups), return_inverse=True)
    drawn = rng.integers(0, len(names), (resamples, len(names)))
    row = np.arange(resamples)[:, np.newaxis] * len(names)
    taken = np.bincount((drawn + row).ravel(), minlength=resamples * len(names))
    return taken.reshape(resamples, len(names))[:, member]


def interval(values: ArrayLike, *, level: float = 0.95) -> Interval | None:
    """Read the central percentile interval off resampled values.

    NaN is an undefined resample; with fewer than half of them defined the answer is None.
    """
    sample = np.asarray(values, float)
    known = sample[np.isfinite(sample)]
    if not known.size or known.size * 2 < sample.size:
        return None
    tail = 50 * (1 - level)
    low, high = np.percentile(known, (tail, 100 - tail))
    return Interval(float(low), float(high))


def intervals(values: NDArray[np.float64], *, level: float = 0.95) -> list[Interval | None]:
    """Read the interval of each row of resampled values (k, resamples), as `interval` does."""
    if not values.shape[1]:
        return [None] * len(values)
    defined: NDArray[np.bool_] = np.asarray(np.isfinite(values).all(axis=1))
    tail = 50 * (1 - level)
    bounds = np.percentile(values[defined], (tail, 100 - tail), axis=1).T
    whole = iter(bounds.tolist())
    return [
        Interval(*next(whole)) if is_defined else interval(row, level=level)
        for row, is_defined in zip(values, defined, strict=True)
    ]


def block_interval(
    arrays: Sequence[NDArray[Any]],
    statistic: Statistic,
    *,
    rng: np.random.Generator,
    block_days: int = BLOCK_DAYS,
    resamples: int = RESAMPLES,
) -> Interval | None:
    """Bound a statistic of arrays whose rows are consecutive days.

    Parameters
    ----------
    arrays : (n, ...) each; all are resampled alike, so that entrants stay paired
    statistic : called with the resampled arrays; None when undefined
    block_days : used as given; `block_length` says what suits a short range
    """
    n = len(arrays[0])
    starts = block_starts(n, block_days=block_days, resamples=resamples, rng=rng)
    offsets = np.arange(block_days)
    rows = (((drawn[:, np.newaxis] + offsets) % n).ravel()[:n] for drawn in starts)
    return interval([_evaluate(statistic, arrays, row) for row in rows])


def group_interval(
    arrays: Sequence[NDArray[Any]],
    statistic: Statistic,
    *,
    groups: ArrayLike,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
) -> Interval | None:
    """Bound a statistic of (n, ...) arrays by drawing whole groups, named per case in (n,)."""
    weights = group_weights(groups, resamples=resamples, rng=rng)
    cases = np.arange(weights.shape[1])
    rows = (np.repeat(cases, taken) for taken in weights)
    return interval([_evaluate(statistic, arrays, row) for row in rows])


def paired_difference(statistic: Statistic) -> Statistic:
    """Make statistic(p, o) into f(p, q, o) = statistic(p, o) - statistic(q, o).

    For "is A better than B": resampled together, both are scored on identical cases.
    """

    def difference(p: NDArray[Any], q: NDArray[Any], o: NDArray[Any]) -> float | None:
        first, second = statistic(p, o), statistic(q, o)
        return None if first is None or second is None else first - second

    return difference


def _evaluate(
    statistic: Statistic, arrays: Sequence[NDArray[Any]], rows: NDArray[np.int64]
) -> float:
    value = statistic(*(array[rows] for array in arrays))
    return np.nan if value is None else value
