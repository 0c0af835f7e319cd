"""The statistics of a network: how dense it is, how it falls apart, and who joins whom."""

from __future__ import annotations

import numpy as np
from scipy.sparse.csgraph import connected_components

from model_training.features import Floats, Integers
from model_training.networks.network import Network

Figures = dict[str, object]


def describe(network: Network, *, labels: Floats | None = None) -> Figures:
    """Count what a network is made of; what is undefined is None.

    Parameters
    ----------
    labels : (n,) class of each node, NaN unknown; without them nothing is said of homophily
    """
    edges, possible = len(network.edges), network.n * (network.n - 1) // 2
    return {
        "nodes": network.n,
        "edges": edges,
        "negative_edges": int((network.correlations < 0).sum()),
        "density": edges / possible if possible else None,
        "mean_weight": float(network.weights.mean()) if edges else None,
        "components": _components(network),
        "degree": _degree(network.degrees),
        "homophily": None if labels is None else _homophily(network, labels),
    }


def _components(network: Network) -> Figures:
    number, of_node = connected_components(network.adjacency(), directed=False)
    sizes = np.sort(np.bincount(of_node, minlength=number))[::-1] if network.n else np.empty(0)
    return {
        "number": int(number),
        "largest": int(sizes[0]) if len(sizes) else None,
        "isolated": int((network.degrees == 0).sum()),
        "sizes": _histogram(sizes.astype(np.int64)),
    }


def _degree(degrees: Integers) -> Figures:
    known = len(degrees) > 0
    return {
        "min": int(degrees.min()) if known else None,
        "mean": float(degrees.mean()) if known else None,
        "max": int(degrees.max()) if known else None,
        "histogram": _histogram(degrees),
    }


def _histogram(values: Integers) -> list[Figures]:
    found, counts = np.unique(values, return_counts=True)
    return [
        {"value": int(value), "nodes": int(count)}
        for value, count in zip(found, counts, strict=True)
    ]


def _homophily(network: Network, labels: Floats) -> Figures:
    """Tell how often an edge joins equal labels, and how often chance would.

    `by_chance` is the share of equal labels among all pairs of labelled nodes. Assortativity
    (Newman 2003, doi:10.1103/PhysRevE.67.026126) weighs nodes by their edges: 1 when only
    equals are joined, 0 as by chance.
    """
    known = np.isfinite(labels)
    classes, of_node = np.unique(labels[known], return_inverse=True)
    place = np.full(network.n, -1, np.int64)
    place[known] = of_node
    mixing = _mixing(place[network.edges], len(classes))
    counts = np.bincount(of_node, minlength=len(classes))
    labelled, edges = int(counts.sum()), mixing.sum()
    pairs = labelled * (labelled - 1)
    return {
        "labels": {_name(label): int(count) for label, count in zip(classes, counts, strict=True)},
        "edges_of_labelled": int(edges / 2),
        "equal": float(mixing.trace() / edges) if edges else None,
        "by_chance": float((counts * (counts - 1)).sum() / pairs) if pairs else None,
        "assortativity": _assortativity(mixing),
    }


def _name(label: float) -> str:
    return f"{label:g}"


def _mixing(ends: Integers, classes: int) -> Floats:
    ends = ends[(ends >= 0).all(axis=1)]
    both = np.concatenate([ends, ends[:, ::-1]])
    cells = np.bincount(both[:, 0] * classes + both[:, 1], minlength=classes**2)
    return cells.reshape(classes, classes).astype(float)


def _assortativity(mixing: Floats) -> float | None:
    if not mixing.sum():
        return None
    shares = mixing / mixing.sum()
    by_chance = float((shares.sum(axis=0) * shares.sum(axis=1)).sum())
    return None if by_chance >= 1 else (float(shares.trace()) - by_chance) / (1 - by_chance)
