"""Window statistics: the inputs of an estimator that reads one row, in numpy and as ONNX nodes.

The ONNX nodes compute in single precision and are safe for values of 1e24.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from model_training.artefact.graph import Graph
from model_training.features import Floats, Inputs
from model_training.recipe.estimators import Statistic

# Two neighbours lie half a step from their middle: 2 x 0.5 ** 2. Less means a single value.
LEAST_LEAD = 0.5
Columns = TypeVar("Columns", covariant=True)


class OnnxWindows:
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


@dataclass(frozen=True)
class WindowStatistics:
    """(n, steps, f) to (n, 1, f x statistics), all features of the first statistic first.

    Known values alone count; `last` and `first` are the values at those steps, missing or not.
    A statistic of no known value is NaN; the deviation and the slope of a single one are 0.
    The weights of `weighted-mean` grow linearly from 1 to 2; `std` is that of a population and
    `slope` the least squares one per step.
    """

    statistics: tuple[Statistic, ...]
    steps: int

    def apply(self, windows: Inputs) -> Inputs:
        values = _Computed(windows)
        columns = [_statistic(values, name) for name in self.statistics]
        return np.concatenate(columns, axis=2).astype(np.float32)

    def to_onnx(self, graph: Graph, windows: str) -> str:
        values = OnnxWindows(graph, windows, steps=self.steps)
        columns = [_statistic(values, name) for name in self.statistics]
        return graph.node("Concat", *columns, axis=2)

    def names(self, features: Sequence[str]) -> tuple[str, ...]:
        return tuple(f"{feature} {name}" for name in self.statistics for feature in features)


class _Values(Protocol[Columns]):
    """Windows of so many steps, in numpy or as ONNX nodes; every statistic is (n, 1, f)."""

    steps: int

    def step(self, place: int) -> Columns: ...

    def lowest(self) -> Columns: ...

    def highest(self) -> Columns: ...

    def mean(self, weights: Floats) -> Columns: ...

    def std(self) -> Columns: ...

    def slope(self) -> Columns: ...


def _statistic(values: _Values[Columns], name: Statistic) -> Columns:
    steps = values.steps
    return {
        "last": lambda: values.step(steps - 1),
        "mean": lambda: values.mean(np.ones(steps)),
        "std": values.std,
        "weighted-mean": lambda: values.mean(np.linspace(1, 2, steps)),
        "first": lambda: values.step(0),
        "max": values.highest,
        "min": values.lowest,
        "slope": values.slope,
    }[name]()


class _Computed:
    def __init__(self, windows: Inputs) -> None:
        self.steps = windows.shape[1]
        self._windows = windows

    @cached_property
    def _known(self) -> NDArray[np.bool_]:
        return ~np.isnan(self._windows)

    @cached_property
    def _above(self) -> Floats:
        """The height above the lowest value, which is exactly 0 in a constant window."""
        return np.where(self._known, self._windows - self.lowest(), 0)

    def step(self, place: int) -> Floats:
        return self._windows[:, [place]].astype(float)

    def lowest(self) -> Floats:
        low = np.where(self._known, self._windows, np.inf).min(axis=1, keepdims=True)
        return np.where(np.isinf(low), np.nan, low).astype(float)

    def highest(self) -> Floats:
        high = np.where(self._known, self._windows, -np.inf).max(axis=1, keepdims=True)
        return np.where(np.isinf(high), np.nan, high).astype(float)

    def mean(self, weights: Floats) -> Floats:
        return self.lowest() + self._weighed(weights, self._above)

    def std(self) -> Floats:
        even = np.ones(self.steps)
        distance = self._above - self._weighed(even, self._above)
        deviation: Floats = np.sqrt(self._weighed(even, distance**2))
        return deviation

    def slope(self) -> Floats:
        place = np.arange(self.steps, dtype=float)[:, None]
        lead = self._known * (place - self._weighed(np.ones(self.steps), place))
        width = np.maximum(np.sum(lead * lead, axis=1, keepdims=True), LEAST_LEAD)
        slope: Floats = np.sum(lead * self._above, axis=1, keepdims=True) / width
        return slope

    def _weighed(self, weights: Floats, values: Floats) -> Floats:
        """Return the mean of known values by weights (steps,); NaN where none is known."""
        weight = weights[:, None] * self._known
        total: Floats = np.sum(weight * values, axis=1, keepdims=True)
        count = np.sum(weight, axis=1, keepdims=True)
        none = np.full(total.shape, np.nan)
        mean: Floats = np.divide(total, count, out=none, where=count > 0)
        return mean
