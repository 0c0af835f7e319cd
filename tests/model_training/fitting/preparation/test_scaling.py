from __future__ import annotations

import math

import numpy as np
import pytest
from drawings import column, drawn, random_windows
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from model_training.fitting.preparation.scaling import Scaled, fit_scaling
from model_training.recipe.estimators import Scaling

SCALINGS: tuple[Scaling, ...] = ("z-score", "min-max", "robust", "signed-log")


def fit(kind: Scaling, windows: NDArray[np.float32]) -> Scaled:
    (step,) = fit_scaling(kind, windows, filled=windows)
    return step


def test_no_scaling_is_no_step() -> None:
    assert fit_scaling("none", column(1), filled=column(1)) == ()


def test_z_score_takes_mean_and_deviation_over_cases_and_steps() -> None:
    # Mean of 1, 3, 5, 7 is 4; the squares of -3, -1, 1, 3 have the mean 5.
    step = fit("z-score", np.concatenate([column(1, 3), column(5, 7)]))

    assert_allclose(step.apply(column(4, 4 + math.sqrt(5))), column(0, 1), atol=1e-6)


def test_min_max_is_not_clipped() -> None:
    step = fit("min-max", column(10, 15, 20))

    assert_allclose(step.apply(column(10, 20, 30)), column(0, 1, 2))


def test_robust_takes_median_and_quartile_range() -> None:
    # Quartiles of 0, 1, 2, 3, 100 are 1, 2 and 3.
    step = fit("robust", column(0, 1, 2, 3, 100))

    assert_allclose(step.apply(column(2, 4, 100)), column(0, 1, 49))


def test_robust_takes_the_deviation_where_quartiles_coincide() -> None:
    # Mean of 0, 0, 0, 0, 5 is 1; variance (4 x 1 + 16) / 5 = 4.
    step = fit("robust", column(0, 0, 0, 0, 5))

    assert_allclose(step.apply(column(0, 5)), column(0, 2.5))


def test_signed_log_has_the_smallest_tenth_of_nonzero_sizes_as_scale() -> None:
    # Sizes 1, 2, ..., 11; a tenth of the way is 2. The zeros do not count.
    values = column(0, 0, *[-x if x % 2 else x for x in range(1, 12)])

    step = fit("signed-log", values)

    assert step.log_scale is not None
    assert_allclose(step.log_scale, [2])
    logged = np.arcsinh(values.astype(float) / 2)
    assert_allclose(step.apply(values), (logged - logged.mean()) / logged.std(), rtol=1e-5)


@pytest.mark.parametrize("kind", SCALINGS)
@pytest.mark.parametrize("value", [0.0, 0.1, 1e24, -7e-7])
def test_a_constant_feature_becomes_0(kind: Scaling, value: float) -> None:
    windows = np.full((7, 3, 1), value, np.float32)

    scaled = fit(kind, windows).apply(windows)

    assert_allclose(scaled, 0, atol=1e-6)


@pytest.mark.parametrize("kind", SCALINGS)
@pytest.mark.parametrize("seen", [1e6, np.nan])
def test_a_feature_that_never_varied_in_training_says_nothing_later(
    kind: Scaling, seen: float
) -> None:
    step = fit(kind, column(seen, seen))

    later = column(-3e22, 1e6, 5.0)

    assert_array_equal(step.apply(later), 0 * later)
    assert_array_equal(drawn(step, later), 0 * later)


@pytest.mark.parametrize("kind", SCALINGS)
def test_a_feature_that_is_never_known_stays_missing(kind: Scaling) -> None:
    unknown = column(np.nan, np.nan)

    assert_array_equal(fit(kind, unknown).apply(unknown), unknown)


@pytest.mark.parametrize("kind", SCALINGS)
def test_the_drawing_agrees(kind: Scaling) -> None:
    windows = random_windows(4)

    step = fit(kind, windows)

    assert_allclose(drawn(step, windows), step.apply(windows), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["z-score", "min-max", "robust"])
def test_the_drawing_agrees_far_from_0(kind: Scaling) -> None:
    # Steps of 0.0625 beside 1e5 are near the resolution of single precision.
    windows = (1e5 + np.arange(40, dtype=np.float32) / 16)[:, None, None]

    step = fit(kind, windows)

    assert_allclose(drawn(step, windows), step.apply(windows), atol=1e-6)


@pytest.mark.parametrize("size", [1e24, 1e-30])
def test_sizes_near_the_ends_of_single_precision_scale_like_others(size: float) -> None:
    windows = random_windows(5, missing=0)[:, :, :1]

    for kind in SCALINGS:
        large = (windows * np.float64(size)).astype(np.float32)
        expected = fit(kind, windows).apply(windows)
        assert_allclose(drawn(fit(kind, large), large), expected, rtol=1e-4, atol=1e-5)
