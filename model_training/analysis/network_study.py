"""The study of a data set by networks: one of its samples, and one of its keywords in each class.

A network of keywords joins the features of a window that vary together. The statistics of a
network are its density, its components, its degrees and its homophily.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path

import networkx as nx
import numpy as np
import orjson
from numpy.typing import NDArray

from model_training.analysis.network_picture import (
    Caption,
    Layout,
    draw_network,
    to_networkx,
    write_graphml,
    write_json,
)
from model_training.data import loading
from model_training.features import Floats
from model_training.fitting.networks.network import Network
from model_training.fitting.networks.samples import (
    fit_standardiser,
    proposed_pairs,
    sample_network,
    unit_rows,
)
from model_training.journal import Journal
from model_training.recipe.recipe import Recipe
from solar.errors import InvalidInputError
from solar.network import correlations

FEWEST_STEPS = 10
# Windows are taken together in parts of this many, to keep the memory small.
_WINDOWS = 1000
# Fisher's z of a perfect correlation is infinite; one window must not outweigh all others.
_PERFECT = 0.999999
Figures = dict[str, object]
STATISTICS, EXPLORER = "networks.json", "explorer.json"
# What a page may draw anew with another threshold and other neighbours: so many nodes, and pairs
# from this threshold on, up to so many neighbours.
_MOST_EXPLORED, _LOWEST, _WIDEST = 2000, 0.3, 20
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
    graph, edges = to_networkx(network, labels=labels), len(network.edges)
    return {
        "nodes": network.n,
        "edges": edges,
        "negative_edges": int((network.correlations < 0).sum()),
        "density": float(nx.density(graph)) if network.n > 1 else None,
        "mean_weight": float(network.weights.mean()) if edges else None,
        "components": _components(graph),
        "degree": _degree(network.degrees.tolist()),
        "homophily": None if labels is None else _homophily(graph),
    }


def _components(graph: nx.Graph) -> Figures:
    sizes = [len(nodes) for nodes in nx.connected_components(graph)]
    return {
        "number": len(sizes),
        "largest": max(sizes, default=None),
        "isolated": nx.number_of_isolates(graph),
        "sizes": _histogram(sizes),
    }


def _degree(degrees: Sequence[int]) -> Figures:
    return {
        "min": min(degrees, default=None),
        "mean": sum(degrees) / len(degrees) if degrees else None,
        "max": max(degrees, default=None),
        "histogram": _histogram(degrees),
    }


def _histogram(values: Iterable[int]) -> list[Figures]:
    return [{"value": value, "nodes": count} for value, count in sorted(Counter(values).items())]


def _homophily(graph: nx.Graph) -> Figures:
    """Tell how often an edge joins equal labels, and how often chance would.

    `by_chance` is the share of equal labels among all pairs of labelled nodes. Assortativity
    (Newman 2003, doi:10.1103/PhysRevE.67.026126) weighs nodes by their edges: 1 when only
    equals are joined, 0 as by chance.
    """
    labels = nx.get_node_attributes(graph, "label")
    counts, pairs = Counter(labels.values()), len(labels) * (len(labels) - 1)
    labelled = graph.subgraph(labels)
    ends = [(labels[first], labels[second]) for first, second in labelled.edges]
    # Where edges join one class alone, chance joins only equals too.
    is_mixed = len(set(chain.from_iterable(ends))) > 1
    return {
        "labels": {str(label): count for label, count in sorted(counts.items())},
        "edges_of_labelled": len(ends),
        "equal": sum(first == second for first, second in ends) / len(ends) if ends else None,
        "by_chance": sum(n * (n - 1) for n in counts.values()) / pairs if pairs else None,
        "assortativity": nx.attribute_assortativity_coefficient(labelled, "label")
        if is_mixed
        else None,
    }


def study_recipe(
    recipe: Recipe,
    folder: Path,
    *,
    event: str,
    most: int,
    threshold: float,
    max_neighbours: int,
    out: Path,
    journal: Journal,
) -> Figures:
    """Study the data set of a recipe, whose paths start from `folder`; see `study`.

    Parameters
    ----------
    event : whose outcome labels the samples
    most : samples at most; of more, so many are drawn at random
    """
    journal.turn_to("reading the data")
    dataset = loading.load(recipe.data, folder, window=recipe.window)
    if event not in dataset.truth:
        raise InvalidInputError(
            f"the data set does not tell {event}; choose the event from"
            f" {', '.join(dataset.truth) or 'none: it needs a flare list or labels'}"
        )
    if len(dataset) > most:
        rng = np.random.default_rng(recipe.seed)
        dataset = dataset.take(np.sort(rng.choice(len(dataset), most, replace=False)))
    return study(
        dataset.windows(recipe.features),
        recipe.features,
        dataset.truth[event],
        threshold=threshold,
        max_neighbours=max_neighbours,
        seed=recipe.seed,
        out=out,
        journal=journal,
    )


def study(
    windows: NDArray[np.float32],
    names: Sequence[str],
    labels: Floats,
    *,
    threshold: float,
    max_neighbours: int,
    seed: int,
    out: Path,
    journal: Journal | None = None,
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
    journal = journal or Journal()
    out.mkdir(parents=True, exist_ok=True)
    journal.turn_to(f"joining {len(windows)} samples")
    rows = fit_standardiser(windows).rows(windows)
    samples = sample_network(rows, threshold=threshold, max_neighbours=max_neighbours)
    caption = Caption("Network of samples", label_names=_CLASSES)
    _write(samples, out / "samples", caption, labels=labels, layout="spring", seed=seed)
    journal.turn_to(f"joining {len(names)} keywords")
    keywords, matrices = _keywords(windows, names, labels, threshold=threshold, seed=seed, out=out)
    figures: Figures = {
        "threshold": threshold,
        "max_neighbours": max_neighbours,
        "missing_share": float(np.isnan(windows).mean()),
        "samples": describe(samples, labels=labels),
        "keywords": keywords,
    }
    (out / STATISTICS).write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2) + b"\n")
    explored = _explored(rows, labels) if 2 <= len(rows) <= _MOST_EXPLORED else None
    explorer = {"names": names, "keywords": matrices, "samples": explored}
    (out / EXPLORER).write_bytes(orjson.dumps(explorer))
    return figures


def _explored(rows: NDArray[np.float32], labels: Floats) -> Figures:
    """Return the places of samples and the pairs that may join them, for a page to choose from.

    The places are the first two principal components of the rows as correlations see them.
    """
    pairs, r = proposed_pairs(rows, threshold=_LOWEST, max_neighbours=_WIDEST)
    unit = unit_rows(rows)
    left, size, _ = np.linalg.svd(unit - unit.mean(axis=0), full_matrices=False)
    places = left[:, :2] * size[:2]
    return {
        "threshold": _LOWEST,
        "max_neighbours": _WIDEST,
        "x": [round(one, 4) for one in places[:, 0].tolist()],
        "y": [round(one, 4) for one in places[:, 1].tolist()],
        "labels": [None if np.isnan(one) else int(one) for one in labels.tolist()],
        "pairs": pairs.ravel().tolist(),
        "correlations": [round(one, 6) for one in r.tolist()],
    }


def _keywords(
    windows: NDArray[np.float32],
    names: Sequence[str],
    labels: Floats,
    *,
    threshold: float,
    seed: int,
    out: Path,
) -> tuple[Mapping[str, Figures], Mapping[str, list[list[float | None]]]]:
    """Return statistics and correlations (f, f) by class, after writing the networks."""
    statistics: dict[str, Figures] = {}
    matrices: dict[str, list[list[float | None]]] = {}
    if windows.shape[1] < _SHORTEST_WINDOW:
        return statistics, matrices
    fewest = min(FEWEST_STEPS, windows.shape[1])
    for label, name in _CLASSES.items():
        chosen = windows[labels == label]
        if not len(chosen):
            continue
        mean = mean_correlations(chosen, fewest_steps=fewest)
        network = of_correlations(mean, threshold=threshold)
        caption = Caption(f"Mean network of keywords: {name} ({len(chosen)} windows)", names)
        path = out / f"keywords-{name.replace(' ', '-')}"
        _write(network, path, caption, labels=None, layout="circular", seed=seed)
        statistics[name] = {"windows": len(chosen), **describe(network)}
        matrices[name] = [
            [None if np.isnan(one) else round(one, 4) for one in row] for row in mean.tolist()
        ]
    return statistics, matrices


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
