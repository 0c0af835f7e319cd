"""Random walks over a network, biased by where they come from (node2vec)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model_training.features import Floats, Integers
from model_training.networks.network import Network

# Stands for the steps that a walk from an isolated node cannot make.
NO_NODE = -1


@dataclass(frozen=True)
class _Neighbourhood:
    """Neighbours (n, most) of every node with their weights; the rest is `NO_NODE` and 0.

    `pairs` are the sorted keys first * n + second of all joined nodes, both ways round.
    """

    neighbours: Integers
    weights: Floats
    pairs: Integers


def walk(
    network: Network, *, length: int, walks: int, p: float, q: float, rng: np.random.Generator
) -> Integers:
    """Walk from every node `walks` times, in random order, over `length` nodes each.

    A step from v, reached from t, goes to a neighbour x with a chance in proportion to the
    weight of (v, x) times 1/p if x is t, 1 if x is a neighbour of t, and 1/q otherwise
    (Grover & Leskovec 2016, doi:10.1145/2939672.2939754). The first step knows only weights.

    Returns
    -------
    (n * walks, length) nodes; walks from isolated nodes are the node, then `NO_NODE`
    """
    around = _neighbourhood(network)
    rounds = [
        _round(around, rng.permutation(network.n), length=length, p=p, q=q, rng=rng)
        for _ in range(walks)
    ]
    return np.concatenate(rounds)


def _neighbourhood(network: Network) -> _Neighbourhood:
    adjacency = network.adjacency()
    adjacency.sort_indices()
    degrees = np.diff(adjacency.indptr)
    row = np.repeat(np.arange(network.n), degrees)
    place = np.arange(len(row)) - np.repeat(adjacency.indptr[:-1], degrees)
    # Isolated nodes keep one empty place: a table without columns has no largest entry.
    shape = (network.n, max(1, int(degrees.max(initial=0))))
    neighbours, weights = np.full(shape, NO_NODE, np.int64), np.zeros(shape)
    neighbours[row, place], weights[row, place] = adjacency.indices, adjacency.data
    return _Neighbourhood(neighbours, weights, row * network.n + adjacency.indices)


def _round(
    around: _Neighbourhood, starts: Integers, *, length: int, p: float, q: float,
    rng: np.random.Generator,
) -> Integers:  # fmt: skip
    path = np.full((len(starts), length), NO_NODE, np.int64)
    path[:, 0] = starts
    able = around.neighbours[starts, 0] != NO_NODE
    moving = path[able]
    for step in range(1, length):
        here = moving[:, step - 1]
        chances = around.weights[here]
        if step > 1:
            chances = chances * _bias(around, moving[:, step - 2], here, p=p, q=q)
        moving[:, step] = around.neighbours[here, _drawn(chances, rng)]
    path[able] = moving
    return path


def _bias(
    around: _Neighbourhood, before: Integers, here: Integers, *, p: float, q: float
) -> Floats:
    options, n = around.neighbours[here], len(around.neighbours)
    keys = before[:, None] * n + options
    found = np.minimum(np.searchsorted(around.pairs, keys), len(around.pairs) - 1)
    is_near: NDArray[np.bool_] = around.pairs[found] == keys
    return np.where(options == before[:, None], 1 / p, np.where(is_near, 1.0, 1 / q))


def _drawn(chances: Floats, rng: np.random.Generator) -> Integers:
    reached = np.cumsum(chances, axis=1)
    aim = rng.random(len(chances))[:, None] * reached[:, -1:]
    drawn: Integers = np.argmax(reached > aim, axis=1)
    return drawn
