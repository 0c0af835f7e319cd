"""A graph that is not the one its manifest describes is refused before it forecasts anything."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from handmade_models import HandmadeModel
from onnx import TensorProto

from model_training.__main__ import main
from model_training.artefact.artifact import MANIFEST, load
from model_training.artefact.graph import named, to_bytes
from model_training.artefact.manifest import GRAPH
from solar.errors import ArtifactError

POINT = HandmadeModel("point", ("USFLUX", "R_VALUE"), np.array([[0.1, 0.2]]))
Change = Callable[[onnx.ModelProto], None]


def write(models: Path, change: Change | None = None, **fields: Any) -> Path:
    """Write the model with another graph or another manifest, whose digest is right."""
    folder = POINT.write(models)
    graph = onnx.load_from_string((folder / GRAPH).read_bytes())
    if change is not None:
        change(graph)
    (folder / GRAPH).write_bytes(to_bytes(graph))
    manifest = json.loads((folder / MANIFEST).read_text()) | fields
    manifest["files"][GRAPH] = hashlib.sha256((folder / GRAPH).read_bytes()).hexdigest()
    (folder / MANIFEST).write_text(json.dumps(manifest))
    return folder


def rename_input(graph: onnx.ModelProto) -> None:
    graph.graph.input[0].name = "x"
    for node in graph.graph.node:
        node.input[:] = ["x" if name == "features" else name for name in node.input]


def rename_output(graph: onnx.ModelProto) -> None:
    graph.graph.output[0].name = "p"
    graph.graph.node[-1].output[0] = "p"


def take_doubles(graph: onnx.ModelProto) -> None:
    graph.graph.input[0].type.tensor_type.elem_type = TensorProto.DOUBLE
    cast = onnx.helper.make_node("Cast", ["features"], ["single"], to=TensorProto.FLOAT)
    for node in graph.graph.node:
        node.input[:] = ["single" if name == "features" else name for name in node.input]
    graph.graph.node.insert(0, cast)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (rename_input, "its graph takes x where the one input is called 'features'"),
        (rename_output, "its graph has no output 'probabilities', only p"),
        (take_doubles, r"its graph takes tensor\(double\)"),
    ],
)
def test_a_graph_with_another_interface_is_refused(
    tmp_path: Path, change: Change, said: str
) -> None:
    with pytest.raises(ArtifactError, match=rf"model point-1\.0\.0: {said}"):
        load(write(tmp_path, change))


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["USFLUX", "TOTUSJH"], "lacks R_VALUE and takes TOTUSJH beside them"),
        (["R_VALUE", "USFLUX"], "has USFLUX in another place"),
        (["USFLUX"], "lacks R_VALUE"),
    ],
)
def test_a_graph_that_names_other_features_is_refused_by_name(
    tmp_path: Path, names: list[str], said: str
) -> None:
    def name_them(graph: onnx.ModelProto) -> None:
        named(graph, names)

    with pytest.raises(ArtifactError, match=f"its graph {said}, where its manifest lists USFLUX"):
        load(write(tmp_path, name_them))


def test_a_graph_that_names_the_features_of_its_manifest_is_taken(tmp_path: Path) -> None:
    folder = write(tmp_path, lambda graph: named(graph, ["USFLUX", "R_VALUE"]) and None)

    assert load(folder).feature_names == ("USFLUX", "R_VALUE")


def test_another_number_of_features_is_refused_with_their_names(tmp_path: Path) -> None:
    one = [{"name": "USFLUX", "unit": "Mx", "kind": "keyword"}]

    with pytest.raises(ArtifactError, match=r"shape \(2,\) .* describes \(1,\): USFLUX"):
        load(write(tmp_path, features=one))


def test_a_window_where_the_graph_takes_a_row_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"describes \(6, 2\): 6 steps of USFLUX, R_VALUE"):
        load(write(tmp_path, window_length=6))


def test_an_event_in_a_column_that_the_output_lacks_is_refused_by_name(tmp_path: Path) -> None:
    events = [event.model_dump(mode="json") for event in POINT.manifest({}).events]

    with pytest.raises(ArtifactError, match=r"M1\.0 is in column 2 of the output, which has 2"):
        load(write(tmp_path, events=[events[0], {**events[1], "column": 2}]))


def test_a_file_that_is_no_graph_is_refused(tmp_path: Path) -> None:
    folder = POINT.write(tmp_path)
    (folder / GRAPH).write_bytes(b"no graph")
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["files"][GRAPH] = hashlib.sha256(b"no graph").hexdigest()
    (folder / MANIFEST).write_text(json.dumps(manifest))

    with pytest.raises(ArtifactError, match=r"point-1\.0\.0: its graph cannot be loaded"):
        load(folder)


def test_check_says_what_a_folder_looks_at_and_that_it_serves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(POINT.write(tmp_path))]) == 0

    # The sigmoid of 0 is a half, and that of -2 is 0.1192.
    assert capsys.readouterr().out.splitlines() == [
        "point@1.0.0: 2 inputs: USFLUX, R_VALUE",
        "made by: elsewhere; its manifest brings no evidence",
        "from zeros: P(C1.0+) = 0.5, P(M1.0+) = 0.1192",
        "from nothing: 2 of 2 keywords are missing",
        "thresholds: C1.0+ 0.5, M1.0+ 0.5",
        "evaluated here: no",
        "can serve",
    ]


def test_check_names_the_keyword_that_no_observation_brings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = HandmadeModel("odd", ("USFLUX", "MCINTOSH"), POINT.weights).write(tmp_path)

    assert main(["check", str(folder)]) == 1
    assert "- MCINTOSH: called keyword and not known as that" in capsys.readouterr().err


def test_check_fails_where_an_honest_other_feature_keeps_a_model_from_serving(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = [{"name": "USFLUX", "unit": "Mx", "kind": "keyword"},
             {"name": "MCINTOSH", "unit": "", "kind": "other"}]  # fmt: skip

    assert main(["check", str(write(tmp_path, features=other))]) == 1
    assert "- cannot serve: no observation brings MCINTOSH" in capsys.readouterr().err


def test_check_fails_where_promote_would_for_a_keyword_that_is_called_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = [{"name": name, "unit": "", "kind": "other"} for name in POINT.features]

    assert main(["check", str(write(tmp_path, features=other))]) == 1
    assert "- cannot serve: no observation brings USFLUX, R_VALUE" in capsys.readouterr().err


def swap_the_sigmoid(kind: str) -> Change:
    """Let the graph end with something else than the last sigmoids."""

    def change(graph: onnx.ModelProto) -> None:
        for node in graph.graph.node:
            if node.op_type == "Sigmoid":
                node.op_type = kind

    return change


def let_through_what_is_missing(graph: onnx.ModelProto) -> None:
    for node in graph.graph.node:
        if node.op_type == "Where":
            node.input[1] = node.input[2]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (swap_the_sigmoid("Identity"), "its output is from -2 to 0, which are no probabilities"),
        (
            let_through_what_is_missing,
            "is not a number where USFLUX, R_VALUE is missing",
        ),
    ],
)
def test_check_refuses_a_graph_whose_answers_are_no_probabilities(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Change, said: str
) -> None:
    assert main(["check", str(write(tmp_path, change))]) == 1
    assert said in capsys.readouterr().err
