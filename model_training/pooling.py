"""Pooling: training cases of another instrument, moved onto the scale of the first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model_training.estimators.estimator import Inputs
from model_training.features import Floats

_SMALLEST_TENTH = 0.1


def on_the_own_scale(
    windows: Inputs, is_own: NDArray[np.bool_], measured: NDArray[np.bool_]
) -> Inputs:
    """Give pooled cases the mean and the deviation of the own ones, on a signed-log scale.

    Zero and missing stay what they are: a keyword that is 0 says that there is nothing to
    measure, not that there is little of it. Where no own case has a value, the pooled ones are
    on no known scale and become missing.

    Parameters
    ----------
    windows : (n, steps, f) training cases of both
    is_own : (n,) whether a case is of the first instrument
    measured : (f,) whether a feature comes from the instrument
    """
    if is_own.all():
        return windows
    moved = windows.copy()
    for column in np.flatnonzero(measured):
        values = windows[..., column].astype(float)
        values[values == 0] = np.nan
        own, pooled = values[is_own], values[~is_own]
        there = _moved(pooled, to=own)
        moved[~is_own, :, column] = np.where(np.isnan(pooled), windows[~is_own, :, column], there)
    return moved


def _moved(values: Floats, *, to: Floats) -> Floats:
    """Move values; without any to move them to, all become missing."""
    if np.isnan(to).all() or np.isnan(values).all():
        return np.full(values.shape, np.nan)
    scale = np.nanquantile(np.abs(to), _SMALLEST_TENTH)
    logged, goal = np.arcsinh(values / scale), np.arcsinh(to / scale)
    # A constant has no deviation to stretch.
    spread = np.nanstd(goal) / (np.nanstd(logged) or 1.0)
    # In double precision: sinh of a float32 logarithm would lose digits of large values.
    found: Floats = scale * np.sinh((logged - np.nanmean(logged)) * spread + np.nanmean(goal))
    return found
