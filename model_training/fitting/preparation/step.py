"""A step of preparation: a function of windows, fitted on training rows, that exports to ONNX."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from model_training.artefact.graph import Graph
from model_training.features import Floats, Inputs

# Keeps what a step computes in double precision on the way below some hundred MB.
_VALUES_PER_BLOCK = 4_000_000


class Step(Protocol):
    """From (n, steps, features) float32 to the same, perhaps with other steps and features."""

    def apply(self, windows: Inputs) -> Inputs:
        """Compute the step on windows, NaN = missing."""
        ...

    def to_onnx(self, graph: Graph, windows: str) -> str:
        """Add the same function of a tensor to the graph."""
        ...

    def names(self, features: Sequence[str]) -> tuple[str, ...]:
        """Name the features that come out, given the names of those that go in."""
        ...


class SameFeatures:
    """A step whose features are those that went in."""

    def names(self, features: Sequence[str]) -> tuple[str, ...]:
        """Return the names as they are."""
        return tuple(features)


def apply_all(steps: Sequence[Step], windows: Inputs) -> Inputs:
    """Compute steps one after another, some rows at a time."""
    if not steps or not len(windows):
        return _through(steps, windows)
    blocks = list(_blocks(len(windows), values=windows[0].size))
    first = _through(steps, windows[blocks[0]])
    prepared = np.empty((len(windows), *first.shape[1:]), first.dtype)
    prepared[blocks[0]] = first
    for block in blocks[1:]:
        prepared[block] = _through(steps, windows[block])
    return prepared


def known_values(windows: Inputs) -> Iterator[Floats]:
    """Go through the features, and return the (m,) values of each that are not missing."""
    for feature in range(windows.shape[2]):
        column = windows[:, :, feature].astype(float).ravel()
        yield column[~np.isnan(column)]


def _through(steps: Sequence[Step], windows: Inputs) -> Inputs:
    for step in steps:
        windows = step.apply(windows)
    return windows


def _blocks(n: int, *, values: int) -> Iterator[slice]:
    rows = max(1, _VALUES_PER_BLOCK // max(1, values))
    return (slice(first, first + rows) for first in range(0, n, rows))
