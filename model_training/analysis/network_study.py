"""The study of a data set by networks: one of its samples, and one of its keywords in each class.

A network of keywords joins the features of a window that vary together. The statistics of a
network are its density, its components, its degrees and its homophily.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from model_training.analysis.network_picture import (
    Caption,
    Layout,
    draw_network,
    to_networkx,
    write_graphml,
    write_json,
)
from model_training.features import Floats, Integers
from model_training.fitting.networks.network import Network
from model_training.fitting.networks.samples import fit_standardiser, sample_network
from solar.network import correlations

FEWEST_STEPS = 10
# Windows are taken together in parts of this many, to keep the memory small.
_WINDOWS = 1000
# Fisher's z of a perfect correlation is infinite; one window must not outweigh all others.
_PERFECT = 0.999999
Figures = dict[str, object]
STATISTICS = "networks.json"
_CLASSES = {0: "no event", 1: "event"}
# A mean over steps needs at least as many as `keyword_network` asks of a pair.
_SHORTEST_WINDOW = 3


def keyword_network(
    window: NDArray[np.float32], *, threshold: float, fewest_steps: int = FEWEST_STEPS
) -> Network:
    """Join the keywords of one window (steps, f) whose correlation has |r| >= threshold.

    A pair is judged on the steps that both have; a constant or missing series, or one that
    shares fewer than `fewest_steps` with another, stays apart.
    """
    return of_correlations(correlations(window[None], fewest=fewest_steps)[0], threshold=threshold)


def mean_keyword_network(
    windows: NDArray[np.float32], *, threshold: float, fewest_steps: int = FEWEST_STEPS
) -> Network:
    """Join the keywords by their mean correlation over windows (n, steps, f).

    The mean is that of Fisher's z over the windows where the pair has a correlation.
    """
    mean = mean_correlations(windows, fewest_steps=fewest_steps)
    return of_correlations(mean, threshold=threshold)


def mean_correlations(windows: NDArray[np.float32], *, fewest_steps: int = FEWEST_STEPS) -> Floats:
    """Return the (f, f) mean correlations, NaN for a pair without a correlation in any window."""
    features = windows.shape[-1]
    total, count = np.zeros((features, features)), np.zeros((features, features))
    for start in range(0, len(windows), _WINDOWS):
        r = correlations(windows[start : start + _WINDOWS], fewest=fewest_steps)
        total += np.nansum(np.arctanh(np.clip(r, -_PERFECT, _PERFECT)), axis=0)
        count += np.isfinite(r).sum(axis=0)
    return np.where(count > 0, np.tanh(total / np.maximum(count, 1)), np.nan)


def of_correlations(correlations: Floats, *, threshold: float) -> Network:
    """Join the pairs of a symmetric (f, f) matrix that reach the threshold; NaN joins nothing."""
    first, second = np.triu_indices(len(correlations), 1)
    r = np.nan_to_num(correlations[first, second], nan=0.0)
    kept = (np.abs(r) >= threshold) & (r != 0)
    edges = np.stack([first[kept], second[kept]], axis=1).astype(np.int64)
    return Network(len(correlations), edges, r[kept])


def describe(network: Network, *, labels: Floats | None = None) -> Figures:
    """Count what a network is made of; what is undefined is None.

    Parameters
    ----------
    labels : (n,) class of each node, NaN unknown; without them homophily is left out
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
    distinct, counts = np.unique(values, return_counts=True)
    return [
        {"value": int(value), "nodes": int(count)}
        for value, count in zip(distinct, counts, strict=True)
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


def study(
    windows: NDArray[np.float32],
    names: Sequence[str],
    labels: Floats,
    *,
    threshold: float,
    max_neighbours: int,
    seed: int,
    out: Path,
) -> Figures:
    """Build the networks of a data set and write their files and statistics to a folder.

    Parameters
    ----------
    windows : (n, steps, f), NaN missing; every feature is standardised, missing values take
        its mean in the network of samples and are left out in that of keywords
    labels : (n,) 1 event, 0 none, NaN unknown

    Returns
    -------
    the statistics, as also written to `STATISTICS`; ``keywords`` has one entry per class, and
    is empty for windows of a single step, where keywords cannot correlate
    """
    out.mkdir(parents=True, exist_ok=True)
    rows = fit_standardiser(windows).rows(windows)
    samples = sample_network(rows, threshold=threshold, max_neighbours=max_neighbours)
    caption = Caption("Network of samples", label_names=_CLASSES)
    _write(samples, out / "samples", caption, labels=labels, layout="spring", seed=seed)
    figures: Figures = {
        "threshold": threshold,
        "max_neighbours": max_neighbours,
        "missing_share": float(np.isnan(windows).mean()),
        "samples": describe(samples, labels=labels),
        "keywords": _keywords(windows, names, labels, threshold=threshold, seed=seed, out=out),
    }
    (out / STATISTICS).write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2) + b"\n")
    return figures


def _keywords(
    windows: NDArray[np.float32],
    names: Sequence[str],
    labels: Floats,
    *,
    threshold: float,
    seed: int,
    out: Path,
) -> Mapping[str, Figures]:
    if windows.shape[1] < _SHORTEST_WINDOW:
        return {}
    fewest = min(FEWEST_STEPS, windows.shape[1])
    statistics = {}
    for label, name in _CLASSES.items():
        chosen = windows[labels == label]
        if not len(chosen):
            continue
        network = mean_keyword_network(chosen, threshold=threshold, fewest_steps=fewest)
        caption = Caption(f"Mean network of keywords: {name} ({len(chosen)} windows)", names)
        path = out / f"keywords-{name.replace(' ', '-')}"
        _write(network, path, caption, labels=None, layout="circular", seed=seed)
        statistics[name] = {"windows": len(chosen), **describe(network)}
    return statistics


def _write(
    network: Network,
    path: Path,
    caption: Caption,
    *,
    labels: Floats | None,
    layout: Layout,
    seed: int,
) -> None:
    graph = to_networkx(network, names=caption.names, labels=labels)
    write_graphml(graph, path.with_suffix(".graphml"))
    write_json(graph, path.with_suffix(".json"))
    draw_network(
        network, path.with_suffix(".svg"), caption=caption, labels=labels, layout=layout, seed=seed
    )
