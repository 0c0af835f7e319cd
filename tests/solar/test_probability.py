from __future__ import annotations

import numpy as np
import pytest
from exact_scores import murphy
from hypothesis import given
from hypothesis import strategies as st

from solar.probability import brier, brier_skill, exceedance, full_disk
from solar.reliability import RELIABILITY_EDGES, reliability, wilson_interval

cases = st.lists(
    st.tuples(st.integers(0, 100).map(lambda percent: percent / 100), st.booleans()), min_size=1
).map(lambda pairs: tuple(np.array(column, float) for column in zip(*pairs, strict=True)))
probabilities = st.lists(st.floats(0, 1), min_size=1)


def test_brier_is_the_mean_squared_error() -> None:
    # (0.1^2 + 0.2^2 + 0.6^2) / 3
    assert brier([0.1, 0.8, 0.6], [0, 1, 0]) == pytest.approx(0.41 / 3)


def test_brier_skill_against_the_base_rate() -> None:
    # Brier 0.025 against 0.25 of always saying one half.
    assert brier_skill([0.1, 0.9, 0.8, 0.2], [0, 1, 1, 0], reference=0.5) == pytest.approx(0.9)


def test_brier_skill_against_another_forecaster_pairs_the_cases() -> None:
    assert brier_skill([0.5, 0.5], [1, 0], reference=[0.0, 1.0]) == pytest.approx(0.75)


def test_skill_over_a_perfect_reference_is_undefined() -> None:
    assert brier_skill([0.2, 0.1], [0, 0], reference=0.0) is None


def test_nothing_can_be_said_without_cases() -> None:
    assert brier([], []) is None
    assert brier_skill([], [], reference=0.5) is None


@given(cases)
def test_brier_is_reliability_minus_resolution_plus_uncertainty(pairs) -> None:
    p, o = pairs

    terms = murphy(p, o)

    assert terms is not None
    assert terms.brier == pytest.approx(brier(p, o), abs=1e-12)


@given(cases)
def test_skill_over_climatology_is_resolution_less_reliability_over_uncertainty(pairs) -> None:
    p, o = pairs
    terms = murphy(p, o)
    assert terms is not None

    skill = brier_skill(p, o, reference=o.mean())

    if skill is not None and terms.uncertainty > 1e-6:
        expected = (terms.resolution - terms.reliability) / terms.uncertainty
        assert skill == pytest.approx(expected, abs=1e-9)


@given(probabilities)
def test_the_disk_is_at_least_as_likely_to_flare_as_its_likeliest_region(p) -> None:
    assert max(p) - 1e-12 <= full_disk(p) <= 1


def test_a_disk_without_regions_does_not_flare() -> None:
    assert full_disk([]) == 0


def test_wilson_limits_of_one_in_ten() -> None:
    # 1/10: centre (0.1 + 3.8415/20)/(1 + 3.8415/10); R binom::binom.confint(1, 10, "wilson").
    assert wilson_interval(1, 10) == pytest.approx((0.01787621, 0.4041500), abs=1e-6)


def test_wilson_limits_stay_within_zero_and_one() -> None:
    assert wilson_interval(0, 5) == pytest.approx((0, 0.4344825), abs=1e-6)
    assert wilson_interval(0, 0) is None


def test_a_bin_holds_its_lower_edge_and_the_last_one_both() -> None:
    rows = reliability([0.0, 0.05, 0.9, 1.0], [0, 1, 1, 1])

    assert [(row.lower, row.n) for row in rows if row.n] == [(0.0, 1), (0.05, 1), (0.9, 2)]


def test_bins_may_hold_their_upper_edge_instead() -> None:
    rows = reliability([0.0, 0.05, 0.9, 1.0], [0, 1, 1, 1], closed="right")

    assert [(row.upper, row.n) for row in rows if row.n] == [(0.05, 2), (0.9, 1), (1.0, 1)]


def test_an_empty_bin_says_nothing_about_frequency() -> None:
    empty = reliability([0.07], [1])[0]

    assert (empty.n, empty.mean_forecast, empty.observed_frequency, empty.low) == (
        0,
        None,
        None,
        None,
    )


def test_repeated_cases_widen_the_wilson_limits() -> None:
    p, o = np.full(100, 0.3), np.arange(100) < 30

    alone, repeated = (reliability(p, o, cases_per_independent=k)[4] for k in (1, 10))

    assert (alone.low, alone.high) == pytest.approx(wilson_interval(30, 100))
    assert (repeated.low, repeated.high) == pytest.approx(wilson_interval(3, 10))
    assert repeated.n == 100


@given(cases)
def test_reliability_counts_every_case_once(pairs) -> None:
    p, o = pairs

    rows = reliability(p, o)

    assert len(rows) == len(RELIABILITY_EDGES) - 1
    assert sum(row.n for row in rows) == len(p)
    assert sum(row.events for row in rows) == o.sum()


def test_at_least_a_class_is_that_class_or_one_above_it() -> None:
    # 1 - 0.4 x 0.6 x 0.9; 1 - 0.6 x 0.9; and X alone.
    assert exceedance([0.6, 0.4, 0.1]) == pytest.approx([0.784, 0.46, 0.1])


def test_below_a_class_that_is_not_known_nothing_is() -> None:
    assert exceedance([0.6, None, 0.1]) == [None, None, pytest.approx(0.1)]
    assert exceedance([0.6, 0.4, None]) == [None, None, None]
