"""Thresholds: the probability from which a forecast counts as yes, chosen on validation rows."""

from __future__ import annotations

import numpy as np

from model_training.features import Floats
from solar.bins import EDGES
from solar.contingency import Contingency


def choose(probability: Floats, outcome: Floats, *, score: str) -> float:
    """Find the bin edge of the verification histogram with the best contingency score.

    Where neighbouring edges tell the rows apart alike, the middle one is taken.
    """
    edges = EDGES[:-1]
    tables = (Contingency.from_forecasts(outcome == 1, probability >= edge) for edge in edges)
    values = np.array([table.scores()[score] for table in tables], float)
    best = np.nan_to_num(values, nan=-np.inf)
    first = int(np.argmax(best))
    after = np.flatnonzero(best[first:] != best[first])
    length = int(after[0]) if after.size else len(edges) - first
    return float(edges[first + (length - 1) // 2])
