from __future__ import annotations

import numpy as np

from model_training.fitting.networks.network import Network

# 0-1-2 joined in a row, 3 alone.
ROW = Network(4, np.array([[0, 1], [1, 2]]), np.array([0.5, -0.25]))


def test_weights_are_the_sizes_of_correlations() -> None:
    assert ROW.weights.tolist() == [0.5, 0.25]


def test_a_node_without_an_edge_has_degree_0() -> None:
    assert ROW.degrees.tolist() == [1, 2, 1, 0]


def test_the_adjacency_is_the_same_both_ways() -> None:
    matrix = ROW.adjacency().toarray()

    assert (matrix == matrix.T).all()
    assert matrix[1].tolist() == [0.5, 0, 0.25, 0]


def test_a_part_keeps_only_the_edges_within() -> None:
    part = ROW.part(np.array([1, 2, 3]))

    assert part.n == 3
    assert part.edges.tolist() == [[0, 1]]
    assert part.correlations.tolist() == [-0.25]
