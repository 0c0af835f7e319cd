"""A GRU model of random weights, as large as those of the literature, for what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model_training.artefact.graph import Graph, to_bytes
from model_training.features import HISTORY_FEATURES, KEYWORD_FEATURES
from tests.handmade_models import HandmadeModel, line_up

STEPS, UNITS = 60, 64
FEATURES = (*KEYWORD_FEATURES, *HISTORY_FEATURES)[:24]


@dataclass(frozen=True)
class _GruModel(HandmadeModel):
    """A layer of gated recurrent units over the steps of a window, and one score of each event."""

    def graph(self) -> bytes:
        rng = np.random.default_rng(0)

        def weights(*shape: int) -> np.ndarray:
            return rng.normal(scale=0.1, size=shape)

        graph = Graph(steps=STEPS, features=len(FEATURES))
        missing = graph.node("IsNaN", graph.windows)
        filled = graph.node("Where", missing, graph.constant(np.float32(0)), graph.windows)
        # The keywords span thirty orders of magnitude; what units see lies between -1 and 1.
        small = graph.node("Tanh", filled)
        _, last = graph.nodes(
            "GRU",
            graph.node("Transpose", small, perm=[1, 0, 2]),
            graph.constant(weights(1, 3 * UNITS, len(FEATURES))),
            graph.constant(weights(1, 3 * UNITS, UNITS)),
            graph.constant(weights(1, 6 * UNITS)),
            outputs=2,
            hidden_size=UNITS,
            linear_before_reset=1,
        )
        state = graph.node("Squeeze", last, graph.constant([0]))
        score = graph.node("MatMul", state, graph.constant(weights(UNITS, 1)))
        shifts = [graph.constant(np.float32(shift)) for shift in (-2.0, -4.0)]
        columns = [graph.node("Sigmoid", graph.node("Add", score, shift)) for shift in shifts]
        return to_bytes(graph.finish(columns))


def gru_model(folder: Path) -> Path:
    """Make a folder in which the model serves alone."""
    return line_up(folder, _GruModel("gru", FEATURES, np.zeros((STEPS, len(FEATURES)))))
