"""Latency: how long after its observation a forecast was issued, counted on a log scale."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Integers = NDArray[np.int64]

# From a millisecond to thirty years, 50 bins a decade: a percentile is known to 2.3 %.
_SHORTEST_S = 1e-3
_PER_DECADE = 50
BINS = 12 * _PER_DECADE


def latency_bin(seconds: ArrayLike) -> Integers:
    """Number the bin of each latency (n,) [s]; the first holds everything below a millisecond."""
    relative = np.maximum(np.asarray(seconds, float), _SHORTEST_S) / _SHORTEST_S
    place: Integers = np.floor(np.log10(relative) * _PER_DECADE).astype(np.int64)
    return np.minimum(place, BINS - 1)


def percentiles(counts: ArrayLike, shares: ArrayLike) -> list[float] | None:
    """Return the latency [s] below which each of the `shares` lies, None without forecasts.

    Parameters
    ----------
    counts : (BINS,) forecasts by bin
    """
    up_to = np.cumsum(np.asarray(counts, float))
    if not up_to[-1]:
        return None
    place = np.searchsorted(up_to, np.asarray(shares, float) * up_to[-1])
    middles: list[float] = (_SHORTEST_S * 10 ** ((place + 0.5) / _PER_DECADE)).tolist()
    return middles
