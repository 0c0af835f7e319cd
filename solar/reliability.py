"""Reliability: how often the event occurred, by the probability that was forecast.

By fixed bins with Wilson limits, or by the isotonic fit, which needs no choice of bins.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from solar.histogram import sums

Floats = NDArray[np.float64]

# Fixed in advance so that the bins cannot be chosen after a look at the forecasts.
RELIABILITY_EDGES: tuple[float, ...] = (0.0, 0.05, *(tenth / 10 for tenth in range(1, 11)))

_NORMAL_95 = 1.959963984540054


@dataclass(frozen=True)
class ReliabilityBin:
    """One bin: `n` forecasts from `lower` to `upper`, of which `events` came true.

    `low` and `high` are the Wilson 95 % limits of the observed frequency; everything that
    needs a forecast in the bin is None when there is none.
    """

    lower: float
    upper: float
    n: int
    events: int
    mean_forecast: float | None
    observed_frequency: float | None
    low: float | None
    high: float | None


def wilson_interval(events: float, n: float) -> tuple[float, float] | None:
    """Bound a frequency of `events` in `n` independent cases at 95 %; None when n is 0.

    Reference: Wilson 1927, doi 10.1080/01621459.1927.10502953.
    """
    if n <= 0:
        return None
    z2, share = _NORMAL_95**2, events / n
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _NORMAL_95 * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def reliability(
    probability: ArrayLike,
    observed: ArrayLike,
    *,
    edges: tuple[float, ...] = RELIABILITY_EDGES,
    closed: Literal["left", "right"] = "left",
    cases_per_independent: float = 1.0,
) -> tuple[ReliabilityBin, ...]:
    """Tabulate (n,) probabilities against (n,) outcomes.

    Parameters
    ----------
    closed
        The end that belongs to a bin: ``left`` is [a, b), as thresholds (p >= t) have it,
        with the last bin closed; ``right`` is (a, b] with the first bin closed.
    cases_per_independent
        How many cases carry the information of one, because neighbours in time or frames of
        one region repeat each other; the Wilson limits widen accordingly.
    """
    p, o = np.asarray(probability, float), np.asarray(observed, float)
    side: Literal["left", "right"] = "right" if closed == "left" else "left"
    bins = np.clip(np.searchsorted(edges, p, side=side) - 1, 0, len(edges) - 2)
    counts, events, sum_p = (
        sums(bins, weights, length=len(edges) - 1) for weights in (np.ones_like(p), o, p)
    )
    return reliability_table(
        counts, events, sum_p=sum_p, edges=edges, cases_per_independent=cases_per_independent
    )


def reliability_table(
    n: Floats,
    events: Floats,
    *,
    sum_p: Floats,
    edges: tuple[float, ...] = RELIABILITY_EDGES,
    cases_per_independent: float = 1.0,
) -> tuple[ReliabilityBin, ...]:
    """Build the table from the (bins,) counts, events and sums of p of bins between `edges`."""

    def rows() -> Iterator[ReliabilityBin]:
        for lower, upper, count, hits, total in zip(
            edges[:-1], edges[1:], n.tolist(), events.tolist(), sum_p.tolist(), strict=True
        ):
            limits = wilson_interval(hits / cases_per_independent, count / cases_per_independent)
            low, high = limits or (None, None)
            mean, frequency = (total / count, hits / count) if count else (None, None)
            yield ReliabilityBin(lower, upper, int(count), int(hits), mean, frequency, low, high)

    return tuple(rows())


@dataclass(frozen=True)
class Corp:
    """The Brier score of binned forecasts in three terms.

    brier = miscalibration - discrimination + uncertainty; no term is negative. Reference:
    Dimitriadis, Gneiting & Jordan 2021, doi 10.1073/pnas.2016191118.
    """

    recalibrated: Floats
    miscalibration: float
    discrimination: float
    uncertainty: float


def isotonic(n: ArrayLike, events: ArrayLike) -> Floats:
    """Pool adjacent violators: the nondecreasing frequencies (k,) nearest to those observed.

    Parameters
    ----------
    n, events : (k,) cases and events of bins in the order of their forecast, every n > 0
    """
    pools: list[tuple[float, float, int]] = []
    for cases, hits in zip(np.asarray(n, float), np.asarray(events, float), strict=True):
        pool = (float(cases), float(hits), 1)
        while pools and pools[-1][1] * pool[0] >= pool[1] * pools[-1][0]:
            before = pools.pop()
            pool = (before[0] + pool[0], before[1] + pool[1], before[2] + pool[2])
        pools.append(pool)
    frequencies = [hits / cases for cases, hits, _ in pools]
    return np.repeat(np.asarray(frequencies, float), [bins for *_, bins in pools])


def corp(n: ArrayLike, events: ArrayLike, *, forecast: ArrayLike) -> Corp | None:
    """Split the Brier score of (k,) bins, each taken at its mean `forecast`; None if empty."""
    cases, hits, p = (np.asarray(part, float) for part in (n, events, forecast))
    if not cases.size:
        return None
    fitted = isotonic(cases, hits)
    base_rate = hits.sum() / cases.sum()
    score, best, uncertainty = (
        _brier(cases, hits, forecasts) for forecasts in (p, fitted, np.full_like(p, base_rate))
    )
    return Corp(fitted, score - best, uncertainty - best, uncertainty)


def _brier(n: Floats, events: Floats, forecast: Floats) -> float:
    return float((n * forecast**2 - 2 * forecast * events + events).sum() / n.sum())
