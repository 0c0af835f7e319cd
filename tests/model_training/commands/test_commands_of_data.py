"""The break-down of data on the command line, and what is said of data that cannot be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pandas as pd
import pytest
from synthetic_windows import recipe_of_windows, write_recipe, write_windows
from words import Captured, complaint, said


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_windows(tmp_path_factory.mktemp("data"))


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    return write_recipe(tmp_path / "recipe.toml", recipe_of_windows())


def test_describe_tells_of_a_recipe_what_its_data_hold(
    recipe: Path, data: Path, capsys: Captured
) -> None:
    told = said(capsys, "datasets", "describe", recipe, "--data", data)

    assert "240 cases of 8 steps x 3 features (1920 records), 240 regions" in told
    assert "cases by fold: 0: 80, 1: 80, 2: 80" in told
    for word in ("USFLUX", "G²/m", "log₁₀ Mx", "missing", "base rate", "windows overlap"):
        assert word in told


def test_describe_writes_the_same_figures_as_json(
    recipe: Path, data: Path, capsys: Captured
) -> None:
    told = orjson.loads(said(capsys, "datasets", "describe", recipe, "--data", data, "--json"))

    with np.load(data / "windows.npz") as file:
        missing = float(np.isnan(file["windows"][:, 0]).mean())
        events = int(file["label"].sum())
    assert (told["cases"], told["steps"], told["regions"]) == (240, 8, 240)
    assert told["features"][0]["missing"] == pytest.approx(missing)
    assert told["events"][0]["events"] == events


def test_describe_guesses_the_layout_of_a_file(world: Path, capsys: Captured) -> None:
    told = said(capsys, "datasets", "describe", world / "rows.parquet")

    # 240 regions of eight days.
    assert "1920 cases of 1 steps x 4 features" in told


def test_describe_looks_for_a_name_in_the_data_folder(world: Path, capsys: Captured) -> None:
    told = said(capsys, "datasets", "describe", "rows.parquet", "--data", world, "--json")

    assert orjson.loads(told)["regions"] == 240


def test_describe_guesses_the_layout_of_a_folder(shared_data: Path, capsys: Captured) -> None:
    told = said(capsys, "datasets", "describe", shared_data / "training" / "swansf_samples")

    assert "12 cases of 60 steps" in told
    assert "9 regions" in told


@pytest.mark.parametrize("suffix", [".pkl", ".pickle", ".joblib", ".gpickle"])
def test_a_pickle_is_refused_with_the_way_to_convert_it(
    suffix: str, tmp_path: Path, capsys: Captured
) -> None:
    path = tmp_path / f"x{suffix}"
    path.touch()

    told = complaint(capsys, "datasets", "describe", path)

    assert "a pickle can run anything" in told
    assert "np.savez('x.npz'" in told


def test_a_pickle_that_a_recipe_names_is_refused_alike(
    data: Path, tmp_path: Path, capsys: Captured
) -> None:
    plain = recipe_of_windows()
    plain["data"]["file"] = "x.pkl"
    recipe = write_recipe(tmp_path / "recipe.toml", plain)

    assert "never opened here" in complaint(capsys, "train", recipe, "--data", data)


def test_arrays_of_objects_are_refused_with_the_way_to_convert_them(
    data: Path, recipe: Path, tmp_path: Path, capsys: Captured
) -> None:
    objects = np.array([np.zeros(3), np.zeros(2)], dtype=object)
    np.savez(tmp_path / "windows.npz", windows=objects, label=np.zeros(2))

    told = complaint(capsys, "datasets", "describe", recipe, "--data", tmp_path)

    assert "np.stack(list(array))" in told


def test_arrays_without_a_recipe_are_answered_with_the_options_that_declare_them(
    data: Path, capsys: Captured
) -> None:
    told = complaint(capsys, "datasets", "describe", data / "windows.npz")

    assert 'declare data.layout = "windows" with windows, axes' in told


def test_a_table_of_unknown_columns_is_answered_with_the_options_that_declare_them(
    tmp_path: Path, capsys: Captured
) -> None:
    pd.DataFrame({"a": [1]}).to_csv(tmp_path / "own.csv", index=False)

    told = complaint(capsys, "datasets", "describe", tmp_path / "own.csv")

    assert 'data.layout = "table"' in told


def test_data_that_are_not_there_are_named(capsys: Captured, tmp_path: Path) -> None:
    told = complaint(capsys, "datasets", "describe", "none.parquet", "--data", tmp_path)

    assert "none.parquet" in told
