from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_training.fitting.augmentation.resampling import share_kept, undersample
from model_training.recipe.estimators import UndersampleConfig
from solar.errors import InvalidInputError

OUTCOME = np.random.default_rng(0).permutation(np.repeat([1.0, 0.0], [20, 400]))


def config(share: float) -> UndersampleConfig:
    return UndersampleConfig(kind="undersample", share=share)


@given(share=st.floats(0.01, 1), seed=st.integers(0, 100))
def test_all_events_are_kept_in_the_order_of_the_rows(share: float, seed: int) -> None:
    kept = undersample(OUTCOME, config=config(share), seed=seed)

    assert OUTCOME[kept].sum() == 20
    assert (np.diff(kept) > 0).all()


@pytest.mark.parametrize(("share", "n_others"), [(1.0, 20), (0.5, 40), (0.1, 200), (0.01, 400)])
def test_non_events_are_left_out_until_the_share_is_reached(share: float, n_others: int) -> None:
    kept = undersample(OUTCOME, config=config(share), seed=0)

    assert np.sum(OUTCOME[kept] == 0) == n_others
    assert share_kept(OUTCOME, kept) == n_others / 400


def test_the_same_seed_keeps_the_same_rows_and_another_does_not() -> None:
    first, again, other = (undersample(OUTCOME, config=config(0.5), seed=s) for s in (1, 1, 2))

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_rows_without_events_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="none of the 30 training rows is an event"):
        undersample(np.zeros(30), config=config(0.5), seed=0)


def test_without_non_events_nothing_was_left_out() -> None:
    kept = undersample(np.ones(5), config=config(0.5), seed=0)

    assert len(kept) == 5
    assert share_kept(np.ones(5), kept) == 1.0
