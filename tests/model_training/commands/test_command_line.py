from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import orjson
import pandas as pd
import pytest

from model_training import registry
from model_training.__main__ import main
from model_training.artefact import artifact
from model_training.judging.evaluation import REFERENCE
from model_training.registry import ARTIFACTS
from model_training.training import TrainingResult
from solar.flares import EVENTS
from solar.stages import Stages, read_stages
from tests.synthetic_windows import write_recipe

COMMITTED = sorted(path.parent for path in ARTIFACTS.glob("*/manifest.json"))


def evaluated(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, dict[str, dict]]:
    assert main(["evaluate", *arguments, "--json"]) == 0
    found: dict[str, dict[str, dict]] = orjson.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize("part", ["validation", "test"])
def test_evaluate_repeats_the_scores_of_the_manifest(
    folder: Path,
    trained: TrainingResult,
    world: Path,
    part: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = evaluated(capsys, str(folder), "--data", str(world), "--on", part)

    # The plain regression is fitted beside the model in training only.
    expected = trained.manifest.model_dump(mode="json")["scores"][part]
    assert found == {name: book for name, book in expected.items() if name != REFERENCE}


def test_evaluate_scores_other_rows(
    folder: Path, world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(folder), "--data", str(world), "--on", "rows.parquet"]) == 0

    assert "climatology-120d" in capsys.readouterr().out


def test_promote_says_what_is_live_now(
    folder: Path, trained: TrainingResult, capsys: pytest.CaptureFixture[str]
) -> None:
    name = trained.manifest.name

    assert main(["promote", name, "0.1.0", "--out", str(folder.parent)]) == 0

    assert capsys.readouterr().out == f"live: {name}@0.1.0; shadow: none\n"


def test_select_stages_by_skill(
    folder: Path, trained: TrainingResult, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["select", "--out", str(folder.parent)]) == 0

    assert capsys.readouterr().out == f"live: {trained.manifest.name}@0.1.0; shadow: none\n"


def test_evaluate_takes_the_truth_of_an_event_from_a_column(
    folder: Path, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = pd.read_parquet(world / "rows.parquet")
    rows.assign(own=rows.index < 7).to_parquet(tmp_path / "labelled.parquet")
    for name in ("rows", "flares"):
        (tmp_path / f"{name}.parquet").write_bytes((world / f"{name}.parquet").read_bytes())

    found = evaluated(
        capsys, str(folder), "--data", str(tmp_path), "--on", "labelled.parquet",
        "--label", "M1.0=own",
    )  # fmt: skip

    assert found["model"]["M1.0"]["n_unknown"] == 0
    assert found["model"]["C1.0"]["n_unknown"] > 0


def test_a_label_for_the_own_rows_of_a_model_is_refused(
    folder: Path, world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(folder), "--data", str(world), "--label", "M1.0=own"]) == 1

    assert "--label, --folds and --disk go with --on FILE" in capsys.readouterr().err


def test_an_event_that_the_model_does_not_forecast_has_no_disk(
    folder: Path, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = pd.read_parquet(world / "rows.parquet")
    rows.assign(noaa_ar=rows["noaa_ar"] + 1000).to_parquet(tmp_path / "others.parquet")
    for name in ("rows", "flares"):
        (tmp_path / f"{name}.parquet").write_bytes((world / f"{name}.parquet").read_bytes())
    words = ["evaluate", str(folder), "--data", str(tmp_path), "--on", "others.parquet"]

    assert main([*words, "--disk", "M2.0"]) == 1

    assert "cannot forecast M2.0 on the full disk" in capsys.readouterr().err


def test_a_label_of_no_event_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["evaluate", str(folder), "--label", "M2.0=own"])

    assert "is not written like M1.0=y24_M" in capsys.readouterr().err


def test_a_mistake_is_answered_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(tmp_path / "none.toml")]) == 1

    assert capsys.readouterr().err.startswith("Invalid input: no recipe at")


@pytest.mark.parametrize(
    "words", [["--help"], ["train", "--help"], ["evaluate", "--help"], ["select", "--help"]]
)
def test_every_command_explains_itself(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(words)

    assert "usage: flarewatch" in capsys.readouterr().out


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.name)
def test_a_committed_model_loads_and_fits_its_budget(path: Path) -> None:
    model = artifact.load(path)

    assert sum(file.stat().st_size for file in path.iterdir()) < 1_000_000
    assert model.manifest.leak_audit.passed
    assert model.thresholds["M1.0"] is not None
    assert not [item for item in model.manifest.sources if "GPL" in item.licence]


def test_the_committed_stages_name_models_that_exist() -> None:
    stages = read_stages(ARTIFACTS)

    assert stages.live is not None
    for model_id in (stages.live, *stages.shadow):
        assert artifact.load(registry.find(ARTIFACTS, model_id)).model_id == model_id


def test_the_committed_shadow_is_the_best_of_those_that_were_scored_on_the_same_cases() -> None:
    # The forecaster was scored on other cases, and a person promotes it.
    models = (artifact.load(registry.find(ARTIFACTS, name)) for name in registry.ranking(ARTIFACTS))
    with_regions_of_noaa = [model for model in models if not model.manifest.recipe["data"]["harps"]]
    best, *_ = (model.model_id for model in with_regions_of_noaa)

    assert read_stages(ARTIFACTS) == Stages(live="forecaster@1.0.0", shadow=(best,))


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.name)
def test_a_committed_model_forecasts_every_event(path: Path) -> None:
    manifest = artifact.read_manifest(path)

    assert [event.name for event in manifest.events] == [event.name for event in EVENTS]


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.name)
def test_a_committed_model_repeats_its_test_scores(
    path: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = evaluated(capsys, str(path), "--data", str(shared_data))

    expected = artifact.read_manifest(path).scores["test"]["model"]
    for event, scores in expected.items():
        for name in ("bss", "auc", "tss"):
            assert found["model"][event]["scores"][name]["value"] == pytest.approx(
                scores.scores[name].value, abs=1e-4
            )


@pytest.mark.thorough
@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.name)
def test_a_committed_recipe_makes_the_committed_model_again(
    path: Path, shared_data: Path, tmp_path: Path
) -> None:
    committed = artifact.load(path)
    published = ARTIFACTS.parent / "recipes" / f"{committed.manifest.name}.toml"
    # The refits of a band change no forecast; they have tests of their own, and take minutes.
    recipe = write_recipe(
        tmp_path / published.name, tomllib.loads(published.read_text()) | {"band": {"kind": "none"}}
    )
    features = {name: np.geomspace(1e-2, 1e22, 50) for name in committed.feature_names}

    places = ["--data", str(shared_data), "--out", str(tmp_path), "--runs", str(tmp_path / "runs")]
    assert main(["train", str(recipe), *places]) == 0

    # Another processor may round the last digits otherwise, so that the hash is not compared.
    made = artifact.load(tmp_path / path.name)
    assert made.score(features).raw == pytest.approx(
        committed.score(features).raw, abs=1e-3, nan_ok=True
    )


# What serves models has the packages of the first sections of requirements.lock alone.
SERVING = """
import sys
sys.modules.update(dict.fromkeys([
    "gensim", "imblearn", "jinja2", "lightgbm", "matplotlib", "networkx", "node2vec", "onnx",
    "pandas", "scipy", "sklearn", "skl2onnx", "threadpoolctl", "torch", "tqdm",
]))
from model_training.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def where_models_are_served(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", SERVING, *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_models_are_checked_promoted_and_retired_where_nothing_can_be_trained(
    tmp_path: Path,
) -> None:
    models = shutil.copytree(ARTIFACTS, tmp_path / "models")
    name = "logistic-regression"
    where = ("--out", str(models))

    checked = where_models_are_served("check", str(models / f"{name}-1.0.0"))
    promoted = where_models_are_served("promote", name, "1.0.0", "--stage", "shadow", *where)
    stages = read_stages(models)
    retired = where_models_are_served("retire", name, "1.0.0", *where)

    assert checked.stdout.endswith("can serve\n"), checked.stderr
    assert promoted.returncode == 0, promoted.stderr
    assert f"{name}@1.0.0" in stages.shadow
    assert retired.returncode == 0, retired.stderr
    assert read_stages(models).model_ids == read_stages(ARTIFACTS).model_ids


def test_training_without_its_packages_is_refused_in_one_line() -> None:
    refused = where_models_are_served("train", "recipe.toml")

    assert refused.returncode == 1
    assert "train needs " in refused.stderr
    assert "`make setup` installs it" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert where_models_are_served("--help").returncode == 0
