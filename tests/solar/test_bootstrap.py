from __future__ import annotations

import numpy as np
import pytest
from exact_scores import block_interval
from hypothesis import given
from hypothesis import strategies as st

from solar.bootstrap import Interval, block_length, block_weights, interval


def mean(values):
    return float(np.mean(values))


@given(st.integers(1, 200), st.integers(1, 60), st.integers(1, 20))
def test_every_resample_has_as_many_days_as_the_range(n_days, block_days, resamples) -> None:
    weights = block_weights(
        n_days, block_days=block_days, resamples=resamples, rng=np.random.default_rng(1)
    )

    assert weights.shape == (resamples, n_days)
    assert (weights.sum(axis=1) == n_days).all()
    assert (weights >= 0).all()


def test_weights_count_the_days_of_the_drawn_blocks() -> None:
    n_days, block_days = 100, 27
    starts = np.random.default_rng(5).integers(0, n_days, (8, 4))
    days = ((starts[:, :, None] + np.arange(block_days)) % n_days).reshape(8, -1)[:, :n_days]

    weights = block_weights(n_days, block_days=27, resamples=8, rng=np.random.default_rng(5))

    assert (weights == [np.bincount(row, minlength=n_days) for row in days]).all()


def test_a_range_shorter_than_three_blocks_is_drawn_by_single_days() -> None:
    assert block_length(80, 27) == 1
    assert block_length(81, 27) == 27


def test_an_interval_is_the_central_part_of_the_resampled_values() -> None:
    bounds = interval(np.arange(1001))

    assert bounds is not None
    assert (bounds.low, bounds.high) == pytest.approx((25, 975))


def test_undefined_resamples_are_left_out_of_an_interval() -> None:
    assert interval([np.nan, 1.0, 1.0, np.nan]) == Interval(1.0, 1.0)


def test_there_is_no_interval_when_most_resamples_are_undefined() -> None:
    assert interval([np.nan, np.nan, 1.0]) is None
    assert interval([]) is None


def test_the_interval_of_a_mean_of_independent_days_is_that_of_the_normal_law() -> None:
    # 400 draws of variance 1: standard error 0.05, so 95 % lie within 0.098.
    values = np.random.default_rng(2).standard_normal(400)

    bounds = block_interval([values], mean, block_days=1, rng=np.random.default_rng(3))

    assert bounds is not None
    assert (bounds.high - bounds.low) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.1)


def test_blocks_widen_the_interval_of_days_that_resemble_their_neighbours() -> None:
    values = np.repeat(np.random.default_rng(2).standard_normal(40), 27)

    single, blocks = (
        block_interval([values], mean, block_days=days, rng=np.random.default_rng(3))
        for days in (1, 27)
    )

    assert single is not None
    assert blocks is not None
    assert blocks.high - blocks.low > 2 * (single.high - single.low)
