"""The network of samples: windows joined to those that they correlate with most.

A sample has a place in an embedded network whether or not it is part of it: at the weighted
mean of its neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto
from scipy.sparse import csr_array

from model_training.artefact.graph import Graph
from model_training.features import Floats, Integers
from model_training.fitting.networks.network import Network
from model_training.fitting.preparation.step import known_values
from solar.errors import InvalidInputError

# Correlation of fewer values than this is 1 or -1 whatever they are.
FEWEST_VALUES = 3
# Correlations of one block of rows with all others take this much memory.
_BLOCK_BYTES = 64 << 20
# A row that varies by less than this share of its size is constant within the rounding of float32.
CONSTANT = 1e-5

Sign = Literal["positive", "any"]
# Correlations are compared on this grid (2^30 is exact in float32). Two runtimes differ in the
# last digits of a sum; on the grid what is equal stays equal, and equals go by their place.
_GRID = float(2**30)
NOT_IN_NETWORK = -1


@dataclass(frozen=True)
class Standardiser:
    """Mean and standard deviation (f,) of every attribute, so that none outweighs the others."""

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]

    def rows(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Flatten (n, ..., f) windows into standardised rows; missing values take the mean."""
        scaled = ((windows - self.mean) / self.deviation).reshape(len(windows), -1)
        return np.where(np.isnan(scaled), np.float32(0), scaled)


def fit_standardiser(windows: NDArray[np.float32]) -> Standardiser:
    """Measure every attribute over all samples and steps; a constant one keeps its size."""
    columns = known_values(windows.reshape(len(windows), -1, windows.shape[-1]))
    mean, deviation = np.array([_mean_and_deviation(column) for column in columns]).T
    return Standardiser(mean.astype(np.float32), deviation.astype(np.float32))


def _mean_and_deviation(column: Floats) -> tuple[float, float]:
    if not column.size:
        return 0.0, 1.0
    mean, deviation = float(column.mean()), float(column.std())
    return mean, deviation if deviation > CONSTANT * abs(mean) else 1.0


def unit_rows(rows: NDArray[np.float32]) -> Floats:
    """Centre (n, d) rows and give them the length 1: their products are correlations.

    A constant row becomes zeros, which correlate with nothing.
    """
    exact = np.asarray(rows, float)
    centred = exact - exact.mean(axis=1, keepdims=True)
    length = np.sqrt((centred**2).sum(axis=1, keepdims=True))
    varies = length > CONSTANT * np.sqrt((exact**2).sum(axis=1, keepdims=True))
    return np.where(varies, centred / np.where(varies, length, 1.0), 0.0)


def sample_network(
    rows: NDArray[np.float32], *, threshold: float, max_neighbours: int, sign: Sign = "positive"
) -> Network:
    """Join the samples that correlate most; no sample gets more than `max_neighbours` edges.

    Every sample proposes its `max_neighbours` most correlated others; of the proposed pairs the
    strongest come first (ties by place), and a pair is joined while both have room.

    Parameters
    ----------
    rows : (n, d) standardised values of each sample, none missing; constant rows stay isolated
    threshold : smallest correlation that joins
    sign : ``positive`` joins samples that vary alike, ``any`` also those that mirror each other

    Raises
    ------
    InvalidInputError
        when rows have missing or infinite values, or fewer than three values
    """
    pairs, correlations = proposed_pairs(
        rows, threshold=threshold, max_neighbours=max_neighbours, sign=sign
    )
    order = np.lexsort((pairs[:, 1], pairs[:, 0], -np.abs(correlations)))
    accepted = np.sort(order[_with_room(pairs[order], len(rows), max_neighbours)])
    return Network(len(rows), pairs[accepted], correlations[accepted])


def proposed_pairs(
    rows: NDArray[np.float32], *, threshold: float, max_neighbours: int, sign: Sign = "positive"
) -> tuple[Integers, Floats]:
    """Return the pairs (e, 2) that samples propose, and their correlations; see `sample_network`.

    They hold the pairs of every higher threshold and every smaller number of neighbours.
    """
    check_rows(rows)
    unit = unit_rows(rows).astype(np.float32)
    pairs = _candidate_pairs(unit, threshold, max_neighbours, sign)
    return pairs, _correlations(unit, pairs)


def check_rows(rows: NDArray[np.float32]) -> None:
    """Refuse rows whose correlations are meaningless."""
    if rows.shape[1] < FEWEST_VALUES:
        raise InvalidInputError(
            f"samples of {rows.shape[1]} values have no meaningful correlation; "
            f"give at least {FEWEST_VALUES} features or a longer window"
        )
    bad = int((~np.isfinite(rows)).any(axis=1).sum())
    if bad:
        raise InvalidInputError(
            f"{bad} of {len(rows)} samples have missing or infinite values; fill or drop them first"
        )


def blocks(n: int, width: int) -> Iterator[slice]:
    """Cut n rows into blocks whose (rows, width) numbers fit the memory set aside for them."""
    rows = max(1, _BLOCK_BYTES // (8 * max(1, width)))
    return (slice(start, min(start + rows, n)) for start in range(0, n, rows))


def _candidate_pairs(
    unit: NDArray[np.float32], threshold: float, most: int, sign: Sign
) -> Integers:
    n = len(unit)
    candidates = [_candidates_of(unit, block, threshold, most, sign) for block in blocks(n, n)]
    keys = np.unique(np.concatenate([np.empty(0, np.int64), *candidates]))
    return np.stack([keys // n, keys % n], axis=1)


def _candidates_of(
    unit: NDArray[np.float32], block: slice, threshold: float, most: int, sign: Sign
) -> Integers:
    n = len(unit)
    strength = unit[block] @ unit.T
    if sign == "any":
        np.abs(strength, out=strength)
    columns = np.arange(block.start, block.stop)
    strength[columns - block.start, columns] = -1.0
    row, column, _ = strongest(strength, threshold, most)
    row = row + block.start
    keys: Integers = np.minimum(row, column) * n + np.maximum(row, column)
    return keys


def strongest(
    strength: NDArray[np.floating], threshold: float, most: int
) -> tuple[Integers, Integers, NDArray[np.floating]]:
    """Find the `most` largest of every row that reach the threshold and are above 0.

    Of equal ones at the end of the list those with the smaller place are taken.
    """
    last = max(0, strength.shape[1] - most)
    limit = np.partition(strength, last, axis=1)[:, last : last + 1]
    row, column = np.nonzero((strength >= np.maximum(limit, threshold)) & (strength > 0))
    value = strength[row, column]
    order = np.lexsort((column, -value, row))
    row, column, value = row[order], column[order], value[order]
    rank = np.arange(len(row)) - np.searchsorted(row, row)
    kept = rank < most
    return row[kept], column[kept], value[kept]


def _correlations(unit: NDArray[np.float32], pairs: Integers) -> Floats:
    # Sums of the same products in the same order: a pair weighs the same whichever end proposed it.
    parts = [
        np.einsum("ed,ed->e", unit[first], unit[second], dtype=float)
        for first, second in (pairs[block].T for block in blocks(len(pairs), unit.shape[1]))
    ]
    return np.concatenate([np.empty(0), *parts]).clip(-1.0, 1.0)


def _with_room(pairs: Integers, n: int, most: int) -> Integers:
    room = [most] * n
    accepted = []
    for place, (first, second) in enumerate(pairs.tolist()):
        if room[first] and room[second]:
            room[first] -= 1
            room[second] -= 1
            accepted.append(place)
    return np.array(accepted, np.int64)


@dataclass(frozen=True)
class Anchors:
    """The samples of a network as points that place others.

    Parameters
    ----------
    rows : (a, d) centred samples of length 1
    embedding : (a, k) coordinates of each
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


def place(anchors: Anchors, rows: NDArray[np.float32], nodes: Integers | None = None) -> Floats:
    """Return (n, k + 1): the mean embedding of the nearest anchors, and 1 if there is none.

    The mean is weighted by the correlations; a sample without an anchor is at zero.

    Parameters
    ----------
    rows : (n, d) standardised samples
    nodes : (n,) anchor that the sample itself is and that must not place it, or `NOT_IN_NETWORK`
    """
    nodes = np.full(len(rows), NOT_IN_NETWORK) if nodes is None else nodes
    parts = [
        _placed(anchors, rows[block], nodes[block])
        for block in blocks(len(rows), len(anchors.rows))
    ]
    return np.concatenate([np.empty((0, anchors.embedding.shape[1] + 1)), *parts])


def _placed(anchors: Anchors, rows: NDArray[np.float32], nodes: Integers) -> Floats:
    strength = np.round(unit_rows(rows) @ anchors.rows.astype(float).T * _GRID) / _GRID
    within = np.flatnonzero(nodes != NOT_IN_NETWORK)
    strength[within, nodes[within]] = -1.0
    row, column, value = strongest(strength, anchors.limit, anchors.max_neighbours)
    weights = csr_array((value, (row, column)), shape=strength.shape)
    total = np.asarray(weights.sum(axis=1)).reshape(-1, 1)
    mean = weights @ anchors.embedding.astype(float) / np.where(total > 0, total, 1.0)
    return np.concatenate([mean, (total == 0).astype(float)], axis=1)


def placement_to_onnx(graph: Graph, rows: str, anchors: Anchors) -> str:
    """Add `place` of a tensor (rows, d) of standardised samples to the graph; the result is double.

    The correlations are double for the reason that `_GRID` gives.
    """
    unit = _unit_to_onnx(graph, graph.node("Cast", rows, to=TensorProto.DOUBLE))
    grid = graph.double(_GRID)
    product = graph.node("MatMul", unit, graph.double(anchors.rows.T))
    strength = graph.node("Div", graph.node("Round", graph.node("Mul", product, grid)), grid)
    most = min(anchors.max_neighbours, len(anchors.rows))
    value, column = graph.nodes("TopK", strength, graph.constant([most]), outputs=2, axis=1)
    reaches = graph.node("GreaterOrEqual", value, graph.double(anchors.limit))
    zero = graph.double(0.0)
    return _mean_to_onnx(graph, graph.node("Where", reaches, value, zero), column, anchors)


def _unit_to_onnx(graph: Graph, exact: str) -> str:
    mean = graph.node("ReduceMean", exact, axes=[1], keepdims=1)
    centred = graph.node("Sub", exact, mean)
    length, size = (graph.node("ReduceL2", it, axes=[1], keepdims=1) for it in (centred, exact))
    least = graph.node("Mul", graph.double(CONSTANT), size)
    varies = graph.node("Greater", length, least)
    divisor = graph.node("Where", varies, length, graph.double(1.0))
    return graph.node("Where", varies, graph.node("Div", centred, divisor), graph.double(0.0))


def _mean_to_onnx(graph: Graph, weights: str, column: str, anchors: Anchors) -> str:
    one, zero = graph.double(1.0), graph.double(0.0)
    total = graph.node("ReduceSum", weights, graph.constant([1]), keepdims=1)
    is_placed = graph.node("Greater", total, zero)
    shares = graph.node("Div", weights, graph.node("Where", is_placed, total, one))
    near = graph.node("Gather", graph.double(anchors.embedding), column, axis=0)
    middle = graph.node("Unsqueeze", shares, graph.constant([1]))
    mean = graph.node("Squeeze", graph.node("MatMul", middle, near), graph.constant([1]))
    alone = graph.node("Where", is_placed, zero, one)
    return graph.node("Concat", mean, alone, axis=1)
