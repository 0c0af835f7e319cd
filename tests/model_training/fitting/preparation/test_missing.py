from __future__ import annotations

import numpy as np
import pytest
from drawings import column, drawn, random_windows
from numpy.testing import assert_allclose, assert_array_equal

from model_training.fitting.preparation.missing import (
    CarriedForward,
    Flagged,
    Interpolated,
    TrainingMedian,
    WindowMean,
    fit_median,
)
from model_training.fitting.preparation.step import Step

NAN = np.nan


def test_the_median_is_that_of_the_known_training_values() -> None:
    # Known: 1, 2, 6 and 10; the median is midway between 2 and 6.
    windows = np.concatenate([column(1, NAN, 10), column(2, 6, NAN)])

    step = fit_median(windows)

    assert_array_equal(step.median, [4])
    assert_array_equal(step.apply(column(NAN, 7)), column(4, 7))


def test_a_feature_that_is_never_known_has_the_median_0() -> None:
    assert_array_equal(fit_median(column(NAN, NAN)).median, [0])


def test_a_missing_value_takes_the_mean_of_its_window() -> None:
    # (1 + 2 + 6) / 3 = 3
    assert_array_equal(WindowMean().apply(column(1, NAN, 2, 6)), column(1, 3, 2, 6))


def test_a_window_without_known_values_has_no_mean() -> None:
    assert_array_equal(WindowMean().apply(column(NAN, NAN)), column(NAN, NAN))


def test_a_value_is_carried_as_far_as_the_limit() -> None:
    step = CarriedForward(limit=2, steps=6)

    carried = step.apply(column(NAN, 5, NAN, NAN, NAN, 8))

    assert_array_equal(carried, column(NAN, 5, 5, 5, NAN, 8))


def test_a_short_gap_is_bridged_by_a_straight_line() -> None:
    # From 2 to 8 in three steps: 4 and 6.
    step = Interpolated(limit=2, steps=4)

    assert_allclose(step.apply(column(2, NAN, NAN, 8)), column(2, 4, 6, 8))


def test_a_gap_longer_than_the_limit_is_not_bridged_at_all() -> None:
    gap = column(2, NAN, NAN, NAN, 8)

    assert_array_equal(Interpolated(limit=2, steps=5).apply(gap), gap)


def test_a_line_does_not_look_beyond_the_end_of_the_window() -> None:
    step = Interpolated(limit=2, steps=5)

    filled = step.apply(column(NAN, 1, 3, NAN, NAN))

    assert_array_equal(filled, column(NAN, 1, 3, 3, 3))


def test_a_gap_at_the_end_that_is_too_long_stays() -> None:
    gap = column(3, NAN, NAN)

    assert_array_equal(Interpolated(limit=1, steps=3).apply(gap), gap)


def test_no_fill_touches_what_is_known() -> None:
    windows = random_windows(1)
    known = ~np.isnan(windows)

    for step in (WindowMean(), CarriedForward(3, 12), Interpolated(3, 12), fit_median(windows)):
        assert_array_equal(step.apply(windows)[known], windows[known])


def test_a_flag_tells_what_was_missing_and_is_not_scaled() -> None:
    step = Flagged((TrainingMedian(np.array([9.0])),))

    assert_array_equal(step.apply(column(1, NAN))[0], [[1, 0], [9, 1]])
    assert step.names(["USFLUX"]) == ("USFLUX", "USFLUX missing")


@pytest.mark.parametrize("steps", [1, 2, 12])
@pytest.mark.parametrize("limit", [1, 3, 1000])
def test_the_drawings_that_look_at_neighbours_agree(steps: int, limit: int) -> None:
    windows = random_windows(2, steps=steps)

    for step in (CarriedForward(limit, steps), Interpolated(limit, steps)):
        sizes = np.array([1, 1e24, 1e-6])
        assert_allclose(drawn(step, windows) / sizes, step.apply(windows) / sizes, atol=1e-6)


@pytest.mark.parametrize("steps", [1, 12])
def test_the_other_drawings_agree(steps: int) -> None:
    windows = random_windows(3, steps=steps)
    median = fit_median(windows)
    others: list[Step] = [median, WindowMean(), Flagged((median,))]

    for step in others:
        assert_allclose(drawn(step, windows), step.apply(windows), rtol=1e-5, atol=1e-12)
