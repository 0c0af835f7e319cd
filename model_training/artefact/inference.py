"""Inference: raw probabilities computed from inputs, in a graph of onnxruntime."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import onnxruntime
import orjson
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as refusal

from model_training.artefact.manifest import Manifest
from model_training.features import Inputs
from solar.errors import ArtifactError

INPUT = "features"
OUTPUT = "probabilities"
# The names of the inputs, as a JSON list in the metadata of a graph.
NAMES = "features"
# Graphs with many support vectors or neighbours hold a number for each of them and every row.
ROWS_AT_ONCE = 5000
_NUMBERS = ("tensor(float)", "tensor(double)")


# They have no parent of their own.
_REFUSALS = (
    refusal.Fail,
    refusal.InvalidArgument,
    refusal.InvalidGraph,
    refusal.InvalidProtobuf,
    refusal.NotImplemented,
    refusal.RuntimeException,
)


@dataclass(frozen=True)
class Raw:
    """(n, columns) probabilities, NaN where none was given; `reason` says why none was at all."""

    probabilities: NDArray[np.float64]
    reason: str | None = None


class Inference(Protocol):
    """A source of raw probabilities; safe to call from several threads."""

    def run(self, inputs: Inputs) -> Raw:
        """Compute (n, f) or (n, L, f) inputs, NaN = missing."""
        ...


class GraphInference:
    """The graph of an artefact in this process, on one thread."""

    def __init__(self, manifest: Manifest, graph: bytes) -> None:
        try:
            self._session = open_session(graph)
        except _REFUSALS as error:
            reason = str(error).splitlines()[0]
            raise ArtifactError(f"its graph cannot be loaded: {reason}") from error
        self._manifest = manifest

    def run(self, inputs: Inputs) -> Raw:
        return Raw(compute(self._session, inputs))

    def contradictions(self) -> list[str]:
        """List statements of the manifest about the graph that are wrong."""
        return [*self._of_names(), *self._of_inputs(), *self._of_outputs()]

    def _of_names(self) -> list[str]:
        written = self._session.get_modelmeta().custom_metadata_map.get(NAMES)
        if written is None:
            return []
        return other_features(self._manifest, orjson.loads(written), "graph")

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
            for event in self._manifest.events
            if not _is_below(event.column, tensor.shape[1])
        ]


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
