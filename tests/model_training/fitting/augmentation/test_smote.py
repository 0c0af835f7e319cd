from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from model_training.fitting.augmentation.resampling import smote
from model_training.recipe.estimators import SmoteConfig
from solar.errors import InvalidInputError


def config(neighbours: int = 5, share: float = 1.0) -> SmoteConfig:
    return SmoteConfig(kind="smote", neighbours=neighbours, share=share)


def rows(n_events: int, n_others: int) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    rng = np.random.default_rng(3)
    outcome = rng.permutation(np.repeat([1.0, 0.0], [n_events, n_others]))
    inputs = rng.normal(size=(len(outcome), 4, 3)) + 3 * outcome[:, None, None]
    return inputs.astype(np.float32), outcome


@pytest.mark.parametrize(("share", "n_made"), [(1.0, 80), (0.5, 30), (0.25, 5)])
def test_events_are_made_until_the_share_is_reached(share: float, n_made: int) -> None:
    inputs, outcome = rows(20, 100)

    augmented = smote(inputs, outcome, config=config(share=share), seed=1)

    assert augmented.synthetic.sum() == n_made
    assert np.sum(augmented.outcome == 1) == share * 100


def test_real_rows_come_first_and_unchanged() -> None:
    inputs, outcome = rows(20, 100)

    augmented = smote(inputs, outcome, config=config(), seed=1)

    assert np.array_equal(augmented.inputs[:120], inputs)
    assert np.array_equal(augmented.outcome[:120], outcome)
    assert not augmented.synthetic[:120].any()
    assert augmented.synthetic[120:].all()
    assert (augmented.outcome[120:] == 1).all()
    assert augmented.inputs.dtype == np.float32


def test_rows_that_have_the_share_already_stay_as_they_are() -> None:
    inputs, outcome = rows(60, 100)

    augmented = smote(inputs, outcome, config=config(share=0.5), seed=1)

    assert np.array_equal(augmented.inputs, inputs)
    assert not augmented.synthetic.any()


def test_the_same_seed_makes_the_same_events_and_another_does_not() -> None:
    inputs, outcome = rows(20, 100)

    first, again, other = (
        smote(inputs, outcome, config=config(), seed=seed).inputs for seed in (1, 1, 2)
    )

    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


def test_a_synthetic_event_lies_between_two_events_at_all_its_steps() -> None:
    events = np.array([[[0.0], [0.0]], [[1.0], [2.0]], [[2.0], [4.0]]])
    inputs = np.concatenate([events, np.full((20, 2, 1), -5.0)]).astype(np.float32)
    outcome = np.repeat([1.0, 0.0], [3, 20])

    made = smote(inputs, outcome, config=config(neighbours=2), seed=0).inputs[23:]

    # The three events lie on the line where the second step is twice the first.
    assert np.allclose(made[:, 1], 2 * made[:, 0], atol=1e-6)
    assert made.min() >= 0
    assert made.max() <= 4


@settings(max_examples=15)
@given(neighbours=st.integers(2, 20))
def test_any_number_of_neighbours_from_2_to_20_works_with_one_event_more(neighbours: int) -> None:
    inputs, outcome = rows(neighbours + 1, 50)

    augmented = smote(inputs, outcome, config=config(neighbours), seed=0)

    assert np.sum(augmented.outcome == 1) == 50


@pytest.mark.parametrize("neighbours", [1, 21])
def test_neighbours_outside_2_to_20_are_refused(neighbours: int) -> None:
    with pytest.raises(ValidationError, match="neighbours"):
        config(neighbours)


def test_too_few_events_are_refused_with_how_many_there_are_and_what_to_choose() -> None:
    inputs, outcome = rows(4, 50)

    with pytest.raises(InvalidInputError, match=r"have 4; choose neighbours = 3 or fewer"):
        smote(inputs, outcome, config=config(5), seed=0)


@pytest.mark.parametrize("n_events", [0, 2])
def test_hardly_any_events_are_refused_with_the_advice_not_to_augment(n_events: int) -> None:
    inputs, outcome = rows(n_events, 50)

    with pytest.raises(InvalidInputError, match=f"have {n_events}; choose no augmentation"):
        smote(inputs, outcome, config=config(2), seed=0)


def test_missing_values_are_refused_with_how_many_rows_have_them() -> None:
    inputs, outcome = rows(20, 100)
    inputs[[5, 7], 0, 0] = np.nan

    with pytest.raises(InvalidInputError, match="2 of 120 training rows have missing values"):
        smote(inputs, outcome, config=config(), seed=0)
