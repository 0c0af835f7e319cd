"""Histograms of a feature: how often its values lie in equal parts of their range."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model_training.features import Floats, Integers

_BINS = 24


@dataclass(frozen=True)
class Histogram:
    """Counts of values in equal parts of their range, and in equal parts of its logarithm.

    `log` is None where a value is not positive, or the greatest less than ten times the least;
    `is_skewed` tells that it shows more.
    """

    linear: tuple[int, ...]
    log: tuple[int, ...] | None
    is_skewed: bool


def bins_of(
    values: Floats, n: int, low: float | None = None, high: float | None = None
) -> Integers:
    """Tell in which of n equal parts of a range, or of their own, values lie."""
    low = float(values.min()) if low is None else low
    width = (float(values.max()) if high is None else high) - low
    return np.minimum((values - low) / (width or 1.0) * n, n - 1).astype(np.int64)


def histogram(known: Floats, drawn: Floats) -> Histogram | None:
    """Count drawn values in parts of the range of all that are known, which are finite."""
    drawn = drawn[np.isfinite(drawn)]
    if not drawn.size:
        return None
    linear, log = _counts(drawn, known.min(), known.max()), None
    if known.min() > 0 and known.max() >= 10 * known.min():
        log = _counts(np.log10(drawn), np.log10(known.min()), np.log10(known.max()))
    return Histogram(linear, log, log is not None and 2 * sum(linear[: _BINS // 8]) > drawn.size)


def _counts(values: Floats, low: float, high: float) -> tuple[int, ...]:
    bins = bins_of(values, _BINS, float(low), float(high))
    return tuple(np.bincount(bins, minlength=_BINS).tolist())
