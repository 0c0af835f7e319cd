"""Training cases: those of another instrument mapped to the first, and copies with missing inputs.

The second is missingness augmentation: the copies weigh less and teach a model what to do
without some of its inputs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model_training.features import Floats, Inputs, kind
from model_training.fitting.model import Cases
from model_training.recipe.recipe import MissingnessConfig

_SMALLEST_TENTH = 0.1


def map_instrument(
    windows: Inputs, is_target: NDArray[np.bool_], measured: NDArray[np.bool_]
) -> Inputs:
    """Map the other instrument to the mean and deviation of the first, on a signed-log scale.

    Zero and missing stay what they are: a keyword that is 0 says that there is nothing to
    measure, not that there is little of it. Where no case of the first has a value, the others are
    on no known scale and become missing.

    Parameters
    ----------
    windows : (n, steps, f) training cases of both
    is_target : (n,) whether a case is of the first instrument
    measured : (f,) whether a feature comes from the instrument
    """
    if is_target.all():
        return windows
    moved = windows.copy()
    for column in np.flatnonzero(measured):
        values = windows[..., column].astype(float)
        values[values == 0] = np.nan
        target, pooled = values[is_target], values[~is_target]
        mapped = _map(pooled, to=target)
        moved[~is_target, :, column] = np.where(
            np.isnan(pooled), windows[~is_target, :, column], mapped
        )
    return moved


def _map(values: Floats, *, to: Floats) -> Floats:
    """Move values; without any to move them to, all become missing."""
    if np.isnan(to).all() or np.isnan(values).all():
        return np.full(values.shape, np.nan)
    scale = np.nanquantile(np.abs(to), _SMALLEST_TENTH)
    logged, target = np.arcsinh(values / scale), np.arcsinh(to / scale)
    # A constant has no deviation to stretch.
    spread = np.nanstd(target) / (np.nanstd(logged) or 1.0)
    # In double precision: sinh of a float32 logarithm would lose digits of large values.
    mapped: Floats = scale * np.sinh((logged - np.nanmean(logged)) * spread + np.nanmean(target))
    return mapped


def with_missing_inputs(
    windows: Inputs, names: tuple[str, ...], *, config: MissingnessConfig, rng: np.random.Generator
) -> Inputs:
    """Return a copy of (n, steps, f) windows in which keywords, history and the named group miss.

    A keyword is missing alone, in all steps of its window; the history of a case, and the
    group, only as a whole, as they are when the flare list or the source lacks them.
    """
    n, _, n_features = windows.shape
    is_history = np.array([kind(name) == "history" for name in names])
    group = np.isin(names, config.hidden_together)
    missing = (rng.random((n, n_features)) < config.keyword_share) & ~is_history
    missing |= (rng.random((n, 1)) < config.history_share) & is_history
    missing |= (rng.random((n, 1)) < config.together_share) & group
    return np.where(missing[:, None, :], np.float32(np.nan), windows)


def with_missing_copy(
    cases: Cases, names: tuple[str, ...], *, config: MissingnessConfig, seed: int
) -> Cases:
    """Return the training cases and, if it is wanted, their copy."""
    if config.copy_weight == 0:
        return cases
    copy = with_missing_inputs(cases.windows, names, config=config, rng=np.random.default_rng(seed))
    # A case is next to its copy, so that the end of the rows, on which some estimators decide
    # when to stop, holds no copy of a case from before it.
    order = np.arange(2 * len(cases.outcome)).reshape(2, -1).T.ravel()
    return Cases(
        np.concatenate([cases.windows, copy])[order],
        np.concatenate([cases.outcome, cases.outcome])[order],
        np.concatenate([cases.weight, cases.weight * config.copy_weight])[order],
        names,
        None if cases.by_bin is None else np.concatenate([cases.by_bin, cases.by_bin])[order],
        cases.place,
        None if cases.is_added is None else np.concatenate([cases.is_added] * 2)[order],
    )
