"""A recipe with [repeat] makes one run for each value, and tells their mean and spread."""

from __future__ import annotations

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from synthetic_windows import PLAIN, recipe_of_windows, write_recipe, write_windows

from model_training.__main__ import main
from model_training.recipe.recipe import Recipe, read_recipe
from model_training.report.repeats import (
    Spread,
    estimate_of,
    find_judgement,
    spread_text,
    spreads_of,
)
from solar.errors import InvalidInputError, NotFoundError

REPEAT = {"key": "split.test_fold", "values": [0, 1, 2]}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which each of three folds has been held out in turn."""
    home = write_windows(tmp_path_factory.mktemp("repeated"))
    recipe = write_recipe(home / "recipe.toml", recipe_of_windows(PLAIN, repeat=REPEAT))
    places = ["--data", str(home), "--out", str(home / "out"), "--runs", str(home / "runs")]
    with redirect_stdout(StringIO()) as told:
        assert main(["train", str(recipe), *places]) == 0
    (home / "told.txt").write_text(told.getvalue(), "utf-8")
    return home


@pytest.fixture
def recipe(home: Path) -> Recipe:
    return read_recipe(home / "recipe.toml")


def test_every_value_makes_a_run_of_its_own(home: Path) -> None:
    runs = sorted(path.name for path in (home / "runs").iterdir())

    assert runs == [f"windows-test-fold-{fold}-0.0.1" for fold in range(3)]
    assert all((home / "runs" / run / "model.onnx").is_file() for run in runs)


def test_models_of_repeated_runs_are_not_put_among_those_that_may_serve(home: Path) -> None:
    assert not (home / "out").exists()


def test_every_run_holds_out_its_own_fold(home: Path, recipe: Recipe) -> None:
    assert [one.split.test_fold for one in recipe.repeats()] == [0, 1, 2]
    counts = [
        find_judgement(home / "runs" / f"windows-test-fold-{fold}-0.0.1", part="test", event="M1.0")
        for fold in range(3)
    ]
    # The baselines have no forecast before the first outcomes are known.
    assert [found["n"] + found["n_withheld"] for found in counts] == [80, 80, 80]


def test_the_spread_is_that_of_the_single_runs(home: Path, recipe: Recipe) -> None:
    values = [
        estimate_of(find_judgement(home / "runs" / f"windows-test-fold-{fold}-0.0.1", part="test",
                           event="M1.0"), "model", "tss").value
        for fold in range(3)
    ]  # fmt: skip

    found = spreads_of(recipe, home / "runs", event="M1.0")["tss"]

    assert found.values == tuple(values)
    assert found.mean == pytest.approx(sum(values) / 3)


def test_the_command_ends_with_the_means_of_every_entrant(home: Path) -> None:
    said = (home / "told.txt").read_text("utf-8")

    header, *lines = said.split("test, mean and standard deviation of the runs\n")[1].splitlines()

    assert header.split() == ["event", "entrant", "tss", "bss", "auc", "hss2"]
    assert lines[0].split()[:2] == ["M1.0", "model"]
    assert all(line.count("±") + line.count("undefined") == 4 for line in lines)


def test_a_run_that_is_not_there_is_named(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no finished run in .*windows-test-fold-0-0\.0\.1"):
        spreads_of(recipe, tmp_path, event="M1.0")


def test_a_key_that_the_recipe_does_not_have_is_named() -> None:
    wrong = Recipe.model_validate(
        recipe_of_windows(PLAIN, repeat=REPEAT | {"key": "split.held_out"})
    )

    with pytest.raises(InvalidInputError, match=r"repeat\.key names no key of the recipe"):
        wrong.repeats()


def test_the_mean_and_deviation_of_runs_are_those_of_a_sample() -> None:
    found = Spread((0.7, 0.8, 0.9))

    assert found.mean == pytest.approx(0.8)
    # Squares of -0.1, 0 and 0.1 over 2: 0.01, whose root is 0.1.
    assert found.deviation == pytest.approx(0.1)
    assert spread_text(found) == "0.800 ± 0.100"


def test_runs_in_which_a_score_is_undefined_are_left_out() -> None:
    found = Spread((0.5, None, 0.7))

    assert found.mean == pytest.approx(0.6)
    # Squares of -0.1 and 0.1 over 1: 0.02, whose root is 0.1414.
    assert found.deviation == pytest.approx(0.14142, abs=1e-5)
    assert spread_text(found) == "0.600 ± 0.141"


def test_one_run_has_no_deviation_and_none_no_mean() -> None:
    assert Spread((0.5, None)).deviation is None
    assert spread_text(Spread((0.5, None))) == "0.500"
    assert Spread((None, None)).mean is None
    assert spread_text(Spread((None, None))) == "undefined"


def test_an_entrant_that_was_not_there_has_no_score(home: Path) -> None:
    found = find_judgement(home / "runs" / "windows-test-fold-0-0.0.1", part="test", event="M1.0")

    assert estimate_of(found, "nobody", "tss").value is None
    assert estimate_of(found, "model", "nothing").value is None
