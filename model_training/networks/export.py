"""The files of a network: GraphML and JSON (node-link), as other programs read them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import networkx as nx
import numpy as np
import orjson

from model_training.features import Floats
from model_training.networks.network import Network


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
