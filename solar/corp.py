"""Reliability without a choice of levels: the isotonic fit to binned forecasts, and its terms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


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
    shares = [hits / cases for cases, hits, _ in pools]
    return np.repeat(np.asarray(shares, float), [bins for *_, bins in pools])


def corp(n: ArrayLike, events: ArrayLike, *, forecast: ArrayLike) -> Corp | None:
    """Split the Brier score of (k,) bins, each standing for its mean `forecast`; None if empty."""
    cases, hits, p = (np.asarray(part, float) for part in (n, events, forecast))
    if not cases.size:
        return None
    fitted = isotonic(cases, hits)
    base_rate = hits.sum() / cases.sum()
    own, best, flat = (
        _brier(cases, hits, said) for said in (p, fitted, np.full_like(p, base_rate))
    )
    return Corp(fitted, own - best, flat - best, flat)


def _brier(n: Floats, events: Floats, forecast: Floats) -> float:
    return float((n * forecast**2 - 2 * forecast * events + events).sum() / n.sum())
