"""Statistics of a window: what an estimator of one row sees of the steps before t."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from model_training.choices.preparation import Statistic
from model_training.estimators.estimator import Inputs
from model_training.features import Floats
from model_training.graph import Graph
from model_training.preparation.drawn_windows import LEAST_LEAD, DrawnWindows

Columns = TypeVar("Columns", covariant=True)


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

    def draw(self, graph: Graph, windows: str) -> str:
        values = DrawnWindows(graph, windows, steps=self.steps)
        columns = [_statistic(values, name) for name in self.statistics]
        return graph.node("Concat", *columns, axis=2)

    def names(self, features: Sequence[str]) -> tuple[str, ...]:
        return tuple(f"{feature} {name}" for name in self.statistics for feature in features)


class _Values(Protocol[Columns]):
    """Windows of so many steps, by number or by drawing; every statistic is (n, 1, f)."""

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
