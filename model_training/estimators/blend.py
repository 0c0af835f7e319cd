"""A blend: the weighted mean of the probabilities of several models of one event."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model_training.features import Floats
from model_training.graph import Graph


def weighted_mean(columns: Sequence[Floats], weights: Sequence[float]) -> Floats:
    """Return the mean (n,) of columns (n,); weights need not sum to 1."""
    mean: Floats = np.average(np.stack(columns), axis=0, weights=weights)
    return mean


def draw_weighted_mean(graph: Graph, columns: Sequence[str], weights: Sequence[float]) -> str:
    """Draw the same mean of (rows, 1) tensors."""
    share = np.asarray(weights, float)[:, None] / sum(weights)
    return graph.node("MatMul", graph.node("Concat", *columns, axis=1), graph.constant(share))
