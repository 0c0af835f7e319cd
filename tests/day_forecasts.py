"""Forecasts of many days, calibrated, whose level wanders."""

from __future__ import annotations

import numpy as np


def arrays(pairs):
    return tuple(np.array(column, float) for column in zip(*pairs, strict=True))


def forecasts(n_days, *, per_day=20, seed=0):
    """Calibrated forecasts whose level wanders, as solar activity does."""
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(n_days), per_day)
    p = np.clip(rng.beta(0.5, 5, day.size) * (1 + np.sin(day / 40)), 0, 1)
    return p, (rng.random(day.size) < p).astype(float), day
