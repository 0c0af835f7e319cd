"""Thresholds: the probability from which a forecast counts as yes, chosen on validation rows."""

from __future__ import annotations

import numpy as np

from model_training.features import Floats
from solar.contingency import Contingency
from solar.histogram import EDGES

_RANKS = np.linspace(0, 1, 1001)


def choose(probability: Floats, outcome: Floats, *, score: str, span: float = 0.0) -> float:
    """Find the bin edge of the verification histogram with the best contingency score.

    Where neighbouring edges tell the rows apart alike, the middle one is taken. With a `span`
    the score of an edge is its mean over the edges that call this share of the rows more or
    less a yes, so that a lucky peak among few events is passed over.
    """
    edges = EDGES[:-1]
    tables = (Contingency.from_forecasts(outcome == 1, probability >= edge) for edge in edges)
    values = np.array([table.scores()[score] for table in tables], float)
    if span:
        values = _smoothed(values, np.array([np.mean(probability >= edge) for edge in edges]), span)
    best = np.nan_to_num(values, nan=-np.inf)
    first = int(np.argmax(best))
    after = np.flatnonzero(best[first:] != best[first])
    length = int(after[0]) if after.size else len(edges) - first
    return float(edges[first + (length - 1) // 2])


def _smoothed(values: Floats, share: Floats, span: float) -> Floats:
    """Average scores (edges,) over edges whose `share` of yes is within the span."""
    known = ~np.isnan(values)
    # The share falls from edge to edge, and interpolation wants it to rise.
    curve = np.interp(_RANKS, share[known][::-1], values[known][::-1])
    reach = max(1, round(span * (len(_RANKS) - 1)))
    padded = np.pad(curve, reach, mode="edge")
    means = np.convolve(padded, np.full(2 * reach + 1, 1 / (2 * reach + 1)), "valid")
    smooth: Floats = np.interp(share, _RANKS, means)
    return smooth
