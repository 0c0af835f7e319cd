"""A finished run leaves all that it can be judged by, and the same run makes the same artefact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from synthetic_windows import FILE, PLAIN, SMALL, recipe_of_windows, write_recipe, write_windows

from model_training.__main__ import main
from model_training.artefact.artifact import sha256_of
from model_training.judging import evidence
from model_training.recipe.recipe import Recipe
from model_training.report.repeats import find_judgement, read_judgements
from model_training.training import train
from solar.errors import NotFoundError

NAME = "windows-0.0.1"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_windows(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def home(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which trees have been trained; the artefact is in out, the run in runs."""
    return trained(tmp_path_factory.mktemp("home"), data, SMALL["gradient-boosting"])


def trained(home: Path, data: Path, estimator: dict[str, Any], **changes: Any) -> Path:
    recipe = write_recipe(home / "recipe.toml", recipe_of_windows(estimator, **changes))
    assert main(["train", str(recipe), *places(home, data)]) == 0
    return home


def places(home: Path, data: Path) -> list[str]:
    return ["--data", str(data), "--out", str(home / "out"), "--runs", str(home / "runs")]


def fresh_hash(to: Path, data: Path, estimator: dict[str, Any], **changes: Any) -> str:
    recipe = Recipe.model_validate(recipe_of_windows(estimator, **changes))
    return sha256_of(train(recipe, data).write(to))


def test_a_run_leaves_evidence_scores_report_and_event_log(home: Path) -> None:
    left = {path.name for path in (home / "runs" / NAME).iterdir()}

    assert {"evidence.parquet", "scores.json", "report.html", "events.jsonl"} <= left


def test_the_evidence_holds_the_cases_of_both_parts(home: Path) -> None:
    validation, test = evidence.read(home / "runs" / NAME / "evidence.parquet")

    # 240 cases in three folds of 80, of which one is the test.
    assert (validation.part, len(validation)) == ("validation", 160)
    assert (test.part, len(test)) == ("test", 80)
    assert "plain-regression" in test.entrants


def test_the_scores_of_the_run_are_those_of_the_manifest(home: Path) -> None:
    manifest = orjson.loads((home / "out" / NAME / "manifest.json").read_bytes())

    told = find_judgement(home / "runs" / NAME, part="test", event="M1.0")

    scores = manifest["scores"]["test"]["model"]["M1.0"]["scores"]
    for name in ("bss", "auc", "tss"):
        assert told["entrants"]["model"]["scores"][name]["value"] == pytest.approx(
            scores[name]["value"], abs=1e-4
        )
    assert "plain-regression" in told["differences"]


def test_the_report_needs_no_other_file(home: Path) -> None:
    report = (home / "runs" / NAME / "report.html").read_text("utf-8")

    assert "<svg" in report
    assert 'src="http' not in report
    assert "<link" not in report
    assert all(name in report for name in ("USFLUX", "TOTUSJH", "R_VALUE"))


@pytest.mark.parametrize(
    "kind", ["logistic-regression", "gradient-boosting", "svm", "gru", "node2vec"]
)
def test_the_same_recipe_data_and_seed_make_the_same_artefact_elsewhere(
    kind: str, tmp_path: Path
) -> None:
    hashes = set()
    for home in (tmp_path / "one", tmp_path / "other"):
        home.mkdir()
        hashes.add(fresh_hash(home, write_windows(home), SMALL[kind]))

    assert len(hashes) == 1


def test_the_command_makes_the_artefact_that_the_function_does(
    home: Path, data: Path, tmp_path: Path
) -> None:
    made = sha256_of(home / "out" / NAME)

    assert fresh_hash(tmp_path, data, SMALL["gradient-boosting"]) == made


def test_another_seed_or_other_data_make_another_artefact(data: Path, tmp_path: Path) -> None:
    other = write_windows(tmp_path, missing=0.06)
    trees = SMALL["gradient-boosting"]

    hashes = {
        fresh_hash(tmp_path / "usual", data, trees),
        fresh_hash(tmp_path / "seed", data, trees, seed=5),
        fresh_hash(tmp_path / "data", other, trees),
    }

    assert len(hashes) == 3


def test_training_anew_forgets_the_run_before(data: Path, tmp_path: Path) -> None:
    old = tmp_path / "runs" / NAME / "checkpoints" / "old.pt"
    old.parent.mkdir(parents=True)
    old.touch()

    trained(tmp_path, data, PLAIN)

    assert not old.exists()


def test_a_run_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no finished run in .*nowhere; train its recipe"):
        read_judgements(tmp_path / "nowhere")


def test_an_event_that_a_run_does_not_judge_is_named(home: Path) -> None:
    with pytest.raises(NotFoundError, match=r"has no judgement of X1\.0 on test"):
        find_judgement(home / "runs" / NAME, part="test", event="X1.0")


def test_compare_writes_a_page_of_two_runs(
    home: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = trained(tmp_path, data, PLAIN, name="plain")
    page = tmp_path / "pages" / "comparison.html"
    runs = [str(home / "runs" / NAME), str(other / "runs" / "plain-0.0.1")]
    capsys.readouterr()

    assert main(["compare", *runs, "--to", str(page)]) == 0

    assert capsys.readouterr().out == f"{page}\n"
    written = page.read_text("utf-8")
    assert NAME in written
    assert "plain-0.0.1" in written
    assert "Not comparable" not in written
    assert "<svg" in written


def test_compare_names_the_run_that_is_missing(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [str(home / "runs" / NAME), str(tmp_path / "nowhere")]

    assert main(["compare", *runs, "--to", str(tmp_path / "page.html")]) == 1

    assert "no finished run in" in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()


def test_compare_refuses_a_single_run(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(home / "runs" / NAME), "--to", str(tmp_path / "page.html")]) == 1

    assert "give 2 to 10 runs of different labels" in capsys.readouterr().err


def test_a_run_that_failed_says_so_in_its_log(data: Path, tmp_path: Path) -> None:
    split = {"kind": "folds", "test_fold": 9}
    recipe = write_recipe(tmp_path / "recipe.toml", recipe_of_windows(PLAIN, split=split))

    assert main(["train", str(recipe), *places(tmp_path, data)]) == 1

    log = (tmp_path / "runs" / NAME / "events.jsonl").read_bytes().splitlines()
    assert [orjson.loads(line)["event"] for line in (log[0], log[-1])] == ["begin", "failed"]
    assert orjson.loads(log[-1])["reason"].startswith("the split leaves no case for test")


def test_a_folder_that_cannot_be_made_is_named_before_the_training(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = write_recipe(tmp_path / "recipe.toml", recipe_of_windows())
    (tmp_path / "out").touch()

    assert main(["train", str(recipe), *places(tmp_path, data)]) == 1

    assert "out cannot be made: File exists; choose another folder" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_inputs_of_no_use_are_named_in_the_report_and_by_describe(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_windows(tmp_path)
    with np.load(tmp_path / FILE) as file:
        arrays = dict(file)
    empty, constant = np.full_like(arrays["windows"][:, :1], np.nan), arrays["windows"][:, :1] * 0
    copied = arrays["windows"][:, 2:]
    arrays["windows"] = np.concatenate([arrays["windows"], empty, constant + 3.5, copied], axis=1)
    np.savez(tmp_path / FILE, **arrays)
    recipe = recipe_of_windows(PLAIN)
    names = [*recipe["keywords"], "MEANALP", "SHRGT45", "COPY"]
    features = [{"name": name, "unit": "1"} for name in names]
    recipe |= {"keywords": names, "data": recipe["data"] | {"features": features}}
    path = str(write_recipe(tmp_path / "recipe.toml", recipe))

    assert main(["datasets", "describe", path, "--data", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert main(["train", path, *places(tmp_path, tmp_path)]) == 0
    report = (tmp_path / "runs" / NAME / "report.html").read_text()

    for remark in (
        "MEANALP has no value in any record",
        "SHRGT45 is 3.5 in every record that has it",
        "COPY is the same as R_VALUE in every record",
    ):
        assert remark in told
        assert remark in report
    assert "USFLUX is the same" not in report
