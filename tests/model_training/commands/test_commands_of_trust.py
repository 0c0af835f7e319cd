"""The commands that guard what serves: the audit, the schema of recipes, and retirement."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from synthetic_windows import recipe_of_windows, write_recipe, write_windows
from words import Captured, complaint, said

from model_training.__main__ import main
from solar.stages import read_stages


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_windows(tmp_path_factory.mktemp("data"))


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    return write_recipe(tmp_path / "recipe.toml", recipe_of_windows())


def test_audit_prints_a_line_for_every_check(recipe: Path, data: Path, capsys: Captured) -> None:
    lines = said(capsys, "audit", recipe, "--data", data).splitlines()

    assert all(line.startswith("passed  ") for line in lines)
    assert "passed  no region is in train and test (0 shared)" in lines
    assert "passed  no synthetic case is in test (80 cases)" in lines
    assert lines[-2].startswith("passed  no skill with inputs exchanged (M1.0+ BSS ")
    assert lines[-1].startswith("passed  no skill with outcomes exchanged (M1.0+ BSS ")


def test_audit_does_not_call_passed_what_has_too_few_events_to_judge(
    recipe: Path, tmp_path: Path, capsys: Captured
) -> None:
    write_windows(tmp_path, cases=90)

    *_, last = said(capsys, "audit", recipe, "--data", tmp_path).splitlines()

    assert last.startswith("        no skill with outcomes exchanged (M1.0+ not judged: ")


def test_audit_fails_where_what_is_missing_tells_the_outcome(
    recipe: Path, tmp_path: Path, capsys: Captured
) -> None:
    write_windows(tmp_path, cases=600)
    with np.load(tmp_path / "windows.npz") as file:
        arrays = dict(file)
    arrays["windows"][arrays["label"] == 1, 0, -1] = np.nan
    np.savez(tmp_path / "windows.npz", **arrays)

    assert main(["audit", str(recipe), "--data", str(tmp_path)]) == 1

    out, err = capsys.readouterr()
    assert "FAILED  no skill with inputs exchanged (M1.0+ BSS 0." in out
    assert err.startswith("Invalid input: windows: the noise test failed: inputs exchanged")


def test_audit_fails_where_a_stretch_of_a_window_is_on_both_sides(
    recipe: Path, tmp_path: Path, capsys: Captured
) -> None:
    write_windows(tmp_path)
    with np.load(tmp_path / "windows.npz") as file:
        arrays = dict(file)
    # Case 0 is of the test fold; case 1, of training, goes on where it ends, one step later.
    arrays["windows"][1, :, :-1] = arrays["windows"][0, :, 1:]
    np.savez(tmp_path / "windows.npz", **arrays)

    assert main(["audit", str(recipe), "--data", str(tmp_path)]) == 1

    out, err = capsys.readouterr()
    assert "FAILED  no stretch of a window of train is in one of test" in out
    assert "the leak audit failed" in err


def test_audit_checks_an_artefact_by_the_recipe_that_it_holds(
    folder: Path, world: Path, capsys: Captured
) -> None:
    told = said(capsys, "audit", folder, "--data", world)

    assert "passed  24 h lie between the windows of train and test" in told


def test_retire_stops_a_shadow(folder: Path, capsys: Captured) -> None:
    said(capsys, "promote", "blend", "0.1.0", "--stage", "shadow", "--out", folder.parent)

    told = said(capsys, "retire", "blend", "0.1.0", "--out", folder.parent)

    assert told == "live: none; shadow: none\n"
    assert read_stages(folder.parent).model_ids == ()
    assert folder.is_dir()


def test_retire_leaves_the_live_model_alone(folder: Path, capsys: Captured) -> None:
    said(capsys, "promote", "blend", "0.1.0", "--out", folder.parent)

    told = complaint(capsys, "retire", "blend", "0.1.0", "--out", folder.parent)

    assert "is live; promote another model first" in told


def test_the_schema_names_every_option_with_its_help(capsys: Captured) -> None:
    schema = orjson.loads(said(capsys, "schema"))

    objects = [schema, *(one for one in schema["$defs"].values() if "properties" in one)]
    options = {
        (one["title"], name): option
        for one in objects
        for name, option in one["properties"].items()
    }
    kinds = {"kind", "layout"}
    silent = [key for key, option in options.items()
              if "description" not in option and key[1] not in kinds]  # fmt: skip
    assert not silent
    assert all(one["additionalProperties"] is False for one in objects)
    assert options["GruConfig", "learning_rate"]["default"] == 0.001
    assert (
        options["GruConfig", "layers"] | {"minimum": 1, "maximum": 20}
        == options["GruConfig", "layers"]
    )
    assert options["TimeGanConfig", "batch"]["unit"] == "windows"
    assert set(options["SvmConfig", "kernel"]["enum"]) == {"linear", "rbf", "poly", "sigmoid"}


def test_every_reference_of_the_schema_leads_to_a_definition(capsys: Captured) -> None:
    schema = orjson.loads(said(capsys, "schema"))

    named = {name.removeprefix("#/$defs/") for name in references(schema)}

    assert named <= set(schema["$defs"])


def references(node: Any) -> set[str]:
    inside = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    own = {node["$ref"]} if isinstance(node, dict) and "$ref" in node else set()
    return own.union(*(references(one) for one in inside))


def test_a_mistake_in_a_recipe_is_answered_with_its_place(tmp_path: Path, capsys: Captured) -> None:
    recipe = write_recipe(tmp_path / "wrong.toml", recipe_of_windows({"kind": "svm", "C": 1}))

    told = complaint(capsys, "audit", recipe)

    assert told.startswith("Invalid input: wrong.toml: estimator.svm.C: ")


def test_the_command_line_starts_without_the_libraries_of_single_estimators() -> None:
    asked = "import sys, model_training.__main__; print(*sys.modules)"

    found = subprocess.run(
        [sys.executable, "-c", asked], check=True, capture_output=True, text=True
    )

    assert {"torch", "gensim", "lightgbm"}.isdisjoint(found.stdout.split())
