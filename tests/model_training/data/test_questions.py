"""What a file does not tell of itself is asked, one question after the other, never guessed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from model_training.data.guessing import guess
from model_training.data.loading import load
from model_training.data.questions import QuestionError
from model_training.recipe.data import TableConfig, WindowsConfig
from solar.errors import InvalidInputError

RNG = np.random.default_rng(8)
TABLE = {
    "region": np.repeat(np.arange(7100, 7120), 5),
    "observed": pd.date_range("2013-01-01", periods=100, freq="6h").astype(str),
    "usflux": RNG.lognormal(size=100),
    "own": RNG.lognormal(size=100),
    "flared_m": RNG.integers(0, 2, 100),
}
ARRAYS: dict[str, Any] = {
    # Random walks: neighbouring steps agree, neighbouring features do not.
    "X": RNG.normal(size=(60, 5, 12)).cumsum(axis=2),
    "label_m": RNG.integers(0, 2, 60),
}


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def _write(content: dict[str, Any], **changes: Any) -> Path:
        content = {name: one for name, one in (content | changes).items() if one is not None}
        if "X" in content:
            np.savez(tmp_path / "set.npz", **content)
            return tmp_path / "set.npz"
        pd.DataFrame(content).to_csv(tmp_path / "set.csv")
        return tmp_path / "set.csv"

    return _write


def asked(path: Path, answer: str | None = None) -> QuestionError:
    with pytest.raises(QuestionError) as question:
        guess(path, answer)
    return question.value


def test_the_questions_of_a_table_lead_one_after_the_other_to_its_layout(
    write: Callable[..., Path],
) -> None:
    path = write(TABLE)

    first = asked(path)
    second = asked(path, first.readings[1].value)
    found = guess(path, second.readings[1].value)

    assert "Whose numbers are those of the column region" in first.text
    assert [one.label for one in first.readings] == ["NOAA active regions", "HARPs"]
    assert "On which scale are times like 2013-01-01" in second.text
    assert isinstance(found, TableConfig)
    assert (found.region_numbers, found.time_scale) == ("harp", "TAI")
    assert found.labels == {"M1.0": "flared_m"}
    assert {column: one.name for column, one in found.keywords.items()} == {
        "usflux": "USFLUX",
        "own": "own",
    }
    assert len(load(found, path.parent)) == 100


def test_a_table_that_tells_all_is_asked_nothing(write: Callable[..., Path]) -> None:
    times = [f"{time}Z" for time in TABLE["observed"]]

    found = guess(write(TABLE, region=None, harp=TABLE["region"], observed=times))

    assert isinstance(found, TableConfig)
    assert (found.region, found.region_numbers, found.time_scale) == ("harp", "harp", "UTC")


def test_a_column_of_0_and_1_that_names_no_event_is_asked_for(
    write: Callable[..., Path],
) -> None:
    times = [f"{time}Z" for time in TABLE["observed"]]
    path = write(
        TABLE,
        region=None,
        noaa_ar=TABLE["region"],
        observed=times,
        flared_m=None,
        y=TABLE["flared_m"],
    )

    question = asked(path)

    assert "does y tell" in question.text
    assert [one.label for one in question.readings] == ["C1.0+", "M1.0+", "M5.0+", "X1.0+"]
    assert guess(path, question.readings[2].value).labels == {"M5.0": "y"}  # type: ignore[union-attr]


def test_the_axis_of_time_is_asked_with_the_likelier_reading_first(
    write: Callable[..., Path],
) -> None:
    path = write(ARRAYS)

    first = asked(path)
    second = asked(path, first.readings[0].value)
    found = guess(path, second.readings[0].value)

    assert "Which axis is time? X in set.npz is 60 x 5 x 12" in first.text
    assert [one.label for one in first.readings] == [
        "60 cases, 12 steps of 5 features",
        "60 cases, 5 steps of 12 features",
    ]
    assert first.readings[0].detail.startswith("neighbouring steps agree")
    assert first.readings[1].detail.startswith("neighbouring steps do not agree")
    assert "How long is one step" in second.text
    # The first case without a gap, its first, middle and last feature.
    drawn = first.to_dict()["answers"][0]["series"]
    assert [one["name"] for one in drawn] == ["feature 1", "feature 3", "feature 5"]
    assert drawn[1]["values"] == pytest.approx(ARRAYS["X"][0, 2], rel=1e-3)
    assert [len(one.values) for one in first.readings[1].series] == [5, 5, 5]
    assert isinstance(found, WindowsConfig)
    assert (found.axes, found.cadence_hours) == (("cases", "features", "steps"), 0.2)
    assert load(found, path.parent).window_length == 12


def test_names_of_features_and_a_cadence_leave_nothing_to_ask(
    write: Callable[..., Path],
) -> None:
    names = np.array(["USFLUX", "R_VALUE", "MEANALP", "EPSZ", "own"])

    found = guess(write(ARRAYS, names=names, cadence_hours=1.6))

    assert isinstance(found, WindowsConfig)
    assert [one.name for one in found.features] == names.tolist()
    assert (found.axes, found.cadence_hours) == (("cases", "features", "steps"), 1.6)


@pytest.mark.parametrize("answer", ["neither", "[]", '{"axes": "a"}', '{"axes": 9}'])
def test_an_answer_that_was_not_offered_is_not_taken(
    write: Callable[..., Path], answer: str
) -> None:
    with pytest.raises(InvalidInputError):
        guess(write(ARRAYS), answer)


def test_columns_that_leave_nothing_to_choose_from_are_answered_with_the_options(
    write: Callable[..., Path],
) -> None:
    with pytest.raises(InvalidInputError, match=r'declare data\.layout = "table"') as refused:
        guess(write(TABLE, observed=None))

    assert not isinstance(refused.value, QuestionError)
