"""Thinning: fewer training rows where the cost of a fit grows with their square."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model_training.features import Floats


def fewer_rows(outcome: Floats, *, most_rows: int, seed: int) -> NDArray[np.intp]:
    """Choose at most so many rows, at most half of them events unless other rows are too few."""
    events, quiet = np.flatnonzero(outcome == 1), np.flatnonzero(outcome == 0)
    n_events = min(len(events), max(most_rows // 2, most_rows - len(quiet)))
    n_quiet = min(len(quiet), most_rows - n_events)
    rng = np.random.default_rng(seed)
    parts = [
        rng.choice(places, count, replace=False)
        for places, count in ((events, n_events), (quiet, n_quiet))
    ]
    return np.sort(np.concatenate(parts))


def stands_for(outcome: Floats, kept: NDArray[np.intp]) -> Floats:
    """Return for each kept row how many rows of its class it stands for."""
    numbers = np.empty(len(kept))
    for value in (0, 1):
        of_class = outcome[kept] == value
        numbers[of_class] = np.sum(outcome == value) / np.sum(of_class)
    return numbers
