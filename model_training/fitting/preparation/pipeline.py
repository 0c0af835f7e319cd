"""A fitted preparation: from raw windows to the inputs of an estimator, in numpy and in ONNX."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model_training.artefact.graph import Graph, run
from model_training.features import Inputs
from model_training.fitting.preparation.missing import (
    CarriedForward,
    Flagged,
    Interpolated,
    WindowMean,
    fit_median,
    fit_plugin,
)
from model_training.fitting.preparation.scaling import fit_scaling
from model_training.fitting.preparation.statistics import WindowStatistics
from model_training.fitting.preparation.step import Step, apply_all
from model_training.recipe.estimators import PreparationConfig
from solar.errors import InvalidInputError


@dataclass(frozen=True)
class Preparation:
    """Steps in their order.

    Parameters
    ----------
    required : the steps of a window in which no value may be missing in training; None
        where values may be missing everywhere
    """

    steps: tuple[Step, ...]
    reads_windows: bool
    required: slice | None = None

    def apply(self, windows: Inputs) -> Inputs:
        """Return (n, steps, f') inputs, or (n, f') where the estimator reads one row."""
        prepared = apply_all(self.steps, windows)
        return prepared if self.reads_windows else prepared[:, 0]

    def to_onnx(self, graph: Graph, windows: str | None = None) -> str:
        """Add the same function of a tensor, by default the graph's windows, to the graph."""
        tensor = windows or graph.windows
        for step in self.steps:
            tensor = step.to_onnx(graph, tensor)
        return tensor if self.reads_windows else graph.node("Squeeze", tensor, graph.constant([1]))

    def rows_kept(self, windows: Inputs) -> NDArray[np.bool_]:
        """Tell which of n windows may be trained on, (n,)."""
        if self.required is None:
            return np.ones(len(windows), bool)
        kept: NDArray[np.bool_] = np.all(~np.isnan(windows[:, self.required]), axis=(1, 2))
        return kept

    def names(self, features: Sequence[str]) -> tuple[str, ...]:
        """Name the inputs of the estimator, such as ``USFLUX mean`` or ``USFLUX missing``."""
        names = tuple(features)
        for step in self.steps:
            names = step.names(names)
        return names


class AsServed(Preparation):
    """A preparation that is computed by its graph, to the last digit of what serves.

    For estimators that jump between inputs which are nearly equal: numpy and the graph differ by
    some 1e-7, and a neighbour more or a branch of a tree is a difference that counts.
    """

    def apply(self, windows: Inputs) -> Inputs:
        if not len(windows):
            return super().apply(windows)
        graph = Graph(steps=windows.shape[1], features=windows.shape[2])
        width = super().apply(windows[:1]).shape[-1]
        model = graph.finish([self.to_onnx(graph)], width)
        inputs = windows[:, 0] if windows.shape[1] == 1 else windows
        return run(model, np.ascontiguousarray(inputs, np.float32)).astype(np.float32)


def fit_preparation(
    config: PreparationConfig, windows: Inputs, *, reads_windows: bool, takes_missing: bool
) -> Preparation:
    """Learn a preparation from training windows (n, steps, features), NaN = missing.

    A chosen fill comes first and ends in the training median. Then come the statistics where
    one row is read, then the scaling. ``learned`` fills nothing before the statistics: what
    is missing after them stays so for an estimator that takes it, and else becomes the
    training median beside a flag that is not scaled.
    """
    steps = windows.shape[1]
    required = _required(config, reads_windows=reads_windows)
    if required is not None:
        windows = _some(windows[Preparation((), reads_windows, required).rows_kept(windows)])
    first = _fit_fill(config, windows)
    if not reads_windows:
        first += (WindowStatistics(config.statistics, steps),)
    prepared = apply_all(first, windows)
    if config.missing != "learned" or takes_missing:
        last: tuple[Step, ...] = fit_scaling(config.scaling, prepared, filled=prepared)
    else:
        last = (_fit_flagged(config, prepared),)
    return Preparation(first + last, reads_windows, required)


def _required(config: PreparationConfig, *, reads_windows: bool) -> slice | None:
    if config.missing != "drop":
        return None
    sees_last_step_alone = not reads_windows and config.statistics == ("last",)
    return slice(-1, None) if sees_last_step_alone else slice(None)


def _some(windows: Inputs) -> Inputs:
    if not len(windows):
        raise InvalidInputError(
            'every training window misses a value, so missing = "drop" leaves none; choose'
            " another way to meet missing values or leave out the features that are never known"
        )
    return windows


def _fit_fill(config: PreparationConfig, windows: Inputs) -> tuple[Step, ...]:
    if config.missing == "learned":
        return ()
    if config.missing == "plugin":
        return fit_plugin(config, windows)
    steps = windows.shape[1]
    before: dict[str, tuple[Step, ...]] = {
        "drop": (),
        "mean": (WindowMean(),),
        "last": (CarriedForward(config.limit_steps, steps),),
        "linear": (Interpolated(config.limit_steps, steps),),
    }
    return (*before[config.missing], fit_median(windows))


def _fit_flagged(config: PreparationConfig, windows: Inputs) -> Flagged:
    median = fit_median(windows)
    filled = apply_all((median,), windows)
    return Flagged((median, *fit_scaling(config.scaling, windows, filled=filled)))
