"""What the runtime that serves computes of a drawing, for comparison with its numpy twin."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model_training.artefact.graph import Graph, run
from model_training.fitting.estimators.estimator import Estimator
from model_training.fitting.preparation.step import Step


def drawn(step: Step, windows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the (n, steps', features') that the drawing of a step computes."""
    _, steps, features = windows.shape
    graph = Graph(steps=steps, features=features)
    return computed(graph, step.to_onnx(graph, graph.windows), windows, like=step.apply(windows))


def computed(
    graph: Graph, tensor: str, windows: NDArray[np.float32], *, like: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return what a graph computes for a tensor that should have the shape of an array."""
    flat = graph.node("Flatten", tensor, axis=1)
    columns = graph.nodes("Split", flat, outputs=like[0].size, axis=1)
    inputs = windows[:, 0] if windows.shape[1] == 1 else windows
    return run(graph.finish(columns), inputs).reshape(like.shape)


def drawn_probability(estimator: Estimator, inputs: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the (n,) probabilities that the drawing of a one-row estimator computes."""
    graph = Graph(steps=1, features=inputs.shape[1])
    row = graph.node("Squeeze", graph.windows, graph.constant([1]))
    return run(graph.finish([estimator.to_onnx(graph, row)]), inputs)[:, 0]


def column(*values: float) -> NDArray[np.float32]:
    """Return one window (1, steps, 1) of one feature."""
    return np.array(values, np.float32)[None, :, None]


def random_windows(
    seed: int, *, rows: int = 200, steps: int = 12, missing: float = 0.4
) -> NDArray[np.float32]:
    """Return windows of three features of 1, 1e24 and 1e-6, with whole windows missing."""
    rng = np.random.default_rng(seed)
    windows = rng.normal(size=(rows, steps, 3)) + rng.normal(size=(rows, 1, 3))
    windows[rng.random(windows.shape) < missing] = np.nan
    windows[:5] = np.nan
    windows[5:10, :, 1] = np.nan
    return (windows * [1, 1e24, 1e-6]).astype(np.float32)
