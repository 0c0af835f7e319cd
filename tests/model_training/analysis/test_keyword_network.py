from __future__ import annotations

import numpy as np
import pytest

from model_training.analysis.network_study import (
    keyword_network,
    mean_correlations,
    of_correlations,
)


def window(*columns: list[float]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.array(columns, np.float32).T


RISING = [float(step) for step in range(12)]


def test_keywords_that_vary_alike_or_opposite_are_joined_with_their_sign() -> None:
    falling = [-2 * value for value in RISING]
    zigzag = [1.0, -1.0] * 6

    network = keyword_network(window(RISING, falling, zigzag), threshold=0.5)

    assert network.edges.tolist() == [[0, 1]]
    assert network.correlations == pytest.approx([-1.0])


def test_the_correlation_is_that_of_numpy() -> None:
    values = np.random.default_rng(0).normal(size=(20, 5)).astype(np.float32)

    found = mean_correlations(values[None])

    expected = np.corrcoef(values.T.astype(float))
    off = ~np.eye(5, dtype=bool)
    np.testing.assert_allclose(found[off], expected[off], atol=1e-9)


def test_a_pair_is_judged_on_the_steps_that_both_have() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(30, 3)).astype(np.float32)
    values[:9, 0], values[25:, 1] = np.nan, np.nan

    found = mean_correlations(values[None])

    shared = values[9:25].astype(float)
    assert found[0, 1] == pytest.approx(np.corrcoef(shared[:, 0], shared[:, 1])[0, 1])
    later = values[9:].astype(float)
    assert found[0, 2] == pytest.approx(np.corrcoef(later[:, 0], later[:, 2])[0, 1])


def test_a_constant_and_a_missing_series_are_isolated() -> None:
    network = keyword_network(window(RISING, RISING, [7.7] * 12, [np.nan] * 12), threshold=0.0)

    assert network.degrees.tolist() == [1, 1, 0, 0]


def test_a_series_that_is_constant_on_the_shared_steps_has_no_correlation() -> None:
    stuck = [5.0] * 11 + [900.0]
    other = [*RISING[:11], np.nan]

    network = keyword_network(window(stuck, other), threshold=0.0)

    assert len(network.edges) == 0


def test_a_pair_with_too_few_shared_steps_is_not_joined() -> None:
    first = [*RISING[:6], *[np.nan] * 6]

    assert len(keyword_network(window(first, RISING), threshold=0.5).edges) == 0
    assert len(keyword_network(window(first, RISING), threshold=0.5, fewest_steps=6).edges) == 1


def test_units_of_any_size_give_the_same_network() -> None:
    values = np.random.default_rng(3).normal(size=(20, 4)).astype(np.float32)
    huge = values * np.array([1e24, 1e-9, 1, 1], np.float32)

    found = keyword_network(huge, threshold=0.0)

    expected = keyword_network(values, threshold=0.0)
    np.testing.assert_allclose(found.correlations, expected.correlations, atol=1e-6)


def test_the_mean_over_windows_is_that_of_fishers_z() -> None:
    rng = np.random.default_rng(4)
    windows = rng.normal(size=(3, 15, 2)).astype(np.float32)
    r = [np.corrcoef(each.T.astype(float))[0, 1] for each in windows]

    network = of_correlations(mean_correlations(windows), threshold=0.0)

    assert network.correlations == pytest.approx([np.tanh(np.mean(np.arctanh(r)))])


def test_a_window_without_a_correlation_does_not_weigh_in_the_mean() -> None:
    whole = window(RISING, [value + (-1) ** value for value in RISING])
    empty = np.full_like(whole, np.nan)

    assert mean_correlations(np.stack([whole, empty]))[0, 1] == pytest.approx(
        mean_correlations(whole[None])[0, 1]
    )
    assert np.isnan(mean_correlations(empty[None])).all()
