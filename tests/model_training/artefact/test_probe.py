"""A graph that would stop or outgrow the process that opens it is opened in a limited child."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from handmade_models import HandmadeModel
from hostile_graphs import (
    NODE,
    ODD,
    TWICE,
    composed,
    constant,
    echo,
    endless,
    external,
    foreign,
    huge,
    loop,
    made,
    write,
)
from words import Captured, complaint

from model_training import registry
from model_training.__main__ import main
from model_training.artefact import artifact, probe
from model_training.artefact.artifact import MANIFEST
from model_training.artefact.manifest import GRAPH
from model_training.artefact.onnx_file import forbidden_content
from model_training.limited import ProcessLimits
from model_training.registry import ARTIFACTS
from solar.errors import ArtifactError
from solar.stages import read_stages

SHORT = ProcessLimits(cpu_seconds=1, wall_seconds=60)


def test_a_graph_that_never_ends_is_stopped_by_processor_time_or_by_the_clock(
    tmp_path: Path,
) -> None:
    folder = write(tmp_path, endless())

    with pytest.raises(ArtifactError, match=r"model odd-1\.0\.0: its graph computes for more th"):
        probe.load(folder, limits=SHORT)
    with pytest.raises(ArtifactError, match=r"its graph does not end within 0\.6 s; mend it"):
        probe.load(folder, limits=ProcessLimits(wall_seconds=0.6))


def test_check_and_promote_refuse_a_graph_that_wants_more_memory_than_there_is(
    tmp_path: Path, capsys: Captured
) -> None:
    folder = write(tmp_path, huge())
    said = "its graph fails: there is not enough memory for it"

    assert main(["check", str(folder)]) == 1
    assert capsys.readouterr().err.splitlines()[1:] == [f"- {said}"]
    assert said in complaint(
        capsys, "promote", "odd", "1.0.0", "--out", tmp_path, "--unaudited", "why"
    )
    assert not (tmp_path / probe.PROBED).exists()


def test_a_promotion_notes_what_has_passed_so_that_no_server_asks_again(tmp_path: Path) -> None:
    ODD.write(tmp_path)
    registry.promote(tmp_path, ODD.model_id, unaudited="compared by hand")

    assert orjson.loads((tmp_path / probe.PROBED).read_bytes()) == [
        artifact.sha256_of(tmp_path / "odd-1.0.0")
    ]
    shipped = {artifact.sha256_of(path.parent) for path in ARTIFACTS.glob(f"*/{MANIFEST}")}
    assert set(orjson.loads((ARTIFACTS / probe.PROBED).read_bytes())) == shipped


def test_a_graph_that_was_exchanged_after_the_probe_is_not_opened(tmp_path: Path) -> None:
    folder = ODD.write(tmp_path)
    probe.load(folder)
    (folder / GRAPH).write_bytes(endless())

    with pytest.raises(ArtifactError, match=r"model\.onnx is not the file its manifest") as told:
        probe.load(folder)
    assert "graph" not in str(told.value)


SPARSE = NODE("Constant", [], ["k"], value=external())
PLUS = NODE("Add", ["features", "outside"], ["probabilities"])


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        (made([PLUS], external()), "keeps numbers in other files"),
        (made([PLUS], external("/etc/passwd")), "keeps numbers in other files"),
        (made([SPARSE, TWICE]), "keeps numbers in other files"),
        (made([loop(SPARSE), TWICE], constant(True, "on")), "keeps numbers in other files"),
        (made([foreign(), TWICE]), "uses operators of 'org.evil'"),
        (made([foreign("com.microsoft"), TWICE]), "uses operators of 'com.microsoft'"),
        (made([loop(foreign()), TWICE]), "uses operators of 'org.evil'"),
        (echo()[:-9], "the file is no ONNX graph"),
        (b"\x08\xff", "the file is no ONNX graph"),
        (b"\xba\x80\x80\x80\x80\x80\x01" * 9, "the file is no ONNX graph"),
    ],
)
def test_a_graph_with_outside_data_or_unknown_operators_is_refused_unopened(
    graph: bytes, said: str
) -> None:
    (fault,) = forbidden_content(graph)

    assert said in fault


def test_nesting_without_end_is_no_graph() -> None:
    graph = b""
    for _ in range(2000):
        for field in (b"\x32", b"\x2a", b"\x0a"):
            size = bytes(
                [len(graph) & 0x7F | 0x80, len(graph) >> 7 & 0x7F | 0x80, len(graph) >> 14]
            )
            graph = field + size + graph
    size = bytes([len(graph) & 0x7F | 0x80, len(graph) >> 7 & 0x7F | 0x80, len(graph) >> 14])

    assert "no ONNX graph" in forbidden_content(b"\x3a" + size + graph)[0]


def test_functions_of_the_file_itself_and_every_shipped_graph_pass(tmp_path: Path) -> None:
    graphs = [path.read_bytes() for path in ARTIFACTS.glob(f"*/{GRAPH}")]

    assert [forbidden_content(graph) for graph in (*graphs, composed())] == [[]] * 5
    probe.probe(write(tmp_path, composed()))


NAMES = [
    ({"name": "../odd"}, "name: String should match pattern"),
    ({"name": "o" * 49}, "name: String should have at most 48 characters"),
    ({"version": "1/0"}, "version: String should match"),
    ({"files": {"../model.onnx": "0"}}, r"files.../model.onnx.\[key\]: String should match"),
    ({"files": {"/dev/zero": "0"}}, "String should match"),
    ({"features": [{"name": "R\nVALUE", "unit": "", "kind": "other"}]}, "cannot be shown"),
    ({"events": [{"name": "M1.0", "column": 10**6}]}, "events.0.column: Input should be less"),
    ({"window_length": 10**9}, "window_length: Input should be less than or equal to 10000"),
    ({"cadence_seconds": 10**12}, "cadence_seconds: Input should be less than"),
    ({"horizon_hours": 10**400}, "horizon_hours"),
    ({"window_length": 9999, "features": 11}, "9999 steps and 11 features are 109,989 numbers"),
]


@pytest.mark.parametrize(("change", "said"), NAMES)
def test_a_manifest_with_names_or_sizes_beyond_reason_is_refused(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    folder = ODD.write(tmp_path)
    if change.get("features") == 11:
        one = {"unit": "", "kind": "other"}
        change = change | {"features": [one | {"name": f"F{n}"} for n in range(11)]}
    manifest = json.loads((folder / MANIFEST).read_text()) | change
    (folder / MANIFEST).write_text(json.dumps(manifest))

    with pytest.raises(ArtifactError, match=said):
        artifact.load(folder)


def test_a_pipe_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    folder = ODD.write(tmp_path)
    (folder / GRAPH).unlink()
    (folder / GRAPH).symlink_to("/dev/zero")

    with pytest.raises(ArtifactError, match=r"model\.onnx cannot be read: it is no regular file"):
        artifact.load(folder)


def test_a_stage_file_leads_to_no_other_folder(tmp_path: Path) -> None:
    (tmp_path / "live.json").write_text('{"live": "../../odd@1.0.0"}')

    with pytest.raises(ArtifactError, match=r"live\.json does not name the served models"):
        read_stages(tmp_path)


def test_a_damaged_artefact_is_refused_in_words(tmp_path: Path) -> None:
    rng = np.random.default_rng(15)
    shutil.copytree(ARTIFACTS / "logistic-regression-1.0.0", tmp_path / "logistic-regression-1.0.0")
    folder = tmp_path / "logistic-regression-1.0.0"
    for name in (MANIFEST, GRAPH):
        whole = (folder / name).read_bytes()
        for _ in range(40):
            damaged = bytearray(whole[: rng.integers(1, len(whole) + 1)])
            damaged[rng.integers(len(damaged))] ^= int(rng.integers(1, 256))
            (folder / name).write_bytes(bytes(damaged))
            with suppress(ArtifactError):
                artifact.load(folder)
            forbidden_content(bytes(damaged))
        (folder / name).write_bytes(whole)
    assert artifact.load(folder).model_id == "logistic-regression@1.0.0"


def test_a_crash_of_the_child_is_told_by_its_signal(tmp_path: Path) -> None:
    small = ProcessLimits(address_space=2**26)
    odd = HandmadeModel("odd", ("R_VALUE",), np.array([[3.5]]))

    with pytest.raises(ArtifactError, match=r"model odd-1\.0\.0: its graph (wants|ends|cannot)"):
        probe.load(odd.write(tmp_path), limits=small)
