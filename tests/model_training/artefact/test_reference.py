from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_training.artefact.reference import FeatureShares, TrainingReference, describe

GAP = np.nan


def feature(*values: float) -> FeatureShares:
    return describe({"USFLUX": np.array(values)}, predictions={}).features["USFLUX"]


def test_a_feature_is_told_by_its_mean_and_its_deciles() -> None:
    found = feature(*range(11))

    # Of 0, 1, ..., 10 the k-th decile is k; the first bin holds 0 and 1, each other one number.
    assert found.mean == 5
    assert found.edges == pytest.approx([1, 2, 3, 4, 5, 6, 7, 8, 9])
    assert found.shares == pytest.approx([2 / 11] + [1 / 11] * 9)
    assert found.missing_share == 0


def test_missing_values_are_counted_and_otherwise_left_out() -> None:
    found = feature(1.0, GAP, 3.0, GAP, GAP)

    assert found.mean == 2
    assert found.missing_share == pytest.approx(3 / 5)
    assert sum(found.shares) == pytest.approx(1)


def test_zero_is_a_value() -> None:
    found = feature(0.0, 0.0, 4.5)

    assert found.mean == pytest.approx(1.5)
    assert found.missing_share == 0


def test_many_zeros_stand_apart_from_the_few_counts_above_them() -> None:
    found = feature(*[0.0] * 19, 3.0)

    assert found.edges == (0.0,) * 9
    assert (found.shares[0], found.shares[-1]) == (0.95, 0.05)


def test_many_values_at_a_cap_stand_apart_from_the_few_below_it() -> None:
    found = feature(12.0, *[648.0] * 19)

    assert found.edges == (12.0,) * 9
    assert (found.shares[0], found.shares[-1]) == (0.05, 0.95)


def test_a_feature_that_is_always_missing_has_no_edges() -> None:
    found = feature(GAP, GAP)

    assert (found.mean, found.edges, found.shares, found.missing_share) == (None, (), (), 1.0)


def test_a_constant_lies_in_one_bin() -> None:
    assert feature(7.0, 7.0, 7.0).shares == (1.0,) + (0.0,) * 9


@given(st.lists(st.floats(-1e30, 1e30) | st.just(GAP), min_size=1))
def test_the_shares_are_those_that_a_search_of_the_edges_finds(values: list[float]) -> None:
    found = feature(*values)

    known = np.array(values)[~np.isnan(values)]
    bins = np.searchsorted(np.array(found.edges), known)
    shares = [float(np.mean(bins == one)) for one in range(10)] if known.size else []
    assert list(found.edges) == sorted(found.edges)
    assert found.shares == pytest.approx(shares)


def test_forecasts_are_described_by_event_over_cases_of_their_own() -> None:
    found = describe({"USFLUX": np.array([1.0, 2.0])}, predictions={"M1.0": np.linspace(0, 1, 101)})

    assert found.n == 2
    assert found.predictions["M1.0"].edges == pytest.approx(np.arange(1, 10) / 10)


def test_a_reference_survives_being_written_and_read() -> None:
    found = describe({"USFLUX": np.array([1 / 3, GAP])}, predictions={"M1.0": np.array([0.1])})

    assert TrainingReference.model_validate_json(found.model_dump_json()) == found
