"""The network of keywords: the features of one window joined by how they vary together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model_training.features import Floats
from model_training.networks.network import Network
from solar.network import correlations

FEWEST_STEPS = 10
# Windows are taken together in parts of this many, to keep the memory small.
_WINDOWS = 1000
# Fisher's z of a perfect correlation is infinite; one window must not outweigh all others.
_PERFECT = 0.999999


def keyword_network(
    window: NDArray[np.float32], *, threshold: float, fewest_steps: int = FEWEST_STEPS
) -> Network:
    """Join the keywords of one window (steps, f) whose correlation has |r| >= threshold.

    A pair is judged on the steps that both have; a constant or missing series, or one that
    shares fewer than `fewest_steps` with another, stays apart.
    """
    return of_correlations(correlations(window[None], fewest=fewest_steps)[0], threshold=threshold)


def mean_keyword_network(
    windows: NDArray[np.float32], *, threshold: float, fewest_steps: int = FEWEST_STEPS
) -> Network:
    """Join the keywords by their mean correlation over windows (n, steps, f).

    The mean is that of Fisher's z over the windows where the pair has a correlation.
    """
    mean = mean_correlations(windows, fewest_steps=fewest_steps)
    return of_correlations(mean, threshold=threshold)


def mean_correlations(windows: NDArray[np.float32], *, fewest_steps: int = FEWEST_STEPS) -> Floats:
    """Return the (f, f) mean correlations, NaN for a pair that no window tells of."""
    features = windows.shape[-1]
    total, count = np.zeros((features, features)), np.zeros((features, features))
    for start in range(0, len(windows), _WINDOWS):
        r = correlations(windows[start : start + _WINDOWS], fewest=fewest_steps)
        total += np.nansum(np.arctanh(np.clip(r, -_PERFECT, _PERFECT)), axis=0)
        count += np.isfinite(r).sum(axis=0)
    return np.where(count > 0, np.tanh(total / np.maximum(count, 1)), np.nan)


def of_correlations(correlations: Floats, *, threshold: float) -> Network:
    """Join the pairs of a symmetric (f, f) matrix that reach the threshold; NaN joins nothing."""
    first, second = np.triu_indices(len(correlations), 1)
    r = np.nan_to_num(correlations[first, second], nan=0.0)
    kept = (np.abs(r) >= threshold) & (r != 0)
    edges = np.stack([first[kept], second[kept]], axis=1).astype(np.int64)
    return Network(len(correlations), edges, r[kept])
