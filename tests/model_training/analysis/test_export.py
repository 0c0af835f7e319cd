from __future__ import annotations

from pathlib import Path

import networkx as nx
import numpy as np
import orjson
import pytest

from model_training.analysis.network_picture import to_networkx, write_graphml, write_json
from model_training.fitting.networks.network import Network

NAMES = ("USFLUX", "TOTUSJH", "R_VALUE")
NETWORK = Network(3, np.array([[0, 1], [1, 2]]), np.array([0.75, -0.5]))
LABELS = np.array([1.0, 0.0, np.nan])


@pytest.fixture
def graph() -> nx.Graph:
    return to_networkx(NETWORK, names=NAMES, labels=LABELS)


def is_the_network(read: nx.Graph) -> bool:
    nodes = {node: dict(told) for node, told in read.nodes.items()}
    edges = {tuple(sorted(edge)): dict(told) for edge, told in read.edges.items()}
    return nodes == {
        0: {"name": "USFLUX", "label": 1},
        1: {"name": "TOTUSJH", "label": 0},
        2: {"name": "R_VALUE"},
    } and edges == {
        (0, 1): {"weight": 0.75, "correlation": 0.75},
        (1, 2): {"weight": 0.5, "correlation": -0.5},
    }


def test_graphml_is_read_back_as_it_was(graph: nx.Graph, tmp_path: Path) -> None:
    write_graphml(graph, tmp_path / "network.graphml")

    assert is_the_network(nx.read_graphml(tmp_path / "network.graphml", node_type=int))


def test_json_is_read_back_as_it_was(graph: nx.Graph, tmp_path: Path) -> None:
    write_json(graph, tmp_path / "network.json")

    content = orjson.loads((tmp_path / "network.json").read_bytes())
    assert is_the_network(nx.node_link_graph(content, edges="edges"))


def test_json_has_nodes_and_edges_by_their_usual_names(graph: nx.Graph, tmp_path: Path) -> None:
    write_json(graph, tmp_path / "network.json")

    content = orjson.loads((tmp_path / "network.json").read_bytes())
    assert content["nodes"][0] == {"id": 0, "name": "USFLUX", "label": 1}
    assert content["edges"][0] == {
        "source": 0, "target": 1, "weight": 0.75, "correlation": 0.75,
    }  # fmt: skip


def test_nodes_without_names_or_labels_carry_none(tmp_path: Path) -> None:
    bare = to_networkx(NETWORK)
    write_graphml(bare, tmp_path / "bare.graphml")

    read = nx.read_graphml(tmp_path / "bare.graphml", node_type=int)
    assert [dict(told) for told in read.nodes.values()] == [{}, {}, {}]
