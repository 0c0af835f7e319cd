"""Graphs that nobody should serve, each of the one input R_VALUE, in artefacts else in order."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from handmade_models import HandmadeModel
from numpy.typing import ArrayLike
from onnx import TensorProto, helper, numpy_helper

from model_training.artefact.artifact import MANIFEST
from model_training.artefact.manifest import GRAPH

NODE = helper.make_node
FLOAT, ANY = TensorProto.FLOAT, helper.make_tensor_value_info
TWICE = NODE("Concat", ["p", "p"], ["probabilities"], axis=1)
ODD = HandmadeModel("odd", ("R_VALUE",), np.array([[1.0]]))


def write(models: Path, graph: bytes, *, model: HandmadeModel = ODD) -> Path:
    """Write the artefact of a handmade model with another graph, whose digest is right."""
    folder = model.write(models)
    (folder / GRAPH).write_bytes(graph)
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["files"][GRAPH] = hashlib.sha256(graph).hexdigest()
    (folder / MANIFEST).write_text(json.dumps(manifest))
    return folder


def made(
    nodes: Sequence[onnx.NodeProto],
    *constants: onnx.TensorProto,
    domain: str = "",
    functions: Sequence[onnx.FunctionProto] = (),
) -> bytes:
    inputs, outputs = ANY("features", FLOAT, ["n", 1]), ANY("probabilities", FLOAT, ["m", "k"])
    graph = helper.make_graph(nodes, "hostile", [inputs], [outputs], constants)
    sets = [helper.make_opsetid(name, 1 if name else 17) for name in dict.fromkeys(("", domain))]
    model = helper.make_model(graph, opset_imports=sets, functions=functions, ir_version=8)
    content: bytes = model.SerializeToString()
    return content


def constant(value: ArrayLike, name: str) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(value), name)


def loop(*within: onnx.NodeProto) -> onnx.NodeProto:
    """A loop that never ends."""
    go_round = [
        NODE("Identity", ["is_on"], ["stays_on"]), NODE("Identity", ["x"], ["y"]), *within,
    ]  # fmt: skip
    ins = [
        ANY("i", TensorProto.INT64, []),
        ANY("is_on", TensorProto.BOOL, []),
        ANY("x", FLOAT, None),
    ]
    outs = [ANY("stays_on", TensorProto.BOOL, []), ANY("y", FLOAT, None)]
    return NODE(
        "Loop", ["", "on", "features"], ["p"], body=helper.make_graph(go_round, "b", ins, outs)
    )


def endless() -> bytes:
    return made([loop(), TWICE], constant(True, "on"))


def huge() -> bytes:
    """A sum over 200 GB."""
    half = numpy_helper.from_array(np.array([0.5], np.float32))
    nodes = [
        NODE("ConstantOfShape", ["shape"], ["all"], value=half),
        NODE("ReduceMean", ["all"], ["mean"], keepdims=0),
        NODE("Add", ["features", "mean"], ["p"]),
        TWICE,
    ]
    return made(nodes, constant([5 * 10**10], "shape"))


def echo() -> bytes:
    """The input is the output: NaN and 1.7 if it is."""
    return made([NODE("Identity", ["features"], ["p"]), TWICE])


def dropping() -> bytes:
    """Rows above 4 are dropped from the output."""
    nodes = [
        NODE("Greater", ["features", "four"], ["is_high"]),
        NODE("Not", ["is_high"], ["is_low"]),
        NODE("Squeeze", ["is_low", "one"], ["kept"]),
        NODE("Compress", ["features", "kept"], ["rest"], axis=0),
        NODE("Sigmoid", ["rest"], ["p"]),
        TWICE,
    ]
    return made(nodes, constant(np.float32(4), "four"), constant([1], "one"))


def failing() -> bytes:
    """An index that is out of bounds for rows above 4."""
    nodes = [
        NODE("Greater", ["features", "four"], ["is_high"]),
        NODE("Cast", ["is_high"], ["place"], to=TensorProto.INT64),
        NODE("Gather", ["only", "place"], ["p"], axis=0),
        TWICE,
    ]
    return made(nodes, constant(np.float32(4), "four"), constant(np.float32([0.5]), "only"))


def external(location: str = "weights.bin") -> onnx.TensorProto:
    tensor = TensorProto(name="outside", data_type=FLOAT, dims=[1, 2])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return tensor


def foreign(name: str = "org.evil") -> onnx.NodeProto:
    return NODE("Any", ["features"], ["q"], domain=name)


def composed() -> bytes:
    """A function that the file defines itself, of operators of ONNX."""
    own = helper.make_function(
        "mine", "Half", ["x"], ["y"], [NODE("Sigmoid", ["x"], ["y"])], [helper.make_opsetid("", 17)]
    )
    use = NODE("Half", ["features"], ["p"], domain="mine")
    return made([use, TWICE], domain="mine", functions=[own])
