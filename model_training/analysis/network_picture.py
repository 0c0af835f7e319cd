"""The files of a network: a picture (SVG), GraphML and node-link JSON.

Nodes are coloured by class; the width of an edge is the strength of its correlation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import matplotlib as mpl
import networkx as nx
import numpy as np
import orjson
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from model_training.features import Floats, Integers
from model_training.fitting.networks.network import Network

Layout = Literal["spring", "circular"]
# Okabe & Ito (2008): told apart by every kind of colour vision.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442")
_UNKNOWN = "#BBBBBB"
_MOST_NODES = 500
# A part of a network has one random node for so many nodes.
_NEAR = 25


def to_networkx(
    network: Network, *, names: Sequence[str] | None = None, labels: Floats | None = None
) -> nx.Graph:
    """Return the graph that networkx knows.

    Nodes carry ``name`` and ``label`` where they have one, edges ``weight`` in (0, 1] and the
    signed ``correlation``.
    """
    graph = nx.Graph()
    graph.add_nodes_from(range(network.n))
    if names is not None:
        nx.set_node_attributes(graph, dict(enumerate(names)), "name")
    if labels is not None:
        known = {node: int(labels[node]) for node in np.flatnonzero(np.isfinite(labels)).tolist()}
        nx.set_node_attributes(graph, known, "label")
    rows = zip(network.edges.tolist(), network.correlations.tolist(), strict=True)
    for (first, second), correlation in rows:
        graph.add_edge(first, second, weight=abs(correlation), correlation=correlation)
    return graph


def write_graphml(graph: nx.Graph, path: Path) -> None:
    """Write GraphML, for Gephi, Cytoscape, igraph and the like."""
    nx.write_graphml_xml(graph, path)


def write_json(graph: nx.Graph, path: Path) -> None:
    """Write node-link JSON: ``nodes`` with ``id`` and ``edges`` with ``source``, ``target``."""
    path.write_bytes(orjson.dumps(nx.node_link_data(graph, edges="edges")) + b"\n")


@dataclass(frozen=True)
class Caption:
    """The texts of a picture: its title, the names of nodes, and the meaning of labels."""

    title: str
    names: Sequence[str] | None = None
    label_names: Mapping[int, str] | None = None


def draw_network(
    network: Network,
    path: Path,
    *,
    caption: Caption,
    labels: Floats | None = None,
    layout: Layout = "spring",
    seed: int = 0,
    most_nodes: int = _MOST_NODES,
) -> None:
    """Write an SVG picture; of more than `most_nodes` nodes, a part of them."""
    shown, title = np.arange(network.n), caption.title
    if network.n > most_nodes:
        shown = _surroundings(network, most_nodes, np.random.default_rng(seed))
        title += f" ({most_nodes} of {network.n} nodes, around random ones)"
    part = network.part(shown)
    places = _places(part, layout, seed)
    # Text stays text, and the same network gives the same file.
    with mpl.rc_context({"svg.hashsalt": "flarewatch", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(8, 8), layout="constrained")
        axes = figure.add_subplot()
        _draw_edges(axes, part, places)
        kinds = np.full(network.n, np.nan) if labels is None else labels
        _draw_nodes(
            axes, places, kinds[shown], caption.label_names or {}, is_labelled=labels is not None
        )
        if caption.names is not None:
            _write_names(axes, [caption.names[node] for node in shown.tolist()], places)
        _frame(axes, part, title)
        figure.savefig(path, format="svg", metadata={"Date": None})


def _surroundings(network: Network, most: int, rng: np.random.Generator) -> Integers:
    """Choose random nodes and those near them: nodes drawn alone would share hardly an edge."""
    adjacency, order = network.adjacency(), rng.permutation(network.n)
    chosen = order[: max(1, most // _NEAR)]
    while len(chosen) < most:
        near = np.unique(adjacency[chosen].indices)
        more = rng.permutation(np.setdiff1d(near, chosen))
        # Where every component is exhausted, another random node is a new beginning.
        more = more if len(more) else order[~np.isin(order, chosen)][:1]
        chosen = np.concatenate([chosen, more[: most - len(chosen)]])
    return np.sort(chosen)


def _places(network: Network, layout: Layout, seed: int) -> Floats:
    graph = to_networkx(network)
    # One method for every size: left to choose, networkx changes it at 500 nodes.
    placed = (
        nx.circular_layout(graph)
        if layout == "circular"
        else nx.spring_layout(graph, seed=seed, method="force")
    )
    return np.array([placed[node] for node in range(network.n)], float).reshape(-1, 2)


def _draw_edges(axes: Axes, network: Network, places: Floats) -> None:
    negative = network.correlations < 0
    thin = 1.0 if network.n <= len(_COLOURS) * 10 else 0.4
    for chosen, style in ((~negative, "solid"), (negative, "dashed")):
        if not chosen.any():
            continue
        axes.add_collection(
            LineCollection(
                list(places[network.edges[chosen]]),
                linestyles=style,
                colors="#888888",
                linewidths=thin * (0.3 + 2.7 * network.weights[chosen] ** 2),
                alpha=0.6,
                zorder=1,
                label="negative correlation" if style == "dashed" else "positive correlation",
            )
        )


def _draw_nodes(
    axes: Axes, places: Floats, labels: Floats, names: Mapping[int, str], *, is_labelled: bool
) -> None:
    size = 90 if len(places) <= 60 else 14
    unknown = ~np.isfinite(labels)
    _dots(
        axes,
        places[unknown],
        _UNKNOWN if is_labelled else _COLOURS[0],
        size,
        "unknown" if is_labelled else None,
    )
    for place, label in enumerate(np.unique(labels[~unknown]).astype(int).tolist()):
        colour = _COLOURS[place % len(_COLOURS)]
        _dots(axes, places[labels == label], colour, size, names.get(label, str(label)))


def _dots(axes: Axes, places: Floats, colour: str, size: float, name: str | None) -> None:
    if len(places):
        text = None if name is None else f"{name} ({len(places)})"
        axes.scatter(
            places[:, 0], places[:, 1], s=size, c=colour, linewidths=0, label=text, zorder=2
        )


def _write_names(axes: Axes, names: Sequence[str], places: Floats) -> None:
    for name, (x, y) in zip(names, places.tolist(), strict=True):
        side: Literal["left", "right"] = "left" if x >= 0 else "right"
        axes.annotate(
            name,
            (x, y),
            xytext=(7 if x >= 0 else -7, 0),
            textcoords="offset points",
            ha=side,
            va="center",
            zorder=3,
        )


def _frame(axes: Axes, network: Network, title: str) -> None:
    axes.set_title(f"{title}\n{network.n} nodes, {len(network.edges)} edges")
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.margins(0.15)
    handles, _ = axes.get_legend_handles_labels()
    if handles:
        axes.legend(loc="lower right", frameon=False)
