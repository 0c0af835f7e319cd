from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from handmade_models import HandmadeModel

import model_training
from model_training.artefact import artifact
from model_training.artefact.manifest import EventModel
from model_training.fitting.out_of_fold import calibrated_as_served
from model_training.recipe.recipe import BandConfig, Recipe
from model_training.run_manifest import gate_repairs, repairs
from model_training.training import TrainingResult, train
from solar.bands import band_of
from solar.errors import InvalidInputError

ARTIFACTS = Path(model_training.__file__).parent / "artifacts"
SERVED = sorted(path.parent for path in ARTIFACTS.glob("*/manifest.json"))


@pytest.fixture(scope="module")
def recipe(make_recipe: Callable[[str], Recipe]) -> Recipe:
    noon = make_recipe("logistic-regression")
    data = noon.data.model_copy(update={"issue": "day-end"})
    band = BandConfig(kind="model", refits=20)
    return noon.model_copy(update={"data": data, "min_events_train": 10, "band": band})


@pytest.fixture(scope="module")
def daily(recipe: Recipe, world: Path) -> TrainingResult:
    return train(recipe, world)


def changed(world: Path, folder: Path, *, before: str, after: str) -> Path:
    """Copy the world with a thousandfold flux between two days, and without some of it."""
    rows = pd.read_parquet(world / "rows.parquet")
    chosen = rows["t_rec"].between(after, before)
    rows.loc[chosen, "USFLUX"] *= 1e3
    rows.loc[chosen, "MEANALP"] = np.nan
    rows.to_parquet(folder / "rows.parquet")
    (folder / "flares.parquet").write_bytes((world / "flares.parquet").read_bytes())
    return folder


def test_the_reference_describes_every_input_of_the_training_cases(daily: TrainingResult) -> None:
    reference, cases = daily.manifest.reference, daily.parts.train

    assert reference is not None
    assert reference.n == len(cases) == daily.manifest.split.train.rows
    assert tuple(reference.features) == daily.recipe.features
    assert reference.features["USFLUX"].mean == pytest.approx(cases.feature("USFLUX").mean())
    assert reference.features["USFLUX"].shares == pytest.approx([0.1] * 10, abs=1 / len(cases))
    assert reference.features["USFLUX"].missing_share == 0


def test_the_manifest_has_the_band_of_each_event_that_refits_move(daily: TrainingResult) -> None:
    plain = daily.manifest.model_dump(mode="json")
    bands = {event.name: event.band for event in daily.manifest.events}

    assert bands["C1.0"] is not None
    assert bands["C1.0"].faults() == []
    assert all(band_of(plain, name) == band for name, band in bands.items())


def test_the_cases_that_are_moved_to_be_consistent_are_counted() -> None:
    """Of four cases one contradicts itself a little and one much: .2 and .8 meet at odds of 1."""
    targets = [EventModel(name=name, column=at) for at, name in enumerate(("M1.0", "M1.0/6h"))]
    raw = np.array([[0.2, 0.1], [0.2, 0.2], [0.2, 0.21], [0.2, 0.8]])

    found = repairs(targets, raw)

    assert found is not None
    assert (found.n, found.share, found.share_far, found.far) == (4, 0.5, 0.25, 0.02)
    assert repairs(targets[:1], raw) is None


def test_a_model_that_contradicts_itself_too_often_is_refused() -> None:
    targets = [EventModel(name=name, column=at) for at, name in enumerate(("M1.0", "M1.0/6h"))]

    with pytest.raises(
        InvalidInputError, match=r"hazard: 25% of 4 validation cases .* at most 20%"
    ):
        gate_repairs("hazard", repairs(targets, np.array([[0.2, 0.1]] * 3 + [[0.2, 0.8]])))


def test_the_reference_of_forecasts_is_the_pool_as_it_would_be_served(
    daily: TrainingResult,
) -> None:
    reference, served = (
        daily.manifest.reference,
        calibrated_as_served(daily.manifest.events, daily.out_of_fold.raw),
    )

    assert reference is not None
    assert set(reference.predictions) == {"C1.0", "M1.0", "X1.0"}
    deciles = np.quantile(served["M1.0"], np.arange(1, 10) / 10)
    assert reference.predictions["M1.0"].edges == pytest.approx(deciles)


def test_test_rows_do_not_reach_the_reference(
    daily: TrainingResult, recipe: Recipe, world: Path, tmp_path: Path
) -> None:
    other = train(recipe, changed(world, tmp_path, after="2013-01-01", before="2099-01-01"))

    assert other.manifest.reference == daily.manifest.reference
    assert other.manifest.scores["test"] != daily.manifest.scores["test"]


def test_training_rows_reach_the_reference(
    daily: TrainingResult, recipe: Recipe, world: Path, tmp_path: Path
) -> None:
    other = train(recipe, changed(world, tmp_path, after="2010-01-01", before="2010-06-30"))

    found, before = other.manifest.reference, daily.manifest.reference
    assert found is not None
    assert before is not None
    assert found.features["MEANALP"].missing_share > before.features["MEANALP"].missing_share == 0
    assert found.features["USFLUX"].edges[-1] > before.features["USFLUX"].edges[-1]
    assert found.features["SHRGT45"] == before.features["SHRGT45"]


def test_reference_and_disk_come_back_from_the_artefact(
    daily: TrainingResult, tmp_path: Path
) -> None:
    found = artifact.load(daily.write(tmp_path)).manifest

    assert found.reference == daily.manifest.reference
    assert found.disk == daily.manifest.disk


def test_an_artefact_of_another_maker_needs_neither(tmp_path: Path) -> None:
    model = HandmadeModel("plain", ("R_VALUE",), np.array([[1.0]]))

    found = artifact.load(model.write(tmp_path)).manifest

    assert found.reference is None
    assert found.disk is None


@pytest.mark.parametrize("path", SERVED, ids=lambda path: path.name)
def test_the_models_that_come_with_flarewatch_describe_their_training_cases(path: Path) -> None:
    manifest = artifact.read_manifest(path)

    assert manifest.reference is not None
    # Rows that are only learned from are not what the model will meet.
    main_rows = manifest.recipe["data"].get("added") is None
    assert main_rows == (manifest.reference.n == manifest.split.train.rows)
    assert list(manifest.reference.features) == [item.name for item in manifest.features]
