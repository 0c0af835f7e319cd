"""Scores of single probability forecasts, and the product of the regions of the disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Murphy:
    """The Brier score in three terms: brier = reliability - resolution + uncertainty.

    Reference: Murphy 1973, doi 10.1175/1520-0450(1973)012<0595:ANVPOT>2.0.CO;2.
    """

    reliability: float
    resolution: float
    uncertainty: float

    @property
    def brier(self) -> float:
        """The sum of the terms."""
        return self.reliability - self.resolution + self.uncertainty


def murphy_terms(n: Floats, events: Floats, *, forecast: Floats) -> Murphy:
    """Compute Murphy's terms from (k,) counts, events and forecast values; n must be > 0."""
    total, base_rate, frequency = n.sum(), events.sum() / n.sum(), events / n
    return Murphy(
        reliability=float((n * (forecast - frequency) ** 2).sum() / total),
        resolution=float((n * (frequency - base_rate) ** 2).sum() / total),
        uncertainty=float(base_rate * (1 - base_rate)),
    )


def brier(probability: ArrayLike, observed: ArrayLike) -> float | None:
    """Mean squared error of the probability, mean((p - o)^2).

    Range 0 to 1, perfect 0; None without cases. Synonym: half of Brier's own score of 1950.
    """
    p, o = np.asarray(probability, float), np.asarray(observed, float)
    return float(np.mean((p - o) ** 2)) if p.size else None


def brier_skill(
    probability: ArrayLike, observed: ArrayLike, *, reference: ArrayLike
) -> float | None:
    """Brier skill score 1 - brier/brier(reference), against a reference that must be named.

    Parameters
    ----------
    reference : (n,) or () float
        The other forecaster's probabilities on the same cases, or one number such as the base
        rate of the scored cases (sample climatology).

    Range to 1, no skill 0, perfect 1, no lower end; None without cases or when the reference
    is perfect.
    """
    o = np.asarray(observed, float)
    score = brier(probability, o)
    reference_score = brier(np.broadcast_to(np.asarray(reference, float), o.shape), o)
    return None if score is None or not reference_score else 1 - score / reference_score


def full_disk(probability: ArrayLike) -> float:
    """Chance of an event anywhere, from the (regions,) chances taken as independent.

    1 - prod(1 - p); 0 without regions; NaN when a region has NaN.
    """
    return float(1 - np.prod(1 - np.asarray(probability, float)))


def exceedance(exact: Sequence[float | None]) -> list[float | None]:
    """Chance of a flare of at least each class, from those of a flare of exactly each class.

    1 - prod(1 - p) over the class and all above it, with the classes taken as independent; None
    where one of them is None.

    Parameters
    ----------
    exact : by class, from the lowest to the highest
    """
    quiet: float | None = 1.0
    of_at_least: list[float | None] = []
    for p in reversed(exact):
        quiet = None if p is None or quiet is None else quiet * (1 - p)
        of_at_least.append(None if quiet is None else 1 - quiet)
    return of_at_least[::-1]
