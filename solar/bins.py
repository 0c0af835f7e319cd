"""The probability bins in which verification counts forecasts."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from solar.errors import InvalidInputError

Floats = NDArray[np.float64]

# In units of 0.0001, so that the division gives the very float that a literal such as 0.043
# does: fine where rare events are forecast, half a percent where they are not.
_STEPS = (range(0, 200, 2), range(200, 1000, 10), range(1000, 10_001, 50))
EDGES: Floats = np.array([unit for steps in _STEPS for unit in steps]) / 10_000
BINS = len(EDGES) - 1


def bin_of(probability: ArrayLike) -> NDArray[np.int64]:
    """Find the bin [edge, next edge) of each probability; 1 belongs to the last bin.

    Raises
    ------
    InvalidInputError
        For NaN and for anything outside [0, 1]: a missing forecast is not counted in a bin.
    """
    p = np.asarray(probability, float)
    if not np.all((p >= 0) & (p <= 1)):
        raise InvalidInputError(
            "probabilities to be verified must lie in [0, 1]; leave missing forecasts out"
        )
    return np.minimum(np.searchsorted(EDGES, p, side="right") - 1, BINS - 1)


def threshold_bin(threshold: float) -> int:
    """Return the first bin that counts as yes: the one whose lower edge is nearest.

    1.0 is no possible threshold, as the last bin holds everything from 0.995 on.
    """
    return int(np.argmin(np.abs(EDGES[:-1] - threshold)))


def snapped(threshold: float) -> float:
    """Return the bin edge that stands for a threshold; a table is exact at edges only."""
    return float(EDGES[threshold_bin(threshold)])


def sums(index: NDArray[np.integer], weights: NDArray[np.generic], *, length: int) -> Floats:
    """Add up the (n,) weights of each index, into (length,)."""
    return np.asarray(np.bincount(index, weights=weights, minlength=length), float)
