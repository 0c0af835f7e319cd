"""A manifest says nothing that its graph, its folder or its own other lines deny."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from handmade_models import HandmadeModel
from skl2onnx import to_onnx
from sklearn.linear_model import LogisticRegression
from words import Captured, complaint, said

from model_training.__main__ import main
from model_training.artefact import artifact
from model_training.artefact.artifact import MANIFEST, ContradictionError
from model_training.artefact.manifest import GRAPH
from model_training.registry import ARTIFACTS

POINT = HandmadeModel("point", ("USFLUX", "R_VALUE"), np.array([[0.1, 0.2]]))
Manifest = dict[str, Any]


def write(models: Path, **changes: Any) -> Path:
    """Write a model made elsewhere and change keys of its manifest."""
    folder = POINT.write(models)
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(manifest | changes))
    return folder


def faults(folder: Path) -> list[str]:
    with pytest.raises(ContradictionError) as refused:
        artifact.load(folder)
    return refused.value.faults


def copy_of_ours(models: Path, **changes: Any) -> Path:
    """Do what a person does with one of our folders and a graph of their own."""
    folder = models / "logistic-regression-1.0.0"
    shutil.copytree(ARTIFACTS / folder.name, folder)
    (folder / GRAPH).write_bytes((ARTIFACTS / "blend-1.0.0" / GRAPH).read_bytes())
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["files"][GRAPH] = hashlib.sha256((folder / GRAPH).read_bytes()).hexdigest()
    (folder / MANIFEST).write_text(json.dumps(manifest | changes))
    return folder


def test_our_evidence_is_refused_beside_another_graph(tmp_path: Path) -> None:
    (only,) = faults(copy_of_ours(tmp_path))

    assert only.startswith("split, leak_audit, parity, scores, reference, disk belong to the graph")
    assert '"made_by": "elsewhere"' in only


def test_our_evidence_is_refused_in_a_model_that_says_it_was_made_elsewhere(
    tmp_path: Path,
) -> None:
    folder = copy_of_ours(tmp_path, made_by="elsewhere", scored_graph=None)

    assert "belong to no graph; leave them out" in faults(folder)[0]


def test_evidence_that_says_its_graph_is_taken(tmp_path: Path) -> None:
    digest = hashlib.sha256(POINT.graph()).hexdigest()

    model = artifact.load(write(tmp_path, parity=0.0, scored_graph=digest))

    assert model.manifest.parity == 0
    assert model.warnings == []


def test_a_manifest_from_before_graphs_were_named_serves_with_a_warning(
    tmp_path: Path, capsys: Captured
) -> None:
    folder = copy_of_ours(tmp_path, scored_graph=None)

    said(capsys, "check", folder)

    assert "nothing says that split, leak_audit" in artifact.load(folder).warnings[0]


def test_what_another_maker_does_not_say_is_null_and_not_ours(tmp_path: Path) -> None:
    found = artifact.load(POINT.write(tmp_path)).manifest.model_dump(mode="json")

    unknown = ("sources", "split", "leak_audit", "parity", "scores", "recipe", "reference", "disk")
    assert {name: found[name] for name in unknown} == dict.fromkeys(unknown)
    assert found["made_by"] == "elsewhere"


def test_a_model_made_here_lacks_nothing_that_training_writes(tmp_path: Path) -> None:
    (only,) = faults(write(tmp_path, made_by="flarewatch"))

    assert only.startswith("made_by is flarewatch and sources, split, leak_audit, parity, scores")


def event(name: str, column: int, **changes: Any) -> Manifest:
    return {"name": name, "column": column, **changes}


PLATT = {"kind": "platt", "parameters": [-1.0, 0.0]}
FALLING = {"kind": "isotonic", "raw": [0.1, 0.5], "calibrated": [0.4, 0.2]}
SCORED = {"n": 9, "n_events": 1, "n_unknown": 0, "threshold": 0.2, "scores": {}}
DISK = {"weights": [1, 1], "intercept": 0, "threshold": 0.1, "n_days": 9, "n_events": 5}
SHARES: Manifest = {"edges": [], "shares": [], "mean": None, "missing_share": 0.0}
REFERENCE = {"n": 1, "features": {"USFLUX": SHARES}, "predictions": {}}
BAND = {"p": [0.1, 0.1], "lower": [0.1, 0.1], "upper": [0.1, 0.1], "kind": "model", "n": 60}
DIGEST = {"scored_graph": hashlib.sha256(POINT.graph()).hexdigest()}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"version": "2.0.0"}, "the folder is point-1.0.0 where name and version say point-2.0.0"),
        ({"recipe": {"name": "blend"}}, "name of the recipe: blend where the manifest says point"),
        ({"recipe": {"events": ["X1.0"]}}, "events of the recipe: X1.0 where the manifest says C1"),
        ({"recipe": {"keywords": ["TOTUSJH"], "history": []}},
         "keywords and history of the recipe: TOTUSJH where the manifest says USFLUX, R_VALUE"),
        ({"recipe": {"window": {"steps": 6}}}, "window of the recipe: 6 steps where window_length"),
        ({"horizon_hours": 48}, "horizon_hours is 48; forecasts are stored and verified for 24 h"),
        ({"window_length": 3}, "takes inputs of shape (2,) where its manifest describes (3, 2)"),
        ({"events": [event("M1.0", 0), event("C1.0", 1)]}, "from frequent to rare: C1.0, M1.0"),
        ({"events": [event("C1.0", 0), event("M2.0", 1)]}, "event M2.0 is none of C1.0, M1.0"),
        ({"events": [event("C1.0", 0), event("C1.0", 1)]}, "event C1.0 is listed twice"),
        ({"events": [event("C1.0", 1), event("M1.0", 1)]}, "column 1 of the output stands for two"),
        ({"events": [event("C1.0", 5)]}, "event C1.0 is in column 5 of the output, which has 2"),
        ({"events": [event("C1.0", 0, calibration=PLATT)]},
         "C1.0: calibration platt: parameters are finite, and all but the last at least 0"),
        ({"events": [event("C1.0", 0, calibration={"kind": "beta"})]},
         "C1.0: calibration beta: it takes 3 parameters and has 0"),
        ({"events": [event("C1.0", 0, calibration=FALLING)]},
         "C1.0: calibration isotonic: raw rises, calibrated does not fall"),
        ({"events": [event("C1.0", 0, band=BAND)]}, "C1.0: band: p rises from knot to knot"),
        ({"features": [{"name": "USFLUX", "unit": "Mx", "kind": "keyword"}] * 2},
         "feature USFLUX is listed twice"),
        ({"features": [{"name": "USFLUX", "unit": "Mx", "kind": "keyword"},
                       {"name": "R_VALUE", "unit": "Wb", "kind": "keyword"}]},
         "R_VALUE is in Wb where observations bring"),
        ({"scores": {"test": {"model": {"C1.0": SCORED}}}, **DIGEST},
         "C1.0: threshold 0.5 where its test scores are at 0.2"),
        ({"scores": {"test": {"model": {"X1.0": SCORED}}}, **DIGEST},
         "scores speaks of X1.0, which is no event of the model"),
        ({"disk": {"X1.0": DISK | {"fitted_on": "days"}}, **DIGEST}, "disk speaks of X1.0"),
        ({"reference": REFERENCE, **DIGEST}, "reference and features differ by R_VALUE"),
    ],
)  # fmt: skip
def test_a_contradiction_is_refused_by_name(
    tmp_path: Path, changes: Manifest, sentence: str
) -> None:
    (only,) = faults(write(tmp_path, **changes))

    assert sentence in only


def test_check_lists_all_contradictions_at_once(tmp_path: Path, capsys: Captured) -> None:
    folder = write(tmp_path, name="other", horizon_hours=48, recipe={"name": "blend"})

    assert main(["check", str(folder)]) == 1

    told = capsys.readouterr().err.splitlines()
    assert told[0] == "Model cannot be served: point-1.0.0:"
    assert [line[:20] for line in told[1:]] == [
        "- the folder is poin", "- name of the recipe", "- horizon_hours is 4",
    ]  # fmt: skip


def test_every_key_that_is_not_as_declared_is_named(tmp_path: Path, capsys: Captured) -> None:
    events = [event("C1.0", 0, threshold=1.5)]

    told = complaint(capsys, "check", write(tmp_path, events=events, colour="red"))

    assert "events.0.threshold: Input should be less than or equal to 1" in told
    assert "colour: Extra inputs are not permitted" in told


def test_an_event_without_a_threshold_has_a_probability_and_no_yes_or_no(
    tmp_path: Path, capsys: Captured
) -> None:
    folder = write(tmp_path, events=[event("C1.0", 0)])

    assert "thresholds: C1.0+ none" in said(capsys, "check", folder)
    assert artifact.load(folder).thresholds == {"C1.0": None}


def test_a_table_of_dictionaries_is_refused_with_the_way_to_numbers(tmp_path: Path) -> None:
    folder = POINT.write(tmp_path)
    graph = with_dictionaries()
    (folder / GRAPH).write_bytes(graph)
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["files"][GRAPH] = hashlib.sha256(graph).hexdigest()
    (folder / MANIFEST).write_text(json.dumps(manifest))

    assert "skl2onnx makes one with zipmap=False" in faults(folder)[0]


def with_dictionaries() -> bytes:
    """Convert a classifier as skl2onnx does unless told otherwise, with our names outside."""
    rows = np.array([[0, 1], [1, 0], [1, 1], [0, 0]], np.float32)
    graph = to_onnx(LogisticRegression().fit(rows, [0, 1, 1, 0]), rows[:1])
    graph.graph.input[0].name = "features"
    graph.graph.output[1].name = "probabilities"
    names = {"X": "features", "output_probability": "probabilities", "probabilities": "inside"}
    for node in graph.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    return bytes(graph.SerializeToString())
