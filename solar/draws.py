"""Draws: which days a bootstrap took how often, the same for all who are compared."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from solar.bootstrap import BLOCK_DAYS, FEWEST_DAYS, RESAMPLES, block_length, block_weights


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
