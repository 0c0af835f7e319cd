"""What each kind of job leaves behind, and that it is what the command line makes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from synthetic_windows import PLAIN, SMALL, SMOTE, recipe_of_windows, write_recipe, write_windows

from model_training.artefact import artifact
from model_training.jobs.kinds import Job, Result, execute
from model_training.journal import Journal, Stop, StoppedError
from solar.errors import InvalidInputError

NAME = "windows-0.0.1"
MADE = {
    "recipe.toml": "recipe",
    "report.html": "report",
    "scores.json": "scores",
    "evidence.parquet": "evidence",
    f"{NAME}/model.onnx": "model",
    f"{NAME}/manifest.json": "model",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_windows(tmp_path_factory.mktemp("data"))


def job_of(
    kind: str, home: Path, data: Path, recipe: dict[str, Any] | None = None, **parameters: Any
) -> Job:
    home.mkdir(exist_ok=True)
    text = None
    if recipe is not None:
        text = write_recipe(home / "recipe.toml", recipe).read_text("utf-8")
    return Job(kind, text, parameters, data, home / "out", Journal(home / "work"))


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Job, Result]:
    job = job_of("train", tmp_path_factory.mktemp("job"), data, recipe_of_windows(SMALL["gru"]))
    return job, execute(job)


def commanded(job: Job, home: Path) -> bytes:
    """Train on the command line, in a process of its own, what a job has trained."""
    places = {"--data": job.data, "--out": home / "out", "--runs": home / "runs"}
    words = [str(word) for pair in places.items() for word in pair]
    command = [sys.executable, "-m", "model_training", "train", str(job.out / "recipe.toml")]
    subprocess.run([*command, *words], check=True, stdout=subprocess.DEVNULL)
    return artefact_in(home / "out")


def artefact_in(folder: Path) -> bytes:
    return b"".join((folder / NAME / name).read_bytes() for name in ("model.onnx", "manifest.json"))


def test_a_trained_run_leaves_artefact_report_scores_evidence_and_recipe(
    trained: tuple[Job, Result],
) -> None:
    job, result = trained

    assert result.kinds == MADE
    assert (job.out / "recipe.toml").read_text("utf-8") == job.recipe
    manifest = orjson.loads((job.out / NAME / "manifest.json").read_bytes())
    told = manifest["scores"]["test"]["model"]["M1.0"]["scores"]["bss"]
    assert result.headline == {
        "M1.0": {"bss": told["value"], "low": told["low"], "high": told["high"]}
    }
    assert [source["file"] for source in manifest["sources"]] == ["windows.npz"]


def test_a_job_trains_the_artefact_of_the_command_line(
    trained: tuple[Job, Result], tmp_path: Path
) -> None:
    job, _ = trained

    assert commanded(job, tmp_path) == artefact_in(job.out)


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["logistic-regression", "gradient-boosting", "gru"])
def test_a_job_and_two_commands_train_one_artefact(kind: str, data: Path, tmp_path: Path) -> None:
    job = job_of("train", tmp_path / "job", data, recipe_of_windows(SMALL[kind]))

    execute(job)

    made = {artefact_in(job.out)}
    made |= {commanded(job, tmp_path / name) for name in ("once", "twice")}
    assert len(made) == 1


def test_a_repeated_recipe_leaves_one_artefact_for_each_value_and_the_mean_scores(
    data: Path, tmp_path: Path
) -> None:
    repeat = {"key": "split.test_fold", "values": [0, 1]}
    job = job_of("train", tmp_path / "job", data, recipe_of_windows(PLAIN, repeat=repeat))

    result = execute(job)

    names = [f"windows-test-fold-{value}-0.0.1" for value in (0, 1)]
    assert {f"{name}/model.onnx" for name in names} <= set(result.kinds)
    assert {f"{name}/report.html" for name in names} <= set(result.kinds)
    bss = orjson.loads((job.out / "means.json").read_bytes())["M1.0"]["model"]["bss"]
    assert bss["mean"] == pytest.approx(sum(bss["values"]) / 2)
    assert result.headline == {"M1.0": {"bss": bss["mean"], "low": None, "high": None}}
    assert job.journal.within("windows-test-fold-1").lines()


def test_a_job_that_was_asked_to_stop_ends_at_the_next_step(data: Path, tmp_path: Path) -> None:
    stop = Stop(is_requested=True)
    job = job_of("train", tmp_path / "job", data, recipe_of_windows())
    stopped = Job(job.kind, job.recipe, {}, data, job.out, Journal(tmp_path / "work", stop=stop))

    with pytest.raises(StoppedError):
        execute(stopped)


@pytest.mark.parametrize("path", ["../windows.npz", "/etc/passwd", "a/../../b", "..\\b"])
def test_a_recipe_whose_paths_lead_out_of_the_data_set_is_refused(
    path: str, data: Path, tmp_path: Path
) -> None:
    recipe = recipe_of_windows()
    recipe["data"]["file"] = path

    with pytest.raises(InvalidInputError, match=r"data\.file = .* leads out of the data set"):
        execute(job_of("train", tmp_path / "job", data, recipe))


def test_a_job_without_the_recipe_that_it_needs_says_so(data: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="a job of kind train needs a recipe"):
        execute(job_of("train", tmp_path / "job", data))


def test_a_job_of_no_kind_is_told_which_there_are(data: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"no job is of kind 'dance'; there are .*train"):
        execute(job_of("dance", tmp_path / "job", data))


def test_a_trained_artefact_loads(trained: tuple[Job, Result]) -> None:
    job, _ = trained

    assert artifact.load(job.out / NAME).model_id == "windows@0.0.1"


@pytest.fixture(scope="module")
def data_with_model(
    trained: tuple[Job, Result], data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A data folder in which the artefact of the trained run lies as a worker puts it there."""
    folder = tmp_path_factory.mktemp("with-model")
    shutil.copy(data / "windows.npz", folder)
    shutil.copytree(trained[0].out / NAME, folder / "artefact")
    return folder


def test_an_evaluated_model_has_the_scores_of_its_training(
    trained: tuple[Job, Result], data_with_model: Path, tmp_path: Path
) -> None:
    job = job_of("evaluate", tmp_path / "job", data_with_model, run_id="0" * 26, on="test")

    result = execute(job)

    assert result.headline == trained[1].headline
    assert set(result.kinds) == {"report.html", "scores.json", "evidence.parquet"}


def test_what_an_evaluation_cannot_be_on_is_refused_by_name(
    data_with_model: Path, data: Path, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInputError, match=r"parameters\.on of a run of kind evaluate"):
        execute(job_of("evaluate", tmp_path / "job", data_with_model, run_id="0" * 26, on="train"))
    with pytest.raises(InvalidInputError, match="left no model"):
        execute(job_of("evaluate", tmp_path / "other", data, run_id="0" * 26))


def test_a_network_run_leaves_graphs_pictures_and_statistics(data: Path, tmp_path: Path) -> None:
    job = job_of("network", tmp_path / "job", data, recipe_of_windows(), most=60, threshold=0.4)

    result = execute(job)

    kinds = {name: kind for name, kind in result.kinds.items() if name.startswith("samples")}
    assert kinds == {
        "samples.graphml": "graph",
        "samples.json": "graph",
        "samples.svg": "picture",
    }
    figures = orjson.loads((job.out / "networks.json").read_bytes())
    assert (figures["samples"]["nodes"], figures["threshold"]) == (60, 0.4)


def test_clusters_and_keyword_forecasts_leave_their_figures(data: Path, tmp_path: Path) -> None:
    clusters = job_of("cluster", tmp_path / "a", data, recipe_of_windows(), most=40, picture="tsne")
    forecast = job_of("forecast", tmp_path / "b", data, recipe_of_windows(), keywords=["USFLUX"])

    made = execute(clusters).kinds | execute(forecast).kinds

    assert made == {
        "recipe.toml": "recipe",
        "clusters.csv": "table",
        "clusters.json": "figures",
        "windows.json": "figures",
        "forecast.json": "figures",
        "forecasts.parquet": "table",
        "fans.json": "figures",
    }
    assert orjson.loads((clusters.out / "clusters.json").read_bytes())["samples"] == 40
    with pytest.raises(InvalidInputError, match=r"parameters\.clusters of a run of kind cluster"):
        execute(job_of("cluster", tmp_path / "c", data, recipe_of_windows(), clusters=1))


def test_an_augmentation_is_judged_as_on_the_command_line(data: Path, tmp_path: Path) -> None:
    recipe = recipe_of_windows(PLAIN | {"augmentation": SMOTE})
    job = job_of("augment", tmp_path / "job", data, recipe)

    result = execute(job)

    told = orjson.loads((job.out / "quality.json").read_bytes())["M1.0"]
    assert told["quality"] is None
    assert {"with", "without", "difference"} <= set(told["skill"])
    assert result.kinds["quality.json"] == "quality"


def test_an_augmentation_for_an_event_that_the_data_do_not_tell_is_refused_by_name(
    data: Path, tmp_path: Path
) -> None:
    recipe = recipe_of_windows(PLAIN | {"augmentation": SMOTE}, events=["C1.0", "M1.0"])

    with pytest.raises(InvalidInputError, match=r"does not tell C1\.0; choose events from M1\.0"):
        execute(job_of("augment", tmp_path / "job", data, recipe))


def test_an_audit_leaves_every_check(data: Path, tmp_path: Path) -> None:
    job = job_of("audit", tmp_path / "job", data, recipe_of_windows())

    result = execute(job)

    audit = orjson.loads((job.out / "audit.json").read_bytes())["windows"]
    assert audit["passed"]
    assert len(audit["checks"]) == 20
    assert result.kinds == {"audit.json": "audit", "recipe.toml": "recipe"}


def test_an_audit_that_finds_a_leak_fails_with_its_checks_written(tmp_path: Path) -> None:
    write_windows(tmp_path)
    with np.load(tmp_path / "windows.npz") as file:
        arrays = dict(file)
    # Case 1, of training, goes on where case 0, of the test, ends.
    arrays["windows"][1, :, :-1] = arrays["windows"][0, :, 1:]
    np.savez(tmp_path / "windows.npz", **arrays)
    job = job_of("audit", tmp_path / "job", tmp_path, recipe_of_windows())

    with pytest.raises(InvalidInputError, match=r"the leak audit failed; no stretch of a window"):
        execute(job)

    assert not orjson.loads((job.out / "audit.json").read_bytes())["windows"]["passed"]
