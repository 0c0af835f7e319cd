"""The place of a sample in an embedded network, whether or not it is part of the network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto
from scipy.sparse import csr_array

from model_training.features import Floats, Integers
from model_training.graph import Graph
from model_training.networks.sample_network import CONSTANT, blocks, strongest, unit_rows

# Correlations are compared on this grid (2^30 is exact in float32). Two runtimes differ in the
# last digits of a sum; on the grid what is equal stays equal, and equals go by their place.
_GRID = float(2**30)
NOT_IN_NETWORK = -1


@dataclass(frozen=True)
class Anchors:
    """The samples of a network as points that place others.

    Parameters
    ----------
    rows : (a, d) centred samples of length 1
    embedding : (a, k) where each lies
    threshold : smallest correlation that counts
    max_neighbours : most anchors that place a sample
    """

    rows: NDArray[np.float32]
    embedding: NDArray[np.float32]
    threshold: float
    max_neighbours: int

    @property
    def limit(self) -> float:
        """The smallest correlation that counts, never 0, as float32 holds it."""
        return float(np.float32(max(self.threshold, 1 / _GRID)))


def place(anchors: Anchors, rows: NDArray[np.float32], own: Integers | None = None) -> Floats:
    """Return (n, k + 1): the mean embedding of the nearest anchors, and 1 if there is none.

    The mean is weighted by the correlations; a sample without an anchor lies at zero.

    Parameters
    ----------
    rows : (n, d) standardised samples
    own : (n,) anchor that the sample itself is and that must not place it, or `NOT_IN_NETWORK`
    """
    own = np.full(len(rows), NOT_IN_NETWORK) if own is None else own
    parts = [
        _placed(anchors, rows[block], own[block]) for block in blocks(len(rows), len(anchors.rows))
    ]
    return np.concatenate([np.empty((0, anchors.embedding.shape[1] + 1)), *parts])


def _placed(anchors: Anchors, rows: NDArray[np.float32], own: Integers) -> Floats:
    strength = np.round(unit_rows(rows) @ anchors.rows.astype(float).T * _GRID) / _GRID
    within = np.flatnonzero(own != NOT_IN_NETWORK)
    strength[within, own[within]] = -1.0
    row, column, value = strongest(strength, anchors.limit, anchors.max_neighbours)
    weights = csr_array((value, (row, column)), shape=strength.shape)
    total = np.asarray(weights.sum(axis=1)).reshape(-1, 1)
    mean = weights @ anchors.embedding.astype(float) / np.where(total > 0, total, 1.0)
    return np.concatenate([mean, (total == 0).astype(float)], axis=1)


def draw_placement(graph: Graph, rows: str, anchors: Anchors) -> str:
    """Draw `place` on a tensor (rows, d) of standardised samples; the result is double.

    The correlations are double for the reason that `_GRID` gives.
    """
    unit = _draw_unit(graph, graph.node("Cast", rows, to=TensorProto.DOUBLE))
    grid = graph.double(_GRID)
    product = graph.node("MatMul", unit, graph.double(anchors.rows.T))
    strength = graph.node("Div", graph.node("Round", graph.node("Mul", product, grid)), grid)
    most = min(anchors.max_neighbours, len(anchors.rows))
    value, column = graph.nodes("TopK", strength, graph.constant([most]), outputs=2, axis=1)
    reaches = graph.node("GreaterOrEqual", value, graph.double(anchors.limit))
    zero = graph.double(0.0)
    return _draw_mean(graph, graph.node("Where", reaches, value, zero), column, anchors)


def _draw_unit(graph: Graph, exact: str) -> str:
    mean = graph.node("ReduceMean", exact, axes=[1], keepdims=1)
    centred = graph.node("Sub", exact, mean)
    length, size = (graph.node("ReduceL2", it, axes=[1], keepdims=1) for it in (centred, exact))
    least = graph.node("Mul", graph.double(CONSTANT), size)
    varies = graph.node("Greater", length, least)
    divisor = graph.node("Where", varies, length, graph.double(1.0))
    return graph.node("Where", varies, graph.node("Div", centred, divisor), graph.double(0.0))


def _draw_mean(graph: Graph, weights: str, column: str, anchors: Anchors) -> str:
    one, zero = graph.double(1.0), graph.double(0.0)
    total = graph.node("ReduceSum", weights, graph.constant([1]), keepdims=1)
    is_placed = graph.node("Greater", total, zero)
    shares = graph.node("Div", weights, graph.node("Where", is_placed, total, one))
    near = graph.node("Gather", graph.double(anchors.embedding), column, axis=0)
    middle = graph.node("Unsqueeze", shares, graph.constant([1]))
    mean = graph.node("Squeeze", graph.node("MatMul", middle, near), graph.constant([1]))
    alone = graph.node("Where", is_placed, zero, one)
    return graph.node("Concat", mean, alone, axis=1)
