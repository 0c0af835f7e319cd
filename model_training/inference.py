"""Inference: what computes raw probabilities from inputs, here in a graph of onnxruntime."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import onnxruntime
import orjson
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as refusal

from model_training.manifest import Manifest
from solar.errors import ArtifactError

INPUT = "features"
OUTPUT = "probabilities"
# The names of the inputs, as a JSON list in the metadata of a graph.
NAMES = "features"
# Graphs with many support vectors or neighbours hold a number for each of them and every row.
ROWS_AT_ONCE = 5000

Inputs = NDArray[np.float32]

# They have no parent of their own.
_REFUSALS = (
    refusal.Fail, refusal.InvalidArgument, refusal.InvalidGraph, refusal.InvalidProtobuf,
    refusal.NotImplemented, refusal.RuntimeException,
)  # fmt: skip


@dataclass(frozen=True)
class Raw:
    """(n, columns) probabilities, NaN where none was given; `reason` says why none was at all."""

    probabilities: NDArray[np.float64]
    reason: str | None = None


class Inference(Protocol):
    """What computes; safe to call from several threads."""

    def run(self, inputs: Inputs) -> Raw:
        """Compute (n, f) or (n, L, f) inputs, NaN = missing."""
        ...


class GraphInference:
    """The graph of an artefact in this process, on one thread."""

    def __init__(self, manifest: Manifest, graph: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        try:
            self._session = onnxruntime.InferenceSession(
                graph, options, providers=["CPUExecutionProvider"]
            )
        except _REFUSALS as error:
            reason = str(error).splitlines()[0]
            raise ArtifactError(
                f"model {manifest.model_id}: its graph cannot be loaded: {reason}"
            ) from error
        self._refuse_other_names(manifest)
        self._refuse_other_shapes(manifest)

    def run(self, inputs: Inputs) -> Raw:
        parts = [
            self._session.run([OUTPUT], {INPUT: inputs[first : first + ROWS_AT_ONCE]})[0]
            for first in range(0, len(inputs), ROWS_AT_ONCE)
        ]
        return Raw(np.concatenate(parts).astype(float))

    def _refuse_other_names(self, manifest: Manifest) -> None:
        for what, expected, tensors in (
            ("input", INPUT, self._session.get_inputs()),
            ("output", OUTPUT, self._session.get_outputs()),
        ):
            names = [tensor.name for tensor in tensors]
            if expected not in names:
                raise ArtifactError(
                    f"model {manifest.model_id}: its graph has no {what} {expected!r}, only"
                    f" {', '.join(names)}; export the model again"
                )
        written = self._session.get_modelmeta().custom_metadata_map.get(NAMES)
        if written is not None:
            refuse_other_features(manifest, orjson.loads(written), "graph")

    def _refuse_other_shapes(self, manifest: Manifest) -> None:
        tensor = next(one for one in self._session.get_inputs() if one.name == INPUT)
        if tensor.type != "tensor(float)":
            raise ArtifactError(
                f"model {manifest.model_id}: its graph takes {tensor.type} where inputs are"
                " tensor(float); export the model again"
            )
        given, expected = tensor.shape[1:], input_shape(manifest)
        if len(given) != len(expected) or not all(map(_fits, given, expected)):
            raise ArtifactError(
                f"model {manifest.model_id}: its graph takes inputs of shape {tuple(given)} where"
                f" its manifest describes {expected}: {_features_in_words(manifest)}; export the"
                " model again"
            )
        self._refuse_missing_columns(manifest)

    def _refuse_missing_columns(self, manifest: Manifest) -> None:
        tensor = next(one for one in self._session.get_outputs() if one.name == OUTPUT)
        width = tensor.shape[-1]
        for event in manifest.events:
            if isinstance(width, int) and event.column >= width:
                raise ArtifactError(
                    f"model {manifest.model_id}: its manifest finds {event.name} in column"
                    f" {event.column} of the output, which has {width}; export the model again"
                )


def input_shape(manifest: Manifest) -> tuple[int, ...]:
    """Return the shape of one row of inputs: (f,), or (L, f) for windows."""
    steps = () if manifest.window_length == 1 else (manifest.window_length,)
    return (*steps, len(manifest.features))


def refuse_other_features(manifest: Manifest, given: list[str], whose: str) -> None:
    """Refuse a model whose inputs are not those of its manifest, naming the first difference."""
    expected = [feature.name for feature in manifest.features]
    if given == expected:
        return
    lacking = [name for name in expected if name not in given]
    foreign = [name for name in given if name not in expected]
    said = [f"lacks {', '.join(lacking)}"] if lacking else []
    said += [f"takes {', '.join(foreign)} beside them"] if foreign else []
    order = next((a for a, b in zip(expected, given, strict=False) if a != b), "")
    raise ArtifactError(
        f"model {manifest.model_id}: its {whose}"
        f" {' and '.join(said) or f'has {order} in another place'}, where its manifest lists"
        f" {', '.join(expected)}; export the model again"
    )


def _fits(given: object, expected: int) -> bool:
    # A dimension without a number fits any.
    return not isinstance(given, int) or given == expected


def _features_in_words(manifest: Manifest) -> str:
    names = ", ".join(feature.name for feature in manifest.features)
    steps = manifest.window_length
    return names if steps == 1 else f"{steps} steps of {names}"
