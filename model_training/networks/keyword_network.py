"""The network of keywords: the features of one window joined by how they vary together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model_training.features import Floats
from model_training.networks.network import Network

FEWEST_STEPS = 10
# Windows are taken together in parts of this many, to keep the memory small.
_WINDOWS = 1000
# A series that varies by less than this share of its size is constant within rounding.
_CONSTANT = 1e-6
# Fisher's z of a perfect correlation is infinite; one window must not outweigh all others.
_PERFECT = 0.999999


def keyword_network(
    window: NDArray[np.float32], *, threshold: float, fewest_steps: int = FEWEST_STEPS
) -> Network:
    """Join the keywords of one window (steps, f) whose correlation has |r| >= threshold.

    A pair is judged on the steps that both have; a constant or missing series, or one that
    shares fewer than `fewest_steps` with another, stays apart.
    """
    return of_correlations(_correlations(window[None], fewest_steps)[0], threshold=threshold)


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
        r = _correlations(windows[start : start + _WINDOWS], fewest_steps)
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


def _correlations(windows: NDArray[np.float32], fewest_steps: int) -> Floats:
    """Return (n, f, f) correlations on the steps that both series have; NaN where undefined."""
    known = np.isfinite(windows).astype(float)
    scaled = _scaled(windows, known)
    turned, seen = scaled.transpose(0, 2, 1), known.transpose(0, 2, 1)
    shared = seen @ known
    steps = np.maximum(shared, 1)
    # [i, j]: of series i, over the steps where series j is known too.
    total, square = turned @ known, turned**2 @ known
    spread = np.maximum(square - total**2 / steps, 0.0)
    spread[spread <= _CONSTANT * steps] = 0.0
    together = turned @ scaled - total * total.transpose(0, 2, 1) / steps
    size = np.sqrt(spread * spread.transpose(0, 2, 1))
    defined = (size > 0) & (shared >= fewest_steps)
    return np.where(defined, np.clip(together / np.where(defined, size, 1.0), -1, 1), np.nan)


def _scaled(windows: NDArray[np.float32], known: Floats) -> Floats:
    """Give every series the mean 0 and deviation 1, zeros where missing or constant."""
    values = np.where(known > 0, windows, 0.0).astype(float)
    steps = np.maximum(known.sum(axis=1, keepdims=True), 1)
    mean = values.sum(axis=1, keepdims=True) / steps
    centred = (values - mean) * known
    deviation = np.sqrt((centred**2).sum(axis=1, keepdims=True) / steps)
    varies = deviation > _CONSTANT * np.abs(mean)
    return np.where(varies, centred / np.where(varies, deviation, 1.0), 0.0)
