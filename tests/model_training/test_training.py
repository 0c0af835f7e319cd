from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import orjson
import pandas as pd
import pytest
from synthetic_windows import SMALL, recipe_of_windows, write_windows

from model_training import training
from model_training.artefact import graph
from model_training.artefact.artifact import load
from model_training.data import leak_audit, loading
from model_training.data.flares import read_flares
from model_training.data.split import split
from model_training.fitting import forecaster, out_of_fold
from model_training.fitting.forecaster import fit_event, make_plan
from model_training.journal import EVENTS, Journal
from model_training.recipe.recipe import Recipe, midnight
from model_training.training import PARITY_LIMIT, TrainingResult, train
from solar.errors import ArtifactError, InvalidInputError
from solar.histogram import EDGES

MakeRecipe = Callable[[str], Recipe]


@pytest.mark.parametrize("kind", ["logistic-regression", "gradient-boosting", "blend"])
def test_the_graph_agrees_with_the_forecaster_on_rows_with_missing_values(
    kind: str, world: Path, make_recipe: MakeRecipe
) -> None:
    recipe = make_recipe(kind)
    parts = split(loading.load(recipe.data, world), recipe.split)
    flares = read_flares(world / recipe.data.flares)
    plan = make_plan(recipe, parts)
    fitted = forecaster.fit(
        recipe, parts.train, plan=plan, flares=flares, until=midnight(recipe.split.test_from),
        journal=Journal(),
    )  # fmt: skip
    inputs = parts.test.windows(recipe.features)
    inputs[np.random.default_rng(0).random(inputs.shape) < 0.4] = np.nan
    inputs[0] = np.nan

    drawn = fitted.to_onnx(steps=1, features=len(recipe.features))
    served = graph.run(drawn, inputs[:, 0])

    assert plan.columns == ("C1.0", "M1.0", "X1.0")
    assert tuple(plan.derived) == ("X1.0",)
    assert np.abs(served - fitted.predict(inputs)).max() <= PARITY_LIMIT


def test_each_validation_year_is_forecast_by_a_fit_on_the_rows_before_it(
    world: Path, make_recipe: MakeRecipe
) -> None:
    recipe = make_recipe("logistic-regression")
    parts = split(loading.load(recipe.data, world), recipe.split)
    flares = read_flares(world / recipe.data.flares)

    found = out_of_fold.forecast_folds(
        recipe, parts, plan=make_plan(recipe, parts), flares=flares, journal=Journal()
    )

    first = parts.folds[0]
    alone = fit_event(recipe, first.train, "C1.0", journal=Journal()).predict(
        first.held_out.windows(recipe.features)
    )
    assert first.train.t_rec.max() < np.datetime64("2011-01-01")
    assert found.raw[: len(first.held_out), 0] == pytest.approx(alone)
    assert len(found.rows) == len(found.raw) == sum(len(fold.held_out) for fold in parts.folds)


def test_a_gru_tells_by_epoch_the_skill_on_its_held_out_fold_alone(tmp_path: Path) -> None:
    gru = SMALL["gru"] | {"epochs": 2, "class_weight": "balanced", "inputs": ["TOTUSJH", "USFLUX"]}
    recipe = Recipe.model_validate(recipe_of_windows(gru))
    write_windows(tmp_path)

    told = train(recipe, tmp_path, journal=Journal(tmp_path / "told"))

    lines = (tmp_path / "told" / EVENTS).read_bytes().splitlines()
    epochs = [event for event in map(orjson.loads, lines) if event["event"] == "epoch"]
    skills = {event["place"]: event["bss"] for event in epochs if "bss" in event}
    assert {event["place"] for event in epochs} - skills.keys() == {"final/M1.0"}
    # The network of the last epoch is the one that forecasts the fold.
    first = told.parts.folds[0]
    outcome = first.held_out.truth["M1.0"]
    brier = np.mean((told.out_of_fold.raw[: len(outcome), 0] - outcome) ** 2)
    expected = 1 - brier / (outcome.mean() * (1 - outcome.mean()))
    assert skills[f"fold {first.name}/M1.0"] == pytest.approx(expected)
    assert train(recipe, tmp_path).graph == told.graph


def test_a_graph_that_differs_from_its_model_is_not_exported(
    trained: TrainingResult, world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "PARITY_LIMIT", 0.0)

    with pytest.raises(ArtifactError, match=r"differs by .* raise hiding\.copy_weight"):
        train(Recipe.model_validate(trained.manifest.recipe), world)


def test_the_same_recipe_and_data_give_the_same_files(trained: TrainingResult, world: Path) -> None:
    again = train(Recipe.model_validate(trained.manifest.recipe), world)

    assert again.graph == trained.graph
    assert again.manifest == trained.manifest


def test_another_seed_gives_another_graph(trained: TrainingResult, world: Path) -> None:
    recipe = Recipe.model_validate(trained.manifest.recipe).model_copy(update={"seed": 2})

    assert train(recipe, world).manifest.files != trained.manifest.files


def test_test_rows_reach_neither_fit_nor_calibration_nor_threshold(
    trained: TrainingResult, world: Path, tmp_path: Path
) -> None:
    rows = pd.read_parquet(world / "rows.parquet")
    is_test = rows["t_rec"] >= "2013-01-01"
    rows.loc[is_test, ["USFLUX", "TOTUSJH", "SHRGT45"]] *= 1e6
    rows.to_parquet(tmp_path / "rows.parquet")
    (tmp_path / "flares.parquet").write_bytes((world / "flares.parquet").read_bytes())

    other = train(Recipe.model_validate(trained.manifest.recipe), tmp_path)

    assert other.graph == trained.graph
    assert other.manifest.events == trained.manifest.events
    assert other.manifest.scores["validation"] == trained.manifest.scores["validation"]
    assert other.manifest.scores["test"] != trained.manifest.scores["test"]


def test_the_last_validation_year_reaches_the_thresholds_and_the_final_fit(
    trained: TrainingResult, world: Path, tmp_path: Path
) -> None:
    rows = pd.read_parquet(world / "rows.parquet")
    is_last_year = rows["t_rec"].between("2012-01-01", "2012-12-31")
    rows.loc[is_last_year, ["USFLUX", "TOTUSJH"]] *= 1e-2
    rows.to_parquet(tmp_path / "rows.parquet")
    (tmp_path / "flares.parquet").write_bytes((world / "flares.parquet").read_bytes())

    other = train(Recipe.model_validate(trained.manifest.recipe), tmp_path)

    assert other.graph != trained.graph
    assert other.manifest.events[0] != trained.manifest.events[0]


def test_the_model_that_serves_is_fitted_on_the_validation_years_too(
    trained: TrainingResult,
) -> None:
    parts = trained.manifest.split

    assert parts.choice["test_from"] == "2013-01-01"
    assert parts.train.last_at > "2012-12-20"
    assert [fold.name for fold in parts.folds] == ["2011", "2012"]
    assert parts.validation.rows == sum(fold.held_out.rows for fold in parts.folds)


def test_thresholds_are_edges_of_the_verification_bins(trained: TrainingResult) -> None:
    assert {event.threshold for event in trained.manifest.events} <= set(EDGES.tolist())


def test_a_rare_event_is_derived_and_says_from_what(trained: TrainingResult) -> None:
    common, m1, x1 = trained.manifest.events

    assert (common.basis, m1.basis, x1.basis) == ("fitted", "fitted", "size distribution")
    assert x1.size is not None
    assert x1.size.of == "M1.0"
    assert 0 < x1.size.flares < x1.size.reference_flares
    assert x1.calibration.kind == "identity"
    assert "too few events to fit" in str(x1.note)


def test_the_threshold_of_a_derived_event_is_the_base_rate_of_training(
    trained: TrainingResult,
) -> None:
    part = trained.manifest.split.train
    base_rate = part.events["X1.0"] / (part.rows - part.unknown["X1.0"])

    # Below 0.02 the bins are 0.0002 wide.
    assert trained.manifest.events[2].threshold == pytest.approx(base_rate, abs=0.0001)


def test_a_finished_run_passes_its_leak_audit(trained: TrainingResult) -> None:
    # Four checks on each of train-test, validation-test and two folds, and four on who saw what.
    assert trained.manifest.leak_audit.passed
    assert len(trained.manifest.leak_audit.checks) == 20


def test_a_finished_run_has_found_no_skill_in_noise(trained: TrainingResult) -> None:
    trials = trained.manifest.leak_audit.noise

    assert [(trial.exchanged, trial.event) for trial in trials] == [
        ("inputs", "C1.0"),
        ("inputs", "M1.0"),
        ("outcomes", "C1.0"),
        ("outcomes", "M1.0"),
    ]
    assert all(trial.passed and trial.bss is not None for trial in trials)


def test_a_run_whose_audit_fails_yields_nothing(
    world: Path, make_recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaky = leak_audit.LeakAudit(
        passed=False, checks=(leak_audit.Check(name="a", passed=False, detail="b"),)
    )
    monkeypatch.setattr(leak_audit, "audit", lambda *_, **__: leaky)

    with pytest.raises(InvalidInputError, match="the leak audit failed; a: b"):
        train(make_recipe("logistic-regression"), world)


def test_baselines_are_scored_on_the_cases_of_the_model(trained: TrainingResult) -> None:
    for book in trained.manifest.scores.values():
        assert set(book) == {
            "model", "climatology-120d", "climatology-365d", "persistence", "plain-regression",
        }  # fmt: skip
        assert len({(found["C1.0"].n, found["C1.0"].n_events) for found in book.values()}) == 1


def test_a_made_up_world_is_forecast_with_skill(trained: TrainingResult) -> None:
    bss = trained.manifest.scores["test"]["model"]["C1.0"].scores["bss"]

    assert bss.low is not None
    assert bss.low > 0


def test_a_world_without_enough_flares_cannot_be_learned(
    world: Path, make_recipe: MakeRecipe
) -> None:
    recipe = make_recipe("logistic-regression").model_copy(update={"min_events_train": 10_000})

    with pytest.raises(InvalidInputError, match=r"there is no fitted M1\.0 to derive them from"):
        train(recipe, world)


def test_the_written_folder_holds_what_was_trained(folder: Path, trained: TrainingResult) -> None:
    assert {path.name for path in folder.iterdir()} == {"model.onnx", "manifest.json"}
    assert set(load(folder).thresholds) == {"C1.0", "M1.0", "X1.0"}
