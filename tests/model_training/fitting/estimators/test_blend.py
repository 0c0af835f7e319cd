from __future__ import annotations

import numpy as np
from numpy.testing import assert_allclose

from model_training.artefact.graph import Graph, run
from model_training.fitting.model import weighted_mean, weighted_mean_to_onnx


def test_the_mean_is_weighted_and_weights_need_not_sum_to_1() -> None:
    # (3 x 0.2 + 1 x 0.6) / 4 = 0.3 and (3 x 1 + 0) / 4 = 0.75
    columns = [np.array([0.2, 1.0]), np.array([0.6, 0.0])]

    assert_allclose(weighted_mean(columns, (3, 1)), [0.3, 0.75])


def test_the_drawing_agrees() -> None:
    inputs = np.random.default_rng(1).random((20, 3)).astype(np.float32)
    weights = (3.0, 1.0, 0.5)
    graph = Graph(steps=1, features=3)
    row = graph.node("Squeeze", graph.windows, graph.constant([1]))
    columns = graph.nodes("Split", row, outputs=3, axis=1)

    drawn = run(graph.finish([weighted_mean_to_onnx(graph, columns, weights)]), inputs)

    assert_allclose(drawn[:, 0], weighted_mean(list(inputs.T.astype(float)), weights), atol=1e-6)
