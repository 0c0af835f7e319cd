from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose

from solar.network import FEWEST_RECORDS, changes, correlation, edges

TABLES = arrays(np.float64, (12, 3), elements=st.integers(-50, 50).map(float))


@given(TABLES)
def test_a_full_table_has_the_coefficients_of_numpy(values: np.ndarray) -> None:
    varies = values.std(axis=0) > 0

    found = correlation(values)

    assert np.isnan(found[~varies]).all()
    expected = np.corrcoef(values[:, varies], rowvar=False)
    assert_allclose(found[np.ix_(varies, varies)], np.atleast_2d(expected), atol=1e-9)


def test_a_pair_is_judged_on_the_records_that_both_have() -> None:
    # 9 records in common, on which y = 2x; the tenth would spoil it.
    x = np.arange(10.0)
    y = 2 * x
    y[9] = np.nan
    x[9] = -500.0

    assert_allclose(correlation(np.stack([x, y], axis=1))[0, 1], 1.0)


def test_too_few_common_records_leave_a_pair_undefined() -> None:
    rows = np.arange(FEWEST_RECORDS - 1.0)

    assert np.isnan(correlation(np.stack([rows, rows], axis=1))).all()


def test_no_records_at_all_are_undefined() -> None:
    assert np.isnan(correlation(np.empty((0, 2)))).all()


def test_the_size_of_the_values_does_not_matter() -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(size=(24, 2))

    assert_allclose(correlation(values * [1e23, 1e-6]), correlation(values))


def test_edges_are_kept_new_and_gone() -> None:
    now = np.array([[1, 0.9, -0.8], [0.9, 1, np.nan], [-0.8, np.nan, 1]])
    before = np.array([[1, 0.4, -0.7], [0.4, 1, 0.95], [-0.7, 0.95, 1]])

    found = edges(now, before, least=0.7)

    assert (found.kept, found.new, found.gone) == ([(0, 2)], [(0, 1)], [(1, 2)])


def test_the_largest_change_comes_first_and_an_undefined_one_not_at_all() -> None:
    now = np.array([[1, 0.9, -0.8], [0.9, 1, np.nan], [-0.8, np.nan, 1]])
    before = np.array([[1, 0.4, -0.7], [0.4, 1, 0.95], [-0.7, 0.95, 1]])

    assert changes(now, before, most=5) == [(0, 1), (0, 2)]
