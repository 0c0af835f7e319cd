from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from model_training.judging.importance import importance


@pytest.fixture
def windows() -> NDArray[np.float32]:
    return np.random.default_rng(1).normal(size=(200, 3, 2)).astype(np.float32)


def _predict(windows: NDArray[np.float32]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = 1 / (1 + np.exp(-3 * windows[:, -1, 1].astype(float)))
    return found


def test_the_feature_that_is_used_comes_first_and_the_other_loses_nothing(
    windows: NDArray[np.float32],
) -> None:
    outcome = (windows[:, -1, 1] > 0).astype(float)

    first, last = importance(_predict, windows, outcome, ("idle", "used"), seed=0)

    assert first.feature == "used"
    assert (first.drop.value or 0) > 0.3
    assert (last.drop.value, last.drop.low, last.drop.high) == (0, 0, 0)


def test_a_window_changes_place_as_a_whole(windows: NDArray[np.float32]) -> None:
    windows[:, 1] = windows[:, 0]

    def steps_agree(given: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.where((given[:, 0] == given[:, 1]).all(axis=1), 0.7, 0.1)

    found = importance(steps_agree, windows, np.arange(200) % 2.0, ("a", "b"), seed=0)

    assert [item.drop.value for item in found] == [0, 0]


def test_the_same_seed_gives_the_same_importance(windows: NDArray[np.float32]) -> None:
    outcome = (windows[:, -1, 1] > 0).astype(float)

    one, other = (importance(_predict, windows, outcome, ("a", "b"), seed=4) for _ in range(2))

    assert one == other


def test_importance_is_undefined_where_the_outcomes_are_all_alike(
    windows: NDArray[np.float32],
) -> None:
    found = importance(_predict, windows, np.zeros(200), ("a", "b"), seed=0)

    assert [item.drop.value for item in found] == [None, None]


def test_cases_without_a_forecast_are_left_out(windows: NDArray[np.float32]) -> None:
    def silent(given: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.full(len(given), np.nan)

    found = importance(silent, windows, np.arange(200) % 2.0, ("a", "b"), seed=0)

    assert [item.drop.value for item in found] == [None, None]


def test_the_windows_of_the_caller_stay_as_they_were(windows: NDArray[np.float32]) -> None:
    before = windows.copy()

    importance(_predict, windows, np.arange(200) % 2.0, ("a", "b"), seed=0)

    np.testing.assert_array_equal(windows, before)
