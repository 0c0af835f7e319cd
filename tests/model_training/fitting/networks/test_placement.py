from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from model_training.artefact.graph import Graph, run
from model_training.fitting.networks.samples import (
    NOT_IN_NETWORK,
    Anchors,
    place,
    placement_to_onnx,
    unit_rows,
)

Rows = NDArray[np.float32]


def anchors(rows: Rows, embedding: Rows, *, threshold: float = 0.5, most: int = 2) -> Anchors:
    return Anchors(unit_rows(rows).astype(np.float32), embedding, threshold, most)


def drawn(made: Anchors, rows: Rows) -> NDArray[np.float64]:
    graph = Graph(steps=1, features=rows.shape[1])
    flat = graph.node("Squeeze", graph.windows, graph.constant([1]))
    placed = placement_to_onnx(graph, flat, made)
    width = made.embedding.shape[1] + 1
    columns = [
        graph.node("Cast", graph.node("Gather", placed, graph.constant([place]), axis=1), to=1)
        for place in range(width)
    ]
    return run(graph.finish(columns), rows)


# Three anchors: r with [1, 2, 3] is 1, sqrt(3) / 2 and -1.
ROWS = np.array([[1, 2, 3], [1, 1, 2], [3, 2, 1]], np.float32)
EMBEDDING = np.array([[1, 0], [0, 1], [9, 9]], np.float32)


def test_a_sample_lies_at_the_weighted_mean_of_its_neighbours() -> None:
    found = place(anchors(ROWS, EMBEDDING), np.array([[10, 20, 30]], np.float32))

    # Weights 1 and 0.8660 give (1, 0.8660) / 1.8660; the mirror image does not count.
    np.testing.assert_allclose(found, [[0.535898, 0.464102, 0]], atol=1e-6)


def test_only_the_nearest_neighbours_count() -> None:
    found = place(anchors(ROWS, EMBEDDING, most=1), np.array([[1, 2, 3]], np.float32))

    np.testing.assert_allclose(found, [[1, 0, 0]], atol=1e-6)


def test_a_sample_of_the_network_does_not_place_itself() -> None:
    found = place(anchors(ROWS, EMBEDDING), ROWS, np.array([0, 1, NOT_IN_NETWORK]))

    np.testing.assert_allclose(found, [[0, 1, 0], [1, 0, 0], [9, 9, 0]], atol=1e-6)


def test_a_sample_without_neighbours_lies_at_zero_and_is_flagged() -> None:
    rows = np.array([[1, 5, 1], [4, 4, 4]], np.float32)

    found = place(anchors(ROWS, EMBEDDING, threshold=0.95), rows)

    assert found.tolist() == [[0, 0, 1], [0, 0, 1]]


def test_of_equal_neighbours_the_first_ones_count() -> None:
    same = np.repeat(ROWS[:1], 9, axis=0)
    embedding = np.eye(9, dtype=np.float32)

    found = place(anchors(same, embedding, most=3), ROWS[:1])

    np.testing.assert_allclose(found[0], [1 / 3] * 3 + [0] * 7, atol=1e-6)


@pytest.mark.parametrize("most", [1, 8, 500])
@pytest.mark.parametrize("threshold", [0.0, 0.4, 0.99, 1.0])
def test_the_drawing_places_samples_alike(threshold: float, most: int) -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(300, 7)).astype(np.float32)
    # Copies, so that there are ties at the end of the list of neighbours, and a constant row.
    points[100:150] = points[0]
    points[7] = 3.3
    embedding = rng.normal(size=(250, 5)).astype(np.float32)
    made = anchors(points[:250], embedding, threshold=threshold, most=most)

    np.testing.assert_allclose(drawn(made, points), place(made, points), atol=1e-6)


def test_no_samples_have_no_places() -> None:
    assert place(anchors(ROWS, EMBEDDING), np.empty((0, 3), np.float32)).shape == (0, 3)
