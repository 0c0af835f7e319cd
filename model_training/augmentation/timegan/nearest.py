"""Nearest copies: how close synthetic windows come to the windows they were learned from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.neighbors import NearestNeighbors

from model_training.estimators.estimator import Inputs
from model_training.features import Floats

# Of real windows that were never learned from, one in a hundred is this close by chance.
_CLOSE = 0.01


@dataclass(frozen=True)
class Nearness:
    """Distances to the nearest training window, as root mean square of the differences.

    `share_of_copies` is the share of synthetic windows that are nearer than all but 1 % of
    the real held-out ones: about 0.01 when nothing was copied, 1 when everything was.
    """

    share_of_copies: float
    median: float
    median_of_real: float


def nearness(synthetic: Inputs, *, training: Inputs, held_out: Inputs) -> Nearness | None:
    """Compare (n, steps, features) windows of each kind; None when there is none of one kind.

    `held_out` must be of other regions than `training`: windows of one region overlap.
    """
    if not (len(synthetic) and len(training) and len(held_out)):
        return None
    made, real = (_distances(windows, training) for windows in (synthetic, held_out))
    return Nearness(
        share_of_copies=float(np.mean(made <= np.quantile(real, _CLOSE))),
        median=float(np.median(made)),
        median_of_real=float(np.median(real)),
    )


def _distances(windows: Inputs, training: Inputs) -> Floats:
    # The brute search works by blocks, so that no matrix of all pairs is ever held.
    search = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(_flat(training))
    distance, _ = search.kneighbors(_flat(windows))
    root_mean_square: Floats = distance[:, 0] / np.sqrt(training[0].size)
    return root_mean_square


def _flat(windows: Inputs) -> Floats:
    return windows.reshape(len(windows), -1).astype(float)
