"""Processed and augmented data: which cases, fitted on what, and read again without a question."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from synthetic_windows import FEATURES, GAN, PLAIN, SMALL, SMOTE, recipe_of_windows, write_windows

from model_training.analysis.processing import process, write_augmented
from model_training.data import loading
from model_training.data.dataset import Dataset
from model_training.data.guessing import guess
from model_training.journal import Journal
from model_training.recipe.recipe import Recipe
from solar.errors import InvalidInputError

CHRONOLOGICAL = {
    "kind": "chronological",
    "validate_from": "2012-02-01",
    "test_from": "2012-02-15",
    "embargo_hours": 48.0,
}
SCALED = {"missing": "mean", "scaling": "z-score"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_windows(tmp_path_factory.mktemp("data"))


def recipe_with(estimator: dict[str, Any], **changes: Any) -> Recipe:
    return Recipe.model_validate(recipe_of_windows(estimator, **changes))


def read(path: Path) -> Dataset:
    """Read a file as a new data set is read: by its own layout, without a question."""
    return loading.load(guess(path), path.parent)


def test_the_steps_are_fitted_on_training_cases_alone(data: Path, tmp_path: Path) -> None:
    estimator = SMALL["gru"] | {"preparation": SCALED}
    recipe = recipe_with(estimator, split=CHRONOLOGICAL)

    told = process(recipe, data, out=tmp_path, journal=Journal())

    processed = read(tmp_path / "data" / "processed.npz")
    names = tuple(f"{name} scaled" for name in FEATURES)
    assert processed.names == names
    assert processed.window_length == 8
    windows = processed.windows(names)
    training = windows[processed.fold == 0]
    assert told["cases"] == {str(fold): int(np.sum(processed.fold == fold)) for fold in (0, 1, 2)}
    # By hand: of the filled training windows the mean is 0 and the deviation 1, of all it is not.
    assert np.allclose(training.mean(axis=(0, 1)), 0, atol=1e-3)
    assert np.allclose(training.std(axis=(0, 1)), 1, atol=1e-3)
    assert not np.allclose(windows.mean(axis=(0, 1)), 0, atol=1e-3)
    assert told["fitted_on"]["last"] < "2012-02-01"
    assert orjson.loads((tmp_path / "processing.json").read_bytes()) == told
    scaling = told["steps"][-1]
    assert (scaling["step"], set(scaling["spread"])) == ("Scaled", set(FEATURES))


def test_validation_years_that_are_trained_on_in_the_end_fit_no_step(
    data: Path, tmp_path: Path
) -> None:
    split = {"kind": "rolling-years", "validation_years": [2012], "test_from": "2013-01-01"}
    with np.load(data / "windows.npz") as file:
        arrays = dict(file)
    arrays["at"] = arrays["at"] + np.arange(240) // 80 * np.timedelta64(365, "D")
    arrays["at"] -= np.timedelta64(366, "D")
    np.savez(tmp_path / "windows.npz", **arrays)
    recipe = recipe_with(PLAIN, split=split | {"embargo_hours": 48.0})

    told = process(recipe, tmp_path, out=tmp_path, journal=Journal())

    assert told["fitted_on"]["last"] < "2012"
    assert set(told["cases"]) == {"0", "1", "2"}


def test_folds_stay_folds_and_rows_of_an_estimator_of_one_row_are_rows(
    data: Path, tmp_path: Path
) -> None:
    preparation = {"missing": "drop", "scaling": "none", "statistics": ["last", "mean"]}
    recipe = recipe_with(PLAIN | {"preparation": preparation})

    told = process(recipe, data, out=tmp_path, journal=Journal())

    processed = read(tmp_path / "data" / "processed.npz")
    assert processed.window_length == 1
    assert processed.names == tuple(
        f"{name} {one}" for one in ("last", "mean") for name in FEATURES
    )
    # Folds 1 and 2 were held out in turn, fold 0 was the test, and gaps leave cases out.
    assert set(told["cases"]) == {"0", "1", "2"}
    assert sum(told["cases"].values()) + told["left_out"] == 240
    assert told["left_out"] > 0
    assert not np.isnan(processed.windows(processed.names)).any()


def test_a_blend_says_that_its_members_prepare_for_themselves(data: Path, tmp_path: Path) -> None:
    blend = recipe_with({"kind": "blend", "members": [PLAIN, SMALL["gradient-boosting"]]})

    with pytest.raises(InvalidInputError, match="take the recipe of one member"):
        process(blend, data, out=tmp_path, journal=Journal())


@pytest.mark.parametrize("augmentation", [SMOTE, GAN], ids=["smote", "timegan"])
def test_synthetic_cases_stand_marked_behind_the_real_training_cases(
    augmentation: dict[str, Any], data: Path, tmp_path: Path
) -> None:
    recipe = recipe_with(PLAIN | {"augmentation": augmentation}, split=CHRONOLOGICAL)

    write_augmented(recipe, data, event="M1.0", out=tmp_path, journal=Journal())

    augmented = read(tmp_path / "data" / "augmented.npz")
    with np.load(tmp_path / "data" / "augmented.npz") as file:
        synthetic, windows, outcome = (
            file[name] for name in ("synthetic", "windows", "label_M1.0")
        )
    real = windows[synthetic == 0]
    with np.load(data / "windows.npz") as file:
        at, before = file["at"], file["windows"].transpose(0, 2, 1)
    # The horizon and the embargo lie between the last of them and the validation.
    is_training = at <= np.datetime64("2012-02-01") - np.timedelta64(24 + 48, "h")
    assert np.array_equal(real, before[is_training], equal_nan=True)
    made = windows[synthetic == 1]
    assert len(made) == 2 * np.sum(outcome[synthetic == 0] == 0) - len(real)
    assert (outcome[synthetic == 1] == 1).all()
    assert np.isfinite(made).all()
    # In the units of the data set: no further out than the real events by much.
    spread = np.nanstd(real, axis=(0, 1))
    assert (np.abs(made.mean(axis=(0, 1)) - np.nanmean(real, axis=(0, 1))) < 3 * spread).all()
    assert len(np.unique(augmented.region_id)) == len(augmented)


def test_a_recipe_that_makes_no_synthetic_cases_says_what_to_choose(
    data: Path, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInputError, match="choose smote or timegan"):
        write_augmented(recipe_with(PLAIN), data, event="M1.0", out=tmp_path, journal=Journal())


def test_a_layout_that_a_file_claims_of_itself_is_checked(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", layout=np.array('{"layout": "table"}'), windows=np.zeros((2, 1)))

    with pytest.raises(InvalidInputError, match=r"x\.npz: the array layout is no \[data\] table"):
        guess(tmp_path / "x.npz")
