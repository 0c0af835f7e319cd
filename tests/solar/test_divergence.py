"""Distances of counts from a training set, by hand arithmetic and by their properties."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solar.drift import (
    Reference,
    count,
    ks,
    median_shift,
    psi,
    wasserstein,
)

EVEN = Reference(np.full(10, 0.1), n=1000)
COUNTS = st.lists(st.integers(0, 50), min_size=10, max_size=10).filter(any)


def at_bin(place: int, n: int = 100) -> list[int]:
    return [n if i == place else 0 for i in range(10)]


# Half the values of the first bin moved to the last: 0.05 and 0.15 against 0.1 each, so
# -0.05 ln 0.5 + 0.05 ln 1.5 = 0.05 ln 3.
def test_the_psi_of_a_share_that_moved_is_that_of_hand_arithmetic() -> None:
    counts = [50, 100, 100, 100, 100, 100, 100, 100, 100, 150]

    assert psi(counts, EVEN) == pytest.approx(0.05 * np.log(3))


# All 100 in one bin: 0.9 ln 10 there, and nine times (0.005 - 0.1) ln 0.05 with half a case.
def test_an_empty_bin_counts_as_half_a_case() -> None:
    expected = 0.9 * np.log(10) + 9 * (0.005 - 0.1) * np.log(0.05)

    assert psi(at_bin(3), EVEN) == pytest.approx(expected)


def test_a_bin_that_is_empty_in_both_says_nothing() -> None:
    tied = Reference(np.array([0.5, 0, 0, 0, 0, 0.1, 0.1, 0.1, 0.1, 0.1]), n=1000)

    assert psi([5, 0, 0, 0, 0, 1, 1, 1, 1, 1], tied) == pytest.approx(0)


# Cumulated 0.05 too little from the first to the ninth edge.
def test_the_ks_distance_is_the_greatest_of_the_cumulated_shares() -> None:
    assert ks([50, *[100] * 8, 150], EVEN) == pytest.approx(0.05)


# The cumulated shares part over the first bin, stay 0.05 apart over eight, meet over the last:
# 0.1 (0.025 + 8 * 0.05 + 0.025).
def test_the_wasserstein_distance_is_the_area_between_the_cumulated_shares() -> None:
    assert wasserstein([50, *[100] * 8, 150], EVEN) == pytest.approx(0.045)


# In bin 4 the distance runs from -0.4 to +0.5: two triangles of 0.4^2 / 2 and 0.5^2 / 2 over a
# slope of 0.9 / 0.1. Before it lies a triangle of 0.4 * 0.4 / 2, behind it one of 0.5 * 0.5 / 2.
def test_a_crossing_within_a_bin_is_two_triangles() -> None:
    expected = 0.08 + 0.125 + (0.4**2 + 0.5**2) / 2 / 9

    assert wasserstein(at_bin(4), EVEN) == pytest.approx(expected)


def test_an_edge_belongs_to_the_bin_below_it() -> None:
    assert count([0.5, 1.0, 1.5, 9.0, 9.1], range(1, 10)).tolist() == [2, 1, 0, 0, 0, 0, 0, 0, 1, 1]


@given(COUNTS)
def test_alike_is_zero(counts: list[int]) -> None:
    n = sum(counts)
    reference = Reference(np.array(counts) / n, n)

    for measure in (psi, ks, wasserstein):
        assert measure(counts, reference) == pytest.approx(0, abs=1e-12)


@given(COUNTS)
def test_no_distance_is_negative_or_beyond_its_end(counts: list[int]) -> None:
    assert psi(counts, EVEN) >= 0
    assert 0 <= ks(counts, EVEN) <= 1
    assert 0 <= wasserstein(counts, EVEN) <= 0.5 + 1e-12


@pytest.mark.parametrize("measure", [ks, wasserstein, psi])
def test_a_further_shift_is_a_greater_distance(
    measure: Callable[[Any, Reference], Any],
) -> None:
    values = np.random.default_rng(0).normal(size=5000)
    edges = np.quantile(values, np.arange(1, 10) / 10)

    found = [float(measure(count(values + s, edges), EVEN)) for s in (0.0, 0.2, 0.5, 1.0, 2.0)]

    assert found == sorted(found)
    assert found[0] == pytest.approx(0, abs=1e-6)


def test_without_cases_everything_is_undefined() -> None:
    for measure in (psi, ks, wasserstein, median_shift):
        assert np.isnan(measure([0] * 10, EVEN))


@pytest.mark.parametrize(
    ("counts", "shift"),
    [
        ([10] * 10, 0.0),
        (at_bin(9), 4.5),
        (at_bin(0), -4.5),
        # Half lies in the first bin, at whose upper end the median therefore is.
        ([50, 0, 0, 0, 0, 0, 0, 0, 0, 50], -4.0),
    ],
)
def test_the_median_shifts_by_deciles(counts: list[int], shift: float) -> None:
    assert median_shift(counts, EVEN) == pytest.approx(shift)


def test_many_rows_are_measured_at_once() -> None:
    rows = [[10] * 10, at_bin(9), [0] * 10]

    found = median_shift(rows, EVEN)

    np.testing.assert_allclose(found, [0.0, 4.5, np.nan])
