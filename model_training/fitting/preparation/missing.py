"""Imputation: missing values become values of the same window, then the training median.

The imputer of another package is fitted on training windows and exports itself to ONNX as ours
do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from model_training import plugins
from model_training.artefact.graph import Graph
from model_training.features import Floats, Inputs
from model_training.fitting.preparation.step import (
    SameFeatures,
    Step,
    apply_all,
    known_values,
)
from model_training.recipe.estimators import PreparationConfig
from solar.errors import InvalidInputError


@dataclass(frozen=True)
class TrainingMedian(SameFeatures):
    """A missing value takes the median (features,) of the training rows."""

    median: Floats

    def apply(self, windows: Inputs) -> Inputs:
        return np.where(np.isnan(windows), self.median.astype(np.float32), windows)

    def to_onnx(self, graph: Graph, windows: str) -> str:
        is_missing = graph.node("IsNaN", windows)
        return graph.node("Where", is_missing, graph.constant(self.median), windows)


class WindowMean(SameFeatures):
    """A missing value takes the mean of the known values of its feature in the same window."""

    def apply(self, windows: Inputs) -> Inputs:
        is_missing = np.isnan(windows)
        total = np.where(is_missing, 0, windows).sum(axis=1, keepdims=True, dtype=float)
        count = np.count_nonzero(~is_missing, axis=1, keepdims=True)
        mean = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
        return np.where(is_missing, mean, windows).astype(np.float32)

    def to_onnx(self, graph: Graph, windows: str) -> str:
        is_missing = graph.node("IsNaN", windows)
        known = graph.node("Cast", graph.node("Not", is_missing), to=TensorProto.FLOAT)
        filled = graph.node("Where", is_missing, graph.constant(0.0), windows)
        time = graph.constant([1])
        total = graph.node("ReduceSum", filled, time, keepdims=1)
        # A window without any known value has the mean 0 / 0, which stays missing.
        mean = graph.node("Div", total, graph.node("ReduceSum", known, time, keepdims=1))
        return graph.node("Where", is_missing, mean, windows)


@dataclass(frozen=True)
class CarriedForward(SameFeatures):
    """A missing value takes the last known one, at most `limit` steps before."""

    limit: int
    steps: int

    def apply(self, windows: Inputs) -> Inputs:
        place = np.arange(self.steps)[:, None]
        before = _place_before(windows)
        reached = (before >= 0) & (place - before <= self.limit)
        carried = np.take_along_axis(windows, np.maximum(before, 0), axis=1)
        return np.where(reached, carried, windows)

    def to_onnx(self, graph: Graph, windows: str) -> str:
        rows = _Neighbours(graph, windows, reach=self.limit, steps=self.steps)
        carried = graph.node("Where", rows.has_before, rows.value(rows.before), rows.values)
        return rows.as_windows(carried)


@dataclass(frozen=True)
class Interpolated(SameFeatures):
    """A gap of at most `limit` steps takes the straight line between its known neighbours.

    A gap at the end of the window cannot look ahead and takes the value before it; one at
    the beginning stays missing.
    """

    limit: int
    steps: int

    def apply(self, windows: Inputs) -> Inputs:
        before, after = _place_before(windows), _place_after(windows)
        first = np.take_along_axis(windows, np.maximum(before, 0), axis=1).astype(float)
        last = np.take_along_axis(windows, np.minimum(after, self.steps - 1), axis=1)
        rise = np.where(after < self.steps, last - first, 0)
        place = np.arange(self.steps)[:, None]
        line = first + rise * ((place - before) / np.maximum(after - before, 1))
        bridged = np.isnan(windows) & (before >= 0) & (after - before - 1 <= self.limit)
        return np.where(bridged, line, windows).astype(np.float32)

    def to_onnx(self, graph: Graph, windows: str) -> str:
        rows = _Neighbours(graph, windows, reach=self.limit, steps=self.steps)
        first = rows.value(rows.before)
        # Without a neighbour ahead the last step is gathered, which is then missing itself.
        last = rows.value(graph.node("Min", rows.after, graph.constant(self.steps - 1.0)))
        rise = graph.node("Sub", last, first)
        rise = graph.node("Where", graph.node("IsNaN", rise), graph.constant(0.0), rise)
        width = graph.node("Sub", rows.after, rows.before)
        share = graph.node("Div", graph.node("Sub", rows.place, rows.before), width)
        line = graph.node("Add", first, graph.node("Mul", rise, share))
        is_short = graph.node("LessOrEqual", width, graph.constant(self.limit + 1.0))
        is_bridged = graph.node("And", rows.has_before, is_short)
        is_bridged = graph.node("And", graph.node("IsNaN", rows.values), is_bridged)
        return rows.as_windows(graph.node("Where", is_bridged, line, rows.values))


@dataclass(frozen=True)
class Flagged:
    """Steps that fill and scale, and beside every feature a flag of 1 where it was missing."""

    steps: tuple[Step, ...]

    def apply(self, windows: Inputs) -> Inputs:
        flags = np.isnan(windows).astype(np.float32)
        return np.concatenate([apply_all(self.steps, windows), flags], axis=2)

    def to_onnx(self, graph: Graph, windows: str) -> str:
        flags = graph.node("Cast", graph.node("IsNaN", windows), to=TensorProto.FLOAT)
        for step in self.steps:
            windows = step.to_onnx(graph, windows)
        return graph.node("Concat", windows, flags, axis=2)

    def names(self, features: Sequence[str]) -> tuple[str, ...]:
        return (*features, *(f"{feature} missing" for feature in features))


def fit_median(windows: Inputs) -> TrainingMedian:
    """Learn the median of the known values of each feature; 0 where none is known."""
    columns = known_values(windows)
    return TrainingMedian(np.array([np.median(x) if x.size else 0.0 for x in columns]))


class _Neighbours:
    """The known neighbours of every step as ONNX nodes, on (rows, features, steps) for pooling.

    `before` is the place of the last known step up to `reach` back, or -1, `after` that of the
    next one up to `reach` ahead, or the number of steps; a known step is its own neighbour.
    """

    def __init__(self, graph: Graph, windows: str, *, reach: int, steps: int) -> None:
        reach = min(reach, steps - 1)
        self._graph = graph
        self.values = graph.node("Transpose", windows, perm=[0, 2, 1])
        self.place = graph.constant(np.arange(steps, dtype=float))
        is_missing = graph.node("IsNaN", self.values)
        known = graph.node("Where", is_missing, graph.constant(-1.0), self.place)
        pool = {"kernel_shape": [reach + 1]}
        self.before = graph.node("MaxPool", known, pads=[reach, 0], **pool)
        self.has_before = graph.node("GreaterOrEqual", self.before, graph.constant(0.0))
        ahead = graph.node("Where", is_missing, graph.constant(float(steps)), self.place)
        ahead = graph.node("MaxPool", graph.node("Neg", ahead), pads=[0, reach], **pool)
        self.after = graph.node("Neg", ahead)

    def value(self, place: str) -> str:
        """Return the values at places; where there is no place, that of the first step."""
        graph = self._graph
        place = graph.node("Max", place, graph.constant(0.0))
        place = graph.node("Cast", place, to=TensorProto.INT64)
        return graph.node("GatherElements", self.values, place, axis=2)

    def as_windows(self, values: str) -> str:
        """Turn values back to (rows, steps, features)."""
        return self._graph.node("Transpose", values, perm=[0, 2, 1])


def _place_before(windows: Inputs) -> NDArray[np.intp]:
    place = np.arange(windows.shape[1])[:, None]
    return np.maximum.accumulate(np.where(np.isnan(windows), -1, place), axis=1)


def _place_after(windows: Inputs) -> NDArray[np.intp]:
    steps = windows.shape[1]
    place = np.where(np.isnan(windows), steps, np.arange(steps)[:, None])
    return np.minimum.accumulate(place[:, ::-1], axis=1)[:, ::-1]


def fit_plugin(config: PreparationConfig, windows: Inputs) -> tuple[Step, ...]:
    """Fit the imputer of a configuration; what it leaves missing takes the training median.

    Raises
    ------
    InvalidInputError
        When it does not exist, refuses its options, is no `Step`, or changes the shape.
    """
    name = config.imputer or ""
    fit = plugins.load(plugins.IMPUTERS, name)
    plugins.refuse_unknown_options(name, fit, config.imputer_options, "windows")
    step: Step = fit(windows=windows, **config.imputer_options)
    plugins.accept_draw(type(step))
    absent = [method for method in ("apply", "to_onnx", "names") if not hasattr(step, method)]
    if absent:
        raise InvalidInputError(
            f"the imputer {name!r} returned {type(step).__name__}, which has no"
            f" {', '.join(absent)}; docs/own-models.md says what a step is"
        )
    filled = apply_all((step,), windows)
    if filled.shape != windows.shape:
        raise InvalidInputError(
            f"the imputer {name!r} made windows of shape {filled.shape[1:]} from"
            f" {windows.shape[1:]}; an imputer fills values and leaves the rest as it is"
        )
    return step, fit_median(windows)
