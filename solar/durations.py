"""Durations: how long things took, counted in bins of equal ratio.

The scales of the delivery are `DurationScale`s; the latency of a forecast, from its observation
until it was issued, has bins of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Integers = NDArray[np.int64]

# Most bins of a histogram are empty: the others are written with their place.
_OCCUPIED = np.dtype([("place", "u1"), ("n", "<u4")])

# From a millisecond to thirty years, 50 bins a decade: a percentile is known to 2.3 %.
_SHORTEST_S = 1e-3
_PER_DECADE = 50
FORECAST_LATENCY_BINS = 12 * _PER_DECADE


@dataclass(frozen=True)
class DurationScale:
    """Bins from `low` to `high` [s], so many to a decade, and one beyond either end."""

    low: float
    high: float
    per_decade: int

    @cached_property
    def edges(self) -> Floats:
        """The inner edges (bins - 1,) [s]; a bin takes its lower edge."""
        steps = round(np.log10(self.high / self.low) * self.per_decade)
        edges: Floats = self.low * 10.0 ** (np.arange(steps + 1) / self.per_decade)
        return edges

    @property
    def bins(self) -> int:
        """How many bins there are, the two ends included."""
        return len(self.edges) + 1

    def place(self, seconds: ArrayLike) -> Integers:
        """Return the bin of each duration (n,) [s]."""
        return np.searchsorted(self.edges, np.asarray(seconds, float), side="right")

    def quantiles(self, counts: Counts, shares: Sequence[float]) -> Floats:
        """Return the quantiles (n, q) [s] of n histograms (n, bins) at q shares.

        Within a bin durations are taken to lie evenly on the logarithmic scale, so that a
        quantile is wrong by one bin's ratio at most. What is shorter than the scale counts as
        `low`. NaN without any duration; infinite where the quantile is longer than the scale.
        """
        histograms = np.atleast_2d(counts)
        cumulative = histograms.cumsum(axis=1)
        return np.array([self._quantiles(cumulative, share) for share in shares], float).T

    def _quantiles(self, cumulative: Counts, share: float) -> Floats:
        rank = share * cumulative[:, -1]
        place = np.minimum((cumulative < rank[:, None]).sum(axis=1), self.bins - 1)
        rows = np.arange(len(cumulative))
        upto = cumulative[rows, place]
        below = np.where(place > 0, cumulative[rows, place - 1], 0)
        inside = (rank - below) / np.maximum(upto - below, 1)
        lower = self.edges[np.maximum(place - 1, 0)]
        value = lower * 10.0 ** (np.where(place > 0, inside, 0.0) / self.per_decade)
        value = np.where(place == self.bins - 1, np.inf, value)
        return np.where(cumulative[:, -1] > 0, value, np.nan)

    def pack(self, counts: Counts) -> list[bytes]:
        """Write histograms (n, bins) in few bytes each."""
        row, place = np.nonzero(counts)
        packed = np.empty(len(row), _OCCUPIED)
        packed["place"], packed["n"] = place, counts[row, place]
        content, size = packed.tobytes(), _OCCUPIED.itemsize
        ends = (size * np.searchsorted(row, np.arange(len(counts)), side="right")).tolist()
        return [content[start:end] for start, end in zip([0, *ends], ends, strict=False)]

    def unpack(self, packed: Sequence[bytes]) -> Counts:
        """Read histograms as they were packed, into (n, bins)."""
        occupied = np.frombuffer(b"".join(packed), _OCCUPIED)
        lengths = [len(one) // _OCCUPIED.itemsize for one in packed]
        counts = np.zeros((len(packed), self.bins), np.int64)
        counts[np.repeat(np.arange(len(packed)), lengths), occupied["place"]] = occupied["n"]
        return counts


# From receipt to commit, and from observation to receipt; a replay lies beyond the latter.
PROCESSING = DurationScale(1e-3, 1e2, per_decade=10)
LATENCY = DurationScale(1.0, 1e7, per_decade=5)


def forecast_latency_bin(seconds: ArrayLike) -> Integers:
    """Number the bin of each latency (n,) [s]; the first holds everything below a millisecond."""
    relative = np.maximum(np.asarray(seconds, float), _SHORTEST_S) / _SHORTEST_S
    place: Integers = np.floor(np.log10(relative) * _PER_DECADE).astype(np.int64)
    return np.minimum(place, FORECAST_LATENCY_BINS - 1)


def forecast_latency_percentiles(counts: ArrayLike, shares: ArrayLike) -> list[float] | None:
    """Return the latency [s] below which each of the `shares` lies, None without forecasts.

    Parameters
    ----------
    counts : (FORECAST_LATENCY_BINS,) forecasts by bin
    """
    up_to = np.cumsum(np.asarray(counts, float))
    if not up_to[-1]:
        return None
    place = np.searchsorted(up_to, np.asarray(shares, float) * up_to[-1])
    middles: list[float] = (_SHORTEST_S * 10 ** ((place + 0.5) / _PER_DECADE)).tolist()
    return middles
