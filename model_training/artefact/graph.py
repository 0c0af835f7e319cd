"""A graph in the making: ONNX nodes and constants under names that never clash."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import orjson
from numpy.typing import ArrayLike, NDArray
from onnx import TensorProto, compose, helper, numpy_helper

from model_training.artefact.inference import INPUT, NAMES, OUTPUT, compute, open_session

# The newest sets that both the converters and the runtime know.
_OPSETS = (helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3))
_IR_VERSION = 8


class Graph:
    """The nodes and constants of a model; every method returns the name of a tensor.

    `windows` is the tensor every export starts from: (rows, steps, features) float32, NaN
    where missing, whatever the shape of the input of the finished model.
    """

    def __init__(self, *, steps: int, features: int) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._shape = [features] if steps == 1 else [steps, features]
        self._prefix = "tensor"
        self.windows = self.node("Unsqueeze", INPUT, self.constant([1])) if steps == 1 else INPUT

    def constant(self, value: ArrayLike) -> str:
        """Keep an array; floats become float32, integers int64."""
        array = np.asarray(value)
        kept = array.astype(np.float32) if array.dtype.kind == "f" else array
        kept = kept.astype(np.int64) if kept.dtype.kind in "iu" else kept
        name = f"constant{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(kept, name))
        return name

    def double(self, value: ArrayLike) -> str:
        """Keep numbers that float32 holds, for use as float64."""
        return self.node("Cast", self.constant(value), to=TensorProto.DOUBLE)

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add an operator with one output."""
        return self.nodes(operator, *inputs, outputs=1, **attributes)[0]

    def nodes(self, operator: str, *inputs: str, outputs: int, **attributes: Any) -> list[str]:
        """Add an operator with several outputs, and return the names of all."""
        names = [f"{self._prefix}{len(self._nodes)}_{place}" for place in range(outputs)]
        self._nodes.append(helper.make_node(operator, inputs, names, **attributes))
        return names

    def for_each_row(self, rows: str, function: Callable[[str], str]) -> str:
        """Add a function of one row (f,), giving (1,), for every row of (rows, f) doubles.

        Returns (rows, 1). One row at a time needs no tensor of rows times training rows. What the
        function adds is computed anew for each row, so that what is constant belongs before it.
        """
        outside, self._nodes = self._nodes, []
        self._prefix, row = f"row{len(outside)}_", f"row{len(outside)}"
        result = function(row)
        body = helper.make_graph(
            self._nodes,
            "row",
            [helper.make_tensor_value_info(row, TensorProto.DOUBLE, None)],
            [helper.make_tensor_value_info(result, TensorProto.DOUBLE, [1])],
        )
        self._nodes, self._prefix = outside, "tensor"
        return self.node("Scan", rows, body=body, num_scan_inputs=1)

    def absorb(self, model: onnx.ModelProto, inputs: str) -> list[str]:
        """Add a whole model that a converter made, on one of the tensors here."""
        named = compose.add_prefix(model, f"model{len(self._nodes)}_")
        source = named.graph.input[0].name
        for item in named.graph.initializer:
            self._constants.append(item)
        self._nodes.append(helper.make_node("Identity", [inputs], [source]))
        self._nodes.extend(named.graph.node)
        return [output.name for output in named.graph.output]

    def finish(self, columns: Sequence[str], width: int | None = None) -> onnx.ModelProto:
        """Make the model whose output is tensors side by side, `width` columns in all.

        Without `width` each tensor is one column.
        """
        width = len(columns) if width is None else width
        self._nodes.append(helper.make_node("Concat", list(columns), [OUTPUT], axis=1))
        graph = helper.make_graph(
            self._nodes,
            "flarewatch",
            [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["rows", *self._shape])],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["rows", width])],
            self._constants,
        )
        model = helper.make_model(graph, opset_imports=_OPSETS, producer_name="flarewatch")
        model.ir_version = _IR_VERSION
        onnx.checker.check_model(model)
        return model


def named(model: onnx.ModelProto, features: Sequence[str]) -> onnx.ModelProto:
    """Write the names of the inputs into a model, so that another list is refused."""
    helper.set_model_props(model, {NAMES: orjson.dumps(list(features)).decode()})
    return model


def to_bytes(model: onnx.ModelProto) -> bytes:
    """Return the content of ``model.onnx``, the same for the same model."""
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def run(model: onnx.ModelProto, inputs: NDArray[np.float32]) -> NDArray[np.float64]:
    """Compute (n, columns) probabilities with the runtime that serves."""
    return compute(open_session(to_bytes(model)), inputs)
