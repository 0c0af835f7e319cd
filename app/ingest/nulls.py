"""Nulls: numbers on their way to SQL and JSON, where NaN does not exist."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def nullable(values: NDArray[np.float64]) -> list[Any]:
    """Return (nested) lists of floats with None in the place of NaN."""
    missing = np.isnan(values)
    objects = values.astype(object)
    objects[missing] = None
    lists: list[Any] = objects.tolist()
    return lists
