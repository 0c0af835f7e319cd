"""Export: ONNX graphs with one named input and one column of raw probability per event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, compose, helper, numpy_helper

from model_training.artifact import INPUT, OUTPUT
from model_training.features import Floats
from model_training.sizes import LEAST_QUIET

# The newest sets that both the converter and the runtime know.
_OPSETS = (helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3))
_IR_VERSION = 8


def build(
    nodes: Sequence[onnx.NodeProto],
    constants: Mapping[str, NDArray[Any]],
    *,
    shape: tuple[int, int],
) -> onnx.ModelProto:
    """Make a model from INPUT (n, shape[0]) to OUTPUT (n, shape[1]), both float32."""
    graph = helper.make_graph(
        nodes,
        "flarewatch",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["rows", shape[0]])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["rows", shape[1]])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=_OPSETS, producer_name="flarewatch")
    model.ir_version = _IR_VERSION
    onnx.checker.check_model(model)
    return model


def merge(models: Sequence[onnx.ModelProto], n_features: int) -> onnx.ModelProto:
    """Put one-event models side by side on a shared input."""
    nodes: list[onnx.NodeProto] = []
    constants: dict[str, NDArray[Any]] = {}
    columns = []
    for number, model in enumerate(models):
        named = compose.add_prefix(model, f"event{number}_", rename_inputs=False)
        nodes.extend(named.graph.node)
        constants |= constants_of(named)
        columns.append(named.graph.output[0].name)
    nodes.append(helper.make_node("Concat", columns, [OUTPUT], axis=1))
    return build(nodes, constants, shape=(n_features, len(models)))


def with_rarer(model: onnx.ModelProto, *, reference: int, ratios: Floats) -> onnx.ModelProto:
    """Append a column of `sizes.rarer` for each of the (k,) ratios, p being one column."""
    named = compose.add_prefix(model, "fitted_", rename_inputs=False)
    fitted = named.graph.output[0].name
    n_features, n_fitted = (
        part.type.tensor_type.shape.dim[1].dim_value
        for part in (named.graph.input[0], named.graph.output[0])
    )
    nodes = [
        *named.graph.node,
        helper.make_node("Gather", [fitted, "reference"], ["common"], axis=1),
        helper.make_node("Sub", ["one", "common"], ["quiet"]),
        helper.make_node("Max", ["quiet", "least"], ["bounded"]),
        helper.make_node("Pow", ["bounded", "ratios"], ["spared"]),
        helper.make_node("Sub", ["one", "spared"], ["rarer"]),
        helper.make_node("Concat", [fitted, "rarer"], [OUTPUT], axis=1),
    ]
    constants = constants_of(named) | {
        "reference": np.array([reference], np.int64),
        "one": np.array(1, np.float32),
        "least": np.array(LEAST_QUIET, np.float32),
        "ratios": ratios.astype(np.float32)[None, :],
    }
    return build(nodes, constants, shape=(n_features, n_fitted + len(ratios)))


def constants_of(model: onnx.ModelProto) -> dict[str, NDArray[Any]]:
    """Return the constants of a graph by name."""
    return {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}


def to_bytes(model: onnx.ModelProto) -> bytes:
    """Return the content of ``model.onnx``, the same for the same model."""
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def run(model: onnx.ModelProto, inputs: NDArray[np.float32]) -> Floats:
    """Compute (n, n_events) probabilities with the runtime that serves."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        to_bytes(model), options, providers=["CPUExecutionProvider"]
    )
    (output,) = session.run([OUTPUT], {INPUT: inputs})
    return np.asarray(output, float)
