"""Pooling: training cases of another instrument, moved onto the scale of the first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model_training.estimators.estimator import Inputs
from model_training.features import Floats


def on_the_own_scale(
    windows: Inputs, is_own: NDArray[np.bool_], measured: NDArray[np.bool_]
) -> Inputs:
    """Give pooled cases the mean and the deviation of the own ones, on a signed-log scale.

    Zero and missing stay what they are: a keyword that is 0 says that there is nothing to
    measure, not that there is little of it.

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
        scale = np.nanquantile(np.abs(own), 0.1)
        there = _moved(np.arcsinh(pooled / scale), to=np.arcsinh(own / scale))
        # In double precision: sinh of a float32 logarithm would lose digits of large values.
        found = np.where(np.isnan(pooled), windows[~is_own, :, column], scale * np.sinh(there))
        moved[~is_own, :, column] = found
    return moved


def _moved(logged: Floats, *, to: Floats) -> Floats:
    spread = np.nanstd(to) / np.nanstd(logged)
    found: Floats = (logged - np.nanmean(logged)) * spread + np.nanmean(to)
    return found
