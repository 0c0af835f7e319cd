"""The scale of inputs: a shift and a division by feature, after a signed logarithm if wanted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from model_training.artefact.graph import Graph
from model_training.features import Floats, Inputs
from model_training.fitting.preparation.step import SameFeatures, known_values
from model_training.recipe.estimators import Scaling

_SMALLEST_TENTH = 0.1
# What is smaller would be 0 in the single precision of the graph.
_LEAST = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True)
class Scaled(SameFeatures):
    """(x - centre) / spread, by feature; NaN stays NaN.

    Parameters
    ----------
    centre, spread : (features,)
    log_scale : (features,) to take asinh(x / log_scale) first, a logarithm of either sign that
        is linear near zero; None takes x itself
    """

    centre: Floats
    spread: Floats
    log_scale: Floats | None = None

    def apply(self, windows: Inputs) -> Inputs:
        values = windows.astype(float)
        if self.log_scale is not None:
            values = np.arcsinh(values / self.log_scale)
        return ((values - self.centre) / self.spread).astype(np.float32)

    def invert(self, scaled: Inputs) -> Inputs:
        """Return to the units of the features; one that did not vary has its only value."""
        width = np.where(np.isfinite(self.spread), self.spread, 0)
        values = scaled * width + self.centre
        if self.log_scale is not None:
            values = np.sinh(values) * self.log_scale
        return values.astype(np.float32)

    def to_onnx(self, graph: Graph, windows: str) -> str:
        if self.log_scale is not None:
            ratio = graph.node("Div", windows, graph.constant(self.log_scale))
            windows = graph.node("Asinh", ratio)
        # What single precision cuts off a centre far from 0 is subtracted on its own.
        coarse = self.centre.astype(np.float32).astype(float)
        centred = graph.node("Sub", windows, graph.constant(coarse))
        centred = graph.node("Sub", centred, graph.constant(self.centre - coarse))
        return graph.node("Div", centred, graph.constant(self.spread))


def fit_scaling(kind: Scaling, windows: Inputs, *, filled: Inputs) -> tuple[Scaled, ...]:
    """Learn a scaling from training windows over all cases and steps; none is no step.

    Parameters
    ----------
    windows : (n, steps, features), whose known values set the scale of a signed logarithm
    filled : the same with missing values filled as far as they will be, which sets all else

    A feature that did not vary, or was never known, becomes 0 whatever is measured later: on no
    scale learned from it would another value be anything but wild.
    """
    if kind == "none":
        return ()
    if kind != "signed-log":
        return (_fitted(kind, known_values(filled)),)
    scale = np.array([_log_scale(column) for column in known_values(windows)])
    columns = (np.arcsinh(x / s) for x, s in zip(known_values(filled), scale, strict=True))
    return (_fitted(kind, columns, log_scale=scale),)


def _fitted(kind: Scaling, columns: Iterable[Floats], *, log_scale: Floats | None = None) -> Scaled:
    pairs = np.array([_centre_and_spread(kind, column) for column in columns])
    return Scaled(pairs[:, 0], pairs[:, 1], log_scale)


def _centre_and_spread(kind: Scaling, column: Floats) -> tuple[float, float]:
    """Return the centre and the spread of (m,) known values."""
    if not column.size:
        return 0.0, np.inf
    low, high = float(column.min()), float(column.max())
    # Rounding gives a constant a tiny deviation, which would blow up its noise.
    if low == high:
        return low, np.inf
    centre, spread = float(column.mean()), float(column.std())
    if kind == "min-max":
        centre, spread = low, high - low
    if kind == "robust":
        lower, centre, upper = (float(x) for x in np.quantile(column, (0.25, 0.5, 0.75)))
        # A feature that is mostly one value has no quartile range.
        spread = upper - lower or spread
    return centre, spread if spread >= _LEAST else np.inf


def _log_scale(column: Floats) -> float:
    """Return the smallest tenth of the sizes of known values other than 0."""
    size = np.abs(column[column != 0])
    return max(float(np.quantile(size, _SMALLEST_TENTH)), _LEAST) if size.size else 1.0
