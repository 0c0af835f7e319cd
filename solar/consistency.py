"""Consistency: no rarer event, and no shorter window, is more likely than what contains it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from solar.flares import Event

Floats = NDArray[np.float64]


def consistent(probability: Floats, targets: Sequence[Event]) -> Floats:
    """Lower the probabilities (n, targets) of rarer events to those of the more frequent."""
    lowered = probability.copy()
    for window in {target.window.name for target in targets}:
        columns = [at for at, target in enumerate(targets) if target.window.name == window]
        lowered[:, columns] = np.minimum.accumulate(probability[:, columns], axis=1)
    return lowered
