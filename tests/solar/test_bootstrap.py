from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solar.bootstrap import (
    Interval,
    block_interval,
    block_length,
    block_weights,
    group_interval,
    group_weights,
    interval,
    paired_difference,
)
from solar.probability import brier


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


def test_a_group_is_drawn_as_a_whole() -> None:
    groups = np.array([3721, 3721, 3721, 4097, 5107, 5107])

    weights = group_weights(groups, resamples=50, rng=np.random.default_rng(0))

    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 4] == weights[:, 5]).all()
    assert (weights[:, 0] + weights[:, 3] + weights[:, 4] == 3).all()


def test_frames_of_one_region_do_not_pass_for_independent_cases() -> None:
    regions = np.repeat(np.arange(30), 100)
    values = np.random.default_rng(2).standard_normal(30)[regions]

    by_region = group_interval([values], mean, groups=regions, rng=np.random.default_rng(3))
    by_case = block_interval([values], mean, block_days=1, rng=np.random.default_rng(3))

    assert by_region is not None
    assert by_case is not None
    assert by_region.high - by_region.low > 5 * (by_case.high - by_case.low)


def test_a_statistic_that_is_undefined_has_no_interval() -> None:
    bounds = block_interval([np.ones(9)], lambda _: None, rng=np.random.default_rng(0))

    assert bounds is None


def test_a_small_advantage_shows_when_both_are_drawn_together() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(500)
    o = (rng.random(500) < truth).astype(float)
    better, worse = truth, np.clip(truth + 0.05, 0, 1)
    together = paired_difference(brier)

    alone = block_interval([better, o], brier, rng=np.random.default_rng(1))
    paired = block_interval([better, worse, o], together, rng=np.random.default_rng(1))

    assert alone is not None
    assert paired is not None
    assert paired.high - paired.low < (alone.high - alone.low) / 2


def test_a_difference_with_an_undefined_side_is_undefined() -> None:
    assert paired_difference(brier)(np.array([]), np.array([]), np.array([])) is None
