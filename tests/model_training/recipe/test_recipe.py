from __future__ import annotations

from pathlib import Path

import pytest

from model_training.recipe.recipe import Recipe, parse_recipe, read_recipe
from solar.errors import InvalidInputError

RECIPES = Path(__file__).parents[3] / "model_training" / "recipes"
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

    assert "split.rolling-years.embargo_days: Extra inputs are not permitted" in answer


def test_a_text_and_a_file_have_the_same_messages(tmp_path: Path) -> None:
    for text in (TEXT.replace("seed", "seeds"), TEXT + "steps = ", "n = 1e16"):
        with pytest.raises(InvalidInputError) as caught:
            parse_recipe(text, name="strange.toml")
        assert str(caught.value) == refused(tmp_path, text)
    assert parse_recipe(TEXT, name="pasted").name == "logistic-regression"


def test_an_unknown_event_is_refused_by_name(tmp_path: Path) -> None:
    answer = refused(tmp_path, 'events = ["M2.0"]\n' + TEXT)

    assert "no such event: M2.0" in answer


def test_an_embargo_shorter_than_window_and_horizon_is_refused(tmp_path: Path) -> None:
    answer = refused(tmp_path, TEXT + "[window]\nsteps = 61\n")

    # 60 steps of 0.2 h reach back 12 h, and the horizon is 24 h.
    assert "split.embargo_hours must be at least 36" in answer


def test_a_solver_that_does_not_know_the_penalty_is_refused(tmp_path: Path) -> None:
    answer = refused(tmp_path, TEXT + 'penalty = "l1"\n')

    assert "penalty l1 needs one of the solvers liblinear, saga" in answer


def test_two_remedies_against_imbalance_are_refused(tmp_path: Path) -> None:
    text = TEXT + 'class_weight = "balanced"\n[estimator.augmentation]\nkind = "smote"\n'

    assert "class_weight and augmentation both balance the classes" in refused(tmp_path, text)


def test_the_schema_explains_every_option() -> None:
    definitions = Recipe.model_json_schema()["$defs"]

    silent = [
        f"{name}.{key}"
        for name, definition in definitions.items()
        for key, option in definition.get("properties", {}).items()
        if key not in ("kind", "layout") and not option.get("description")
    ]

    assert silent == []


def test_a_recipe_repeats_itself_over_the_values_of_a_key(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text(TEXT + '[repeat]\nkey = "estimator.max_iterations"\nvalues = [7, 9]\n')

    first, second = read_recipe(path).repeats()

    assert (first.estimator.max_iterations, second.estimator.max_iterations) == (7, 9)
    assert first.name == "logistic-regression-max-iterations-7"
    assert first.repeat is None


def test_a_repeat_over_no_key_of_the_recipe_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text(TEXT + '[repeat]\nkey = "split.fold"\nvalues = [0, 1]\n')

    with pytest.raises(InvalidInputError, match=r"repeat\.key names no key of the recipe: fold"):
        read_recipe(path).repeats()


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


@pytest.mark.parametrize("name", ["../../Evil Name", "logistic-regression\n", "9lives"])
def test_a_name_that_is_no_plain_word_is_refused(tmp_path: Path, name: str) -> None:
    text = TEXT.replace('name = "logistic-regression"', f"name = {name!r}".replace("'", '"'))

    assert "name: String should match pattern" in refused(tmp_path, text)


@pytest.mark.parametrize("events", ['["X1.0", "M1.0"]', '["M1.0", "M1.0"]'])
def test_events_stand_once_and_in_order(tmp_path: Path, events: str) -> None:
    assert "events stand once each, in the order" in refused(
        tmp_path, f"events = {events}\n" + TEXT
    )


def test_synthetic_events_are_not_made_from_hidden_copies(tmp_path: Path) -> None:
    text = TEXT + '[estimator.augmentation]\nkind = "smote"\n'

    assert "synthetic events must not be made from" in refused(tmp_path, text)


def test_a_value_that_does_not_suit_the_repeated_key_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text(TEXT + '[repeat]\nkey = "estimator.max_iterations"\nvalues = [0, 9]\n')

    with pytest.raises(InvalidInputError, match=r"0 does not suit estimator\.max_iterations"):
        read_recipe(path).repeats()


def test_a_repeat_through_a_plain_value_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    key = "estimator.max_iterations.x"
    path.write_text(TEXT + f'[repeat]\nkey = "{key}"\nvalues = [0, 1]\n')

    with pytest.raises(InvalidInputError, match=r"repeat\.key names no key of the recipe: x"):
        read_recipe(path).repeats()


def test_a_recipe_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_bytes(b"name = \xff\xfe")

    with pytest.raises(InvalidInputError, match="is not UTF-8 text"):
        read_recipe(path)


EXTREMES = [
    ("x = " + "[" * 100_000, "tables or lists within each other, more than 20 deep"),
    ("a" + ".a" * 5000 + " = 1", "more than 20 deep"),
    ("x = " + "{a = " * 30 + "1" + "}" * 30, "more than 20 deep"),
    ("x = " + "9" * 5000, "is not TOML: Exceeds the limit"),
    ("x = 1e400", "holds the number inf; no option takes it"),
    ("x = nan", "holds the number nan"),
    (f"x = {10**30}", "holds the number 10000000000000000000…"),
    ("x = 1\n" * 2, "is not TOML: Cannot overwrite a value"),
    ("#" * 2**20 + "#", "is larger than 1 MiB, which is no recipe"),
    ("\n".join(f"k{n} = 1" for n in range(5000)), "and 4998 more"),
]


@pytest.mark.parametrize(("text", "told"), EXTREMES, ids=lambda value: str(value)[:20])
def test_a_file_that_goes_to_extremes_is_refused_in_one_short_line(
    tmp_path: Path, text: str, told: str
) -> None:
    answer = refused(tmp_path, text)

    assert told in answer
    assert "\n" not in answer
    assert len(answer) < 1500


@pytest.mark.parametrize("value", ["1e14", "100000000000000"])
@pytest.mark.parametrize("key", ["embargo_hours", "validation_years", "seed", "test_from"])
def test_a_number_that_no_calendar_holds_is_refused(tmp_path: Path, key: str, value: str) -> None:
    lines = [line for line in TEXT.splitlines() if not line.startswith(key)]
    place = lines.index("[split]") + 1 if key != "seed" else 0
    lines.insert(place, f"{key} = {f'[{value}]' if key == 'validation_years' else value}")

    assert key in refused(tmp_path, "\n".join(lines))
