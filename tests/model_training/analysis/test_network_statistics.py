from __future__ import annotations

import numpy as np
import pytest

from model_training.analysis.network_study import describe
from model_training.fitting.networks.network import Network

# A triangle 0-1-2, a pair 3-4, and 5 alone.
NETWORK = Network(6, np.array([[0, 1], [0, 2], [1, 2], [3, 4]]), np.array([0.9, 0.8, 0.7, -0.6]))


def test_edges_density_and_weights_are_counted() -> None:
    told = describe(NETWORK)

    # 4 of 6 * 5 / 2 = 15 possible edges; (0.9 + 0.8 + 0.7 + 0.6) / 4 = 0.75.
    assert (told["nodes"], told["edges"]) == (6, 4)
    assert told["negative_edges"] == 1
    assert told["density"] == pytest.approx(4 / 15)
    assert told["mean_weight"] == pytest.approx(0.75)


def test_components_are_counted_by_size() -> None:
    assert describe(NETWORK)["components"] == {
        "number": 3,
        "largest": 3,
        "isolated": 1,
        "sizes": [{"value": 1, "nodes": 1}, {"value": 2, "nodes": 1}, {"value": 3, "nodes": 1}],
    }


def test_degrees_have_a_histogram() -> None:
    assert describe(NETWORK)["degree"] == {
        "min": 0,
        "mean": pytest.approx(8 / 6),
        "max": 2,
        "histogram": [
            {"value": 0, "nodes": 1},
            {"value": 1, "nodes": 2},
            {"value": 2, "nodes": 3},
        ],
    }


def test_homophily_stands_beside_what_chance_expects() -> None:
    labels = np.array([1, 1, 0, 0, 0, np.nan])

    told = describe(NETWORK, labels=labels)["homophily"]

    # Equal ends: 0-1 and 3-4, 2 of 4. Pairs of the five labelled nodes: 10, of them equal
    # 1 (ones) + 3 (zeros) = 4. Ends of edges: ones 4 of 8, zeros 4 of 8, so that chance gives
    # 1/2 equal and assortativity (1/2 - 1/2) / (1 - 1/2) = 0.
    assert told == {
        "labels": {"0": 3, "1": 2},
        "edges_of_labelled": 4,
        "equal": pytest.approx(0.5),
        "by_chance": pytest.approx(0.4),
        "assortativity": pytest.approx(0.0),
    }


def test_only_equals_joined_is_the_assortativity_1() -> None:
    labels = np.array([1.0, 1, 1, 0, 0, 0])

    told = describe(NETWORK, labels=labels)["homophily"]

    assert isinstance(told, dict)
    assert told["equal"] == 1.0
    assert told["assortativity"] == pytest.approx(1.0)


def test_the_assortativity_is_that_of_networkx() -> None:
    nx = pytest.importorskip("networkx")
    rng = np.random.default_rng(0)
    edges = np.array([(i, j) for i in range(12) for j in range(i + 1, 12) if rng.random() < 0.4])
    labels = rng.integers(0, 3, 12).astype(float)
    graph = nx.Graph(edges.tolist())
    nx.set_node_attributes(graph, dict(enumerate(labels.tolist())), "label")

    told = describe(Network(12, edges, np.full(len(edges), 0.5)), labels=labels)["homophily"]

    assert isinstance(told, dict)
    assert told["assortativity"] == pytest.approx(
        nx.attribute_assortativity_coefficient(graph, "label")
    )


def test_one_class_alone_has_no_assortativity() -> None:
    told = describe(NETWORK, labels=np.ones(6))["homophily"]

    assert isinstance(told, dict)
    assert told["assortativity"] is None


def test_a_network_without_edges_has_undefined_figures() -> None:
    empty = Network(1, np.empty((0, 2), np.int64), np.empty(0))

    told = describe(empty, labels=np.array([1.0]))

    assert told["density"] is None
    assert told["mean_weight"] is None
    homophily = told["homophily"]
    assert isinstance(homophily, dict)
    assert homophily["equal"] is None
    assert homophily["by_chance"] is None


def test_a_network_without_nodes_is_described_too() -> None:
    told = describe(Network(0, np.empty((0, 2), np.int64), np.empty(0)), labels=np.empty(0))

    assert told["nodes"] == 0
    assert told["density"] is None
