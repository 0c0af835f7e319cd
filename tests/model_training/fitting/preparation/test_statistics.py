from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from drawings import column, drawn, random_windows
from numpy.testing import assert_allclose, assert_array_equal

from model_training.fitting.preparation.statistics import WindowStatistics
from model_training.recipe.estimators import Statistic

NAN = np.nan
ALL: tuple[Statistic, ...] = get_args(Statistic)


def of(name: Statistic, *values: float) -> float:
    step = WindowStatistics((name,), steps=len(values))
    return float(step.apply(column(*values))[0, 0, 0])


# Values 1, 2, 6: mean 3; variance (4 + 1 + 9) / 3; weights 1, 1.5, 2 give 16 / 4.5; the slope
# is (-1 x 1 + 0 x 2 + 1 x 6) / 2.
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("last", 6), ("mean", 3), ("std", (14 / 3) ** 0.5), ("weighted-mean", 16 / 4.5),
        ("first", 1), ("max", 6), ("min", 1), ("slope", 2.5),
    ],
)  # fmt: skip
def test_statistics_of_three_values(name: Statistic, expected: float) -> None:
    assert of(name, 1, 2, 6) == pytest.approx(expected)


# Known are 2 at step 1 and 8 at step 3 of 0...3, with the weights 4/3 and 2.
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("last", 8), ("mean", 5), ("std", 3), ("weighted-mean", (8 / 3 + 16) / (10 / 3)),
        ("first", NAN), ("max", 8), ("min", 2), ("slope", 3),
    ],
)  # fmt: skip
def test_known_values_alone_count(name: Statistic, expected: float) -> None:
    assert of(name, NAN, 2, NAN, 8) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("name", ALL)
def test_a_statistic_of_nothing_is_missing(name: Statistic) -> None:
    assert np.isnan(of(name, NAN, NAN, NAN))


def test_a_single_value_neither_varies_nor_rises() -> None:
    assert of("std", 0.1) == 0
    assert of("slope", 0.1) == 0
    assert of("slope", NAN, 0.1, NAN) == 0


def test_features_keep_their_order_within_each_statistic() -> None:
    windows = np.array([[[1, 10], [3, 30]]], np.float32)
    step = WindowStatistics(("last", "mean"), steps=2)

    assert_array_equal(step.apply(windows), [[[3, 30, 2, 20]]])
    assert step.names(["USFLUX", "R_VALUE"]) == (
        "USFLUX last", "R_VALUE last", "USFLUX mean", "R_VALUE mean",
    )  # fmt: skip


@pytest.mark.parametrize("missing", [0, 0.4, 0.95])
@pytest.mark.parametrize("steps", [1, 2, 12])
@pytest.mark.parametrize("name", ALL)
def test_the_drawing_agrees(name: Statistic, steps: int, missing: float) -> None:
    windows = random_windows(6, steps=steps, missing=missing)
    step = WindowStatistics((name,), steps)

    computed = step.apply(windows)

    sizes = np.array([1, 1e24, 1e-6])
    assert_allclose(drawn(step, windows) / sizes, computed / sizes, rtol=1e-5, atol=2e-6)


def test_a_constant_window_of_1e24_does_not_vary_in_the_drawing() -> None:
    windows = np.full((1, 7, 1), 1.1e24, np.float32)
    step = WindowStatistics(("std", "slope", "mean"), steps=7)

    assert_array_equal(drawn(step, windows), [[[0, 0, np.float32(1.1e24)]]])
