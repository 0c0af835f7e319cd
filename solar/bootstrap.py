"""The bootstrap of scores: blocks of days drawn with replacement, and percentile intervals."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

# One solar rotation: what a region does to neighbouring days stays within a block.
BLOCK_DAYS = 27
RESAMPLES = 1000
# Of the draw by which runs are judged: the same each time, so that all of them can be paired.
RUN_SEED = 27
# A single day drawn again and again would give an interval of no width, as if all were known.
FEWEST_DAYS = 10
_FEWEST_BLOCKS = 3


@dataclass(frozen=True)
class Interval:
    """A percentile interval [low, high]."""

    low: float
    high: float


def block_length(n_days: int, block_days: int = BLOCK_DAYS) -> int:
    """Return the block length to use: single days when the range holds fewer than 3 blocks."""
    return block_days if n_days >= _FEWEST_BLOCKS * block_days else 1


def block_weights(
    n_days: int, *, block_days: int, resamples: int, rng: np.random.Generator
) -> NDArray[np.int16]:
    """Draw circular moving blocks of days, as how often each day is taken.

    Returns
    -------
    (resamples, n_days) int16; every row sums to n_days, the last block being cut to fit.
    Reference: Politis & Romano 1992, a circular block-resampling procedure.
    """
    starts = rng.integers(0, n_days, (resamples, -(-n_days // block_days)))
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


@dataclass(frozen=True)
class Draws:
    """A bootstrap of stacked days: (resamples, rows) `weights`, blocks of `block_days` days.

    Entrants that share the draws are resampled together, which pairs them. `resamples` were
    asked for; too few days have no weights.
    """

    weights: NDArray[np.int16]
    block_days: int
    resamples: int

    @cached_property
    def single(self) -> NDArray[np.float32]:
        """The weights in single precision, in which they are exact."""
        return self.weights.astype(np.float32)

    @cached_property
    def double(self) -> NDArray[np.float64]:
        """The weights in double precision."""
        return self.weights.astype(float)


def draw(
    n_rows: int,
    *,
    row_days: int,
    rng: np.random.Generator,
    block_days: int = BLOCK_DAYS,
    resamples: int = RESAMPLES,
) -> Draws:
    """Draw blocks of rows of `row_days` days each; below `FEWEST_DAYS` rows nothing is drawn."""
    length = block_length(n_rows, max(1, block_days // row_days))
    if n_rows < FEWEST_DAYS:
        return Draws(np.zeros((0, n_rows), np.int16), length * row_days, resamples)
    weights = block_weights(n_rows, block_days=length, resamples=resamples, rng=rng)
    return Draws(weights, length * row_days, resamples)


# Ranges of one length are asked for again and again; a draw holds up to 14 megabytes.
@lru_cache(maxsize=8)
def seeded_draw(n_rows: int, *, row_days: int, resamples: int, seed: int) -> Draws:
    """Draw as `draw` does from a generator of that seed, once for each length of the range."""
    rng = np.random.default_rng(seed)
    drawn = draw(n_rows, row_days=row_days, rng=rng, resamples=resamples)
    drawn.weights.setflags(write=False)
    return drawn
