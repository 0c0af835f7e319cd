from __future__ import annotations

from pathlib import Path

import pytest

from model_training.recipe import read_recipe
from solar.errors import InvalidInputError

RECIPES = Path(__file__).parents[2] / "model_training" / "recipes"
TEXT = (RECIPES / "logistic-regression.toml").read_text()


def refused(tmp_path: Path, text: str) -> str:
    path = tmp_path / "strange.toml"
    path.write_text(text)
    with pytest.raises(InvalidInputError) as caught:
        read_recipe(path)
    return str(caught.value)


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_a_committed_recipe_carries_the_name_of_its_file(path: Path) -> None:
    assert read_recipe(path).name == path.stem


def test_an_unknown_key_is_refused_with_its_place(tmp_path: Path) -> None:
    answer = refused(tmp_path, TEXT.replace("embargo_hours", "embargo_days"))

    assert answer.startswith("strange.toml: split.embargo_days: Extra inputs are not permitted")


def test_an_unknown_keyword_is_refused_by_name(tmp_path: Path) -> None:
    answer = refused(tmp_path, TEXT.replace('"USFLUX"', '"FLUXUS"'))

    assert "no such event or feature: FLUXUS" in answer


def test_an_unknown_estimator_is_refused(tmp_path: Path) -> None:
    answer = refused(tmp_path, TEXT.replace('kind = "logistic-regression"', 'kind = "oracle"'))

    assert "estimator" in answer


def test_broken_toml_is_named(tmp_path: Path) -> None:
    assert "strange.toml is not TOML" in refused(tmp_path, "name =")


def test_a_missing_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no recipe at"):
        read_recipe(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("years", "reason"),
    [
        ("[2013, 2012]", "validation_years must rise"),
        ("[2012, 2014]", "validation year 2014 ends after test_from 2014-01-01"),
        ("[]", "at least 1 item"),
    ],
)
def test_validation_years_rise_and_end_before_the_test(
    tmp_path: Path, years: str, reason: str
) -> None:
    assert reason in refused(tmp_path, TEXT.replace("[2012, 2013]", years))
