"""A GRU network: gated recurrent units over the steps of a window, and a score of the event."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from model_training.graph import Graph


class GruNetwork(nn.Module):
    """Layers of units over time, dropout after each, and a linear head on the last step.

    The layers are modules of their own because the GPU's fused stack keeps a random state for
    its dropout that no checkpoint can hold.
    """

    def __init__(self, features: int, *, layers: int, hidden: int, dropout: float) -> None:
        super().__init__()
        sizes = [features, *[hidden] * (layers - 1)]
        self.layers = nn.ModuleList(nn.GRU(size, hidden, batch_first=True) for size in sizes)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(hidden, 1)

    def forward(self, windows: Tensor) -> Tensor:
        """Return the (n,) log odds of the event for (n, steps, features) windows."""
        for layer in self.layers:
            windows = self.dropout(layer(windows)[0])
        score: Tensor = self.head(windows[:, -1])
        return score.squeeze(1)


def draw_network(network: GruNetwork, graph: Graph, windows: str) -> str:
    """Draw the network, without its dropout, on (rows, steps, features)."""
    steps = graph.node("Transpose", windows, perm=[1, 0, 2])
    last = steps
    for layer in network.layers:
        steps, last = _draw_layer(layer, graph, steps)
    last = graph.node("Squeeze", last, graph.constant([0]))
    weight = graph.constant(_values(network.head.weight).T)
    score = graph.node("Gemm", last, weight, graph.constant(_values(network.head.bias)))
    return graph.node("Sigmoid", score)


def _draw_layer(layer: nn.Module, graph: Graph, steps: str) -> tuple[str, str]:
    parameters = {name: _values(value) for name, value in layer.named_parameters()}
    biases = [_in_order(parameters[f"bias_{part}_l0"]) for part in ("ih", "hh")]
    every, last = graph.nodes(
        "GRU",
        steps,
        graph.constant(_in_order(parameters["weight_ih_l0"])[None]),
        graph.constant(_in_order(parameters["weight_hh_l0"])[None]),
        graph.constant(np.concatenate(biases)[None]),
        outputs=2,
        hidden_size=len(biases[0]) // 3,
        # The reset gate acts after the product with the state, as in torch.
        linear_before_reset=1,
    )
    return graph.node("Squeeze", every, graph.constant([1])), last


def _in_order(gates: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring torch's gates reset, update, new into the order of ONNX: update, reset, hidden."""
    reset, update, new = np.split(gates, 3)
    return np.concatenate([update, reset, new])


def _values(parameter: Tensor) -> NDArray[np.float32]:
    return np.asarray(parameter.detach().cpu().numpy(), np.float32)
