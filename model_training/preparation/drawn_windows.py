"""The statistics of a window as ONNX nodes, in single precision and safe for values of 1e24."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from onnx import TensorProto

from model_training.features import Floats
from model_training.graph import Graph

# Two neighbours lie half a step from their middle: 2 x 0.5 ** 2. Less means a single value.
LEAST_LEAD = 0.5


class DrawnWindows:
    """Windows in a graph; every statistic is a tensor (rows, 1, features)."""

    def __init__(self, graph: Graph, windows: str, *, steps: int) -> None:
        self.steps = steps
        self._graph, self._windows = graph, windows

    @cached_property
    def _is_missing(self) -> str:
        return self._graph.node("IsNaN", self._windows)

    @cached_property
    def _known(self) -> str:
        node = self._graph.node
        return node("Cast", node("Not", self._is_missing), to=TensorProto.FLOAT)

    @cached_property
    def _above(self) -> str:
        height = self._graph.node("Sub", self._windows, self.lowest())
        return self._graph.node("Where", self._is_missing, self._number(0.0), height)

    def lowest(self) -> str:
        return self._extreme("ReduceMin", np.inf)

    def highest(self) -> str:
        return self._extreme("ReduceMax", -np.inf)

    def step(self, place: int) -> str:
        chosen = self._graph.constant([place])
        return self._graph.node("Gather", self._windows, chosen, axis=1)

    def mean(self, weights: Floats) -> str:
        return self._graph.node("Add", self.lowest(), self._weighed(weights, self._above))

    def std(self) -> str:
        node = self._graph.node
        even = np.ones(self.steps)
        distance = node("Sub", self._above, self._weighed(even, self._above))
        # Measured in the greatest distance, for the square of 1e24 is no single precision number.
        greatest = node("ReduceMax", node("Abs", distance), axes=[1], keepdims=1)
        is_flat = node("Equal", greatest, self._number(0.0))
        size = node("Where", is_flat, self._number(1.0), greatest)
        share = node("Div", distance, size)
        return node("Mul", node("Sqrt", self._weighed(even, node("Mul", share, share))), size)

    def slope(self) -> str:
        node = self._graph.node
        place = self._graph.constant(np.arange(self.steps, dtype=float)[:, None])
        centre = self._weighed(np.ones(self.steps), place)
        lead = node("Mul", self._known, node("Sub", place, centre))
        rise = self._sum(node("Mul", lead, self._above))
        width = node("Max", self._sum(node("Mul", lead, lead)), self._number(LEAST_LEAD))
        return node("Div", rise, width)

    def _weighed(self, weights: Floats, values: str) -> str:
        weight = self._graph.node("Mul", self._known, self._graph.constant(weights[:, None]))
        total = self._sum(self._graph.node("Mul", weight, values))
        return self._graph.node("Div", total, self._sum(weight))

    def _sum(self, values: str) -> str:
        return self._graph.node("ReduceSum", values, self._graph.constant([1]), keepdims=1)

    def _extreme(self, operator: str, neutral: float) -> str:
        node = self._graph.node
        filled = node("Where", self._is_missing, self._number(neutral), self._windows)
        extreme = node(operator, filled, axes=[1], keepdims=1)
        is_empty = node("IsInf", extreme)
        return node("Where", is_empty, self._number(np.nan), extreme)

    def _number(self, value: float) -> str:
        return self._graph.constant(value)
