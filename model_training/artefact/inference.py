"""Inference: raw probabilities computed from inputs, in a graph of onnxruntime."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import onnxruntime
import orjson
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as refusal

from model_training.artefact.manifest import Manifest
from model_training.features import Inputs
from solar.errors import ArtifactError, FlarewatchError

INPUT = "features"
OUTPUT = "probabilities"
# The names of the inputs, as a JSON list in the metadata of a graph.
NAMES = "features"
# Graphs with many support vectors or neighbours hold a number for each of them and every row.
ROWS_AT_ONCE = 5000
FAILED = "the graph of the model fails"
WRONG_SHAPE = "the output of the model has another shape than its manifest says"
_NUMBERS = ("tensor(float)", "tensor(double)")
_LONGEST_REASON = 300
_NO_MEMORY = ("Failed to allocate memory", "bad_alloc")
_log = logging.getLogger(__name__)

# They have no parent of their own.
_REFUSALS: tuple[type[Exception], ...] = tuple(
    kind
    for kind in vars(refusal).values()
    if isinstance(kind, type) and issubclass(kind, Exception)
)
# A name in a graph, or in what the runtime says of it, may be no UTF-8.
_FAILURES: tuple[type[Exception], ...] = (*_REFUSALS, MemoryError, UnicodeDecodeError)


@dataclass(frozen=True)
class Raw:
    """(n, columns) probabilities, NaN where none was given; `reasons` says of some rows why."""

    probabilities: NDArray[np.float64]
    reasons: Mapping[int, str] = field(default_factory=dict)


class Inference(Protocol):
    """A source of raw probabilities; safe to call from several threads."""

    def run(self, inputs: Inputs) -> Raw:
        """Compute (n, f) or (n, L, f) inputs, NaN = missing."""
        ...


class GraphError(FlarewatchError):
    """A graph fails or answers in another shape; `detail` is for the log."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.detail = f"{reason}: {detail}"


class GraphInference:
    """The graph of an artefact in this process, on one thread."""

    def __init__(self, manifest: Manifest, graph: bytes) -> None:
        try:
            self._session = open_session(graph)
        except _FAILURES as error:
            raise ArtifactError(f"its graph cannot be loaded: {in_words(error)}") from error
        self._manifest = manifest
        self._columns = 1 + max(target.column for target in manifest.all_targets)

    def run(self, inputs: Inputs) -> Raw:
        """Compute; what fails for some rows leaves these without a probability, with a reason."""
        probabilities = np.full((len(inputs), self._columns), np.nan)
        reasons: dict[int, str] = {}
        for first in range(0, len(inputs), ROWS_AT_ONCE):
            rows = slice(first, min(first + ROWS_AT_ONCE, len(inputs)))
            try:
                probabilities[rows] = self.compute(inputs[rows])
            except GraphError as error:
                _log.warning("model %s: %s", self._manifest.model_id, error.detail)
                reasons |= dict.fromkeys(range(rows.start, rows.stop), str(error))
        return Raw(probabilities, reasons)

    def compute(self, inputs: Inputs) -> NDArray[np.float64]:
        """Compute the columns that the manifest knows of, (n, columns), all rows at once.

        Raises
        ------
        GraphError
            When the graph fails, or gives another shape.
        """
        try:
            output = self._session.run([OUTPUT], {INPUT: inputs})[0]
        except _FAILURES as error:
            raise GraphError(FAILED, in_words(error)) from error
        if output.ndim != 2 or len(output) != len(inputs) or output.shape[1] < self._columns:
            shape = " x ".join(map(str, output.shape))
            raise GraphError(
                WRONG_SHAPE, f"{shape} numbers to {len(inputs)} rows of {self._columns}"
            )
        return np.asarray(output[:, : self._columns], float)

    def contradictions(self) -> list[str]:
        """List statements of the manifest about the graph that are wrong."""
        return [*self._of_names(), *self._of_inputs(), *self._of_outputs()]

    def _of_names(self) -> list[str]:
        written = self._session.get_modelmeta().custom_metadata_map.get(NAMES)
        if written is None:
            return []
        try:
            names = orjson.loads(written)
        except orjson.JSONDecodeError:
            names = None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            return [f"the metadata {NAMES!r} of its graph are no JSON list of names"]
        return other_features(self._manifest, names, "graph")

    def _of_inputs(self) -> list[str]:
        tensors = {tensor.name: tensor for tensor in self._session.get_inputs()}
        if set(tensors) != {INPUT}:
            return [f"its graph takes {', '.join(tensors)} where the one input is called {INPUT!r}"]
        tensor = tensors[INPUT]
        if tensor.type != "tensor(float)":
            return [f"its graph takes {tensor.type} where inputs are tensor(float)"]
        actual, expected = tensor.shape[1:], input_shape(self._manifest)
        if len(actual) == len(expected) and all(map(_fits, actual, expected)):
            return []
        return [
            f"its graph takes inputs of shape {tuple(actual)} where its manifest describes"
            f" {expected}: {_features_in_words(self._manifest)}"
        ]

    def _of_outputs(self) -> list[str]:
        tensors = {tensor.name: tensor for tensor in self._session.get_outputs()}
        if OUTPUT not in tensors:
            return [f"its graph has no output {OUTPUT!r}, only {', '.join(tensors)}"]
        tensor = tensors[OUTPUT]
        if tensor.type not in _NUMBERS or len(tensor.shape) != 2:
            return [
                f"its graph gives {tensor.type} of shape {tuple(tensor.shape)} where probabilities"
                " are a table of numbers (skl2onnx makes one with zipmap=False)"
            ]
        return [
            f"event {event.name} is in column {event.column} of the output, which has"
            f" {tensor.shape[1]}, counted from 0"
            for event in self._manifest.all_targets
            if not _is_below(event.column, tensor.shape[1])
        ]


def in_words(error: BaseException) -> str:
    """Return the first line of what the runtime says, which may be long."""
    if isinstance(error, MemoryError) or any(word in str(error) for word in _NO_MEMORY):
        return "there is not enough memory for it"
    if isinstance(error, UnicodeDecodeError):
        return "a name in it is no UTF-8"
    return (str(error).splitlines() or [type(error).__name__])[0][:_LONGEST_REASON]


def open_session(graph: bytes) -> onnxruntime.InferenceSession:
    """Open a graph on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def compute(session: onnxruntime.InferenceSession, inputs: Inputs) -> NDArray[np.float64]:
    """Return (n, columns) probabilities of inputs, some rows at a time."""
    parts = [
        session.run([OUTPUT], {INPUT: inputs[first : first + ROWS_AT_ONCE]})[0]
        for first in range(0, len(inputs), ROWS_AT_ONCE)
    ]
    return np.concatenate(parts).astype(float)


def input_shape(manifest: Manifest) -> tuple[int, ...]:
    """Return the shape of one row of inputs: (f,), or (L, f) for windows."""
    steps = () if manifest.window_length == 1 else (manifest.window_length,)
    return (*steps, len(manifest.features))


def other_features(manifest: Manifest, names: list[str], whose: str) -> list[str]:
    """Compare the inputs that a model names with those of its manifest; at most one sentence."""
    expected = list(manifest.feature_names)
    if names == expected:
        return []
    absent = [name for name in expected if name not in names]
    foreign = [name for name in names if name not in expected]
    faults = [f"lacks {', '.join(absent)}"] if absent else []
    faults += [f"takes {', '.join(foreign)} beside them"] if foreign else []
    order = next((a for a, b in zip(expected, names, strict=False) if a != b), "")
    return [
        f"its {whose} {' and '.join(faults) or f'has {order} in another place'}, where its manifest"
        f" lists {', '.join(expected)}"
    ]


def _fits(size: object, expected: int) -> bool:
    # A dimension without a number fits any.
    return not isinstance(size, int) or size == expected


def _is_below(column: int, width: object) -> bool:
    return not isinstance(width, int) or column < width


def _features_in_words(manifest: Manifest) -> str:
    names = ", ".join(manifest.feature_names)
    steps = manifest.window_length
    return names if steps == 1 else f"{steps} steps of {names}"
