from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from model_training.fitting.networks.samples import fit_standardiser, sample_network
from solar.errors import InvalidInputError

Rows = NDArray[np.float32]


def noise(n: int, d: int, seed: int = 0) -> Rows:
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def families(n: int, d: int, of: int) -> Rows:
    """Return n rows in groups of `of` that correlate with each other and not with the rest."""
    rows = np.repeat(noise(n // of, d, 1), of, axis=0) + 0.5 * noise(n, d, 2)
    return rows.astype(np.float32)


def test_edges_carry_the_correlation_that_numpy_finds() -> None:
    rows = noise(40, 6)

    network = sample_network(rows, threshold=0.3, max_neighbours=50)

    expected = np.corrcoef(rows)
    first, second = np.nonzero(np.triu(expected >= 0.3, 1))
    assert network.edges.tolist() == np.stack([first, second], axis=1).tolist()
    np.testing.assert_allclose(network.correlations, expected[first, second], atol=1e-6)


@given(
    n=st.integers(2, 60),
    most=st.integers(1, 10),
    threshold=st.floats(0, 1),
    seed=st.integers(0, 1000),
)
def test_no_sample_has_more_neighbours_than_the_maximum(
    n: int, most: int, threshold: float, seed: int
) -> None:
    network = sample_network(noise(n, 5, seed), threshold=threshold, max_neighbours=most)

    assert network.degrees.max() <= most
    assert (network.correlations > 0).all()
    assert (network.correlations <= 1).all()
    assert (network.correlations >= threshold - 1e-6).all()
    assert (network.edges[:, 0] < network.edges[:, 1]).all()
    assert len(np.unique(network.edges, axis=0)) == len(network.edges)


def test_a_sample_that_everyone_resembles_still_keeps_to_the_maximum() -> None:
    centre = noise(1, 40)
    # Every other sample is the centre with noise: each names the centre among its nearest.
    rows = np.concatenate([centre, centre + 2 * noise(30, 40, 3)]).astype(np.float32)

    network = sample_network(rows, threshold=0.1, max_neighbours=4)

    assert network.degrees[0] == 4


def test_the_strongest_pairs_are_joined_first() -> None:
    # With room for one edge each, 0-1 (r = 1) leaves 2 without a partner although r > 0.5.
    rows = np.array([[1, 2, 3, 4], [2, 4, 6, 8], [1, 2, 3, 3]], np.float32)

    network = sample_network(rows, threshold=0.5, max_neighbours=1)

    assert network.edges.tolist() == [[0, 1]]


def test_equal_correlations_are_joined_in_the_order_of_their_place() -> None:
    rows = np.repeat(np.array([[1, 2, 4]], np.float32), 5, axis=0)

    network = sample_network(rows, threshold=0.5, max_neighbours=2)

    # Everyone names the first two others; 0-1, 0-2 and 1-2 fill these three, and 3-4 was
    # never named: 3 and 4 both wanted 0 and 1.
    assert network.edges.tolist() == [[0, 1], [0, 2], [1, 2]]


def test_a_constant_sample_is_isolated() -> None:
    rows = noise(10, 8)
    rows[4] = 7.3

    network = sample_network(rows, threshold=0.0, max_neighbours=9)

    assert network.degrees[4] == 0
    assert np.isfinite(network.correlations).all()


def test_mirror_images_are_joined_only_when_asked_for() -> None:
    rows = np.array([[1, 2, 3], [3, 2, 1]], np.float32)

    positive = sample_network(rows, threshold=0.5, max_neighbours=1)
    either = sample_network(rows, threshold=0.5, max_neighbours=1, sign="any")

    assert len(positive.edges) == 0
    assert either.correlations == pytest.approx([-1.0])
    assert either.weights == pytest.approx([1.0])


def test_blocks_of_rows_give_the_network_of_all_rows_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = families(300, 10, of=6)
    whole = sample_network(rows, threshold=0.5, max_neighbours=8)

    monkeypatch.setattr("model_training.fitting.networks.samples._BLOCK_BYTES", 8 * 300 * 7)
    parts = sample_network(rows, threshold=0.5, max_neighbours=8)

    assert parts.edges.tolist() == whole.edges.tolist()
    assert parts.correlations.tolist() == whole.correlations.tolist()


def test_the_memory_stays_far_below_that_of_all_pairs() -> None:
    rows = families(4000, 60, of=10)
    tracemalloc.start()

    sample_network(rows, threshold=0.5, max_neighbours=8)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # All pairs in double are 4000^2 * 8 bytes = 128 MB, and numpy.corrcoef holds two of them.
    # The blocks are 2 x 32 MB (strengths and their partition) whatever n is, next to masks.
    assert peak < 110e6


def test_samples_of_two_values_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="2 values have no meaningful correlation"):
        sample_network(noise(5, 2), threshold=0.5, max_neighbours=1)


def test_samples_with_missing_values_are_refused() -> None:
    rows = noise(5, 4)
    rows[2, 1] = np.nan

    with pytest.raises(InvalidInputError, match="1 of 5 samples have missing"):
        sample_network(rows, threshold=0.5, max_neighbours=1)


def test_a_huge_attribute_does_not_outweigh_the_others() -> None:
    windows = noise(200, 5)
    huge = windows * np.array([1e24, 1, 1, 1, 1], np.float32)

    raw = np.corrcoef(huge.astype(float))
    rows = fit_standardiser(huge).rows(huge)

    # One attribute of 1e24 among four of 1 makes every pair look alike or opposite.
    assert (np.abs(raw) > 0.99).mean() > 0.99
    np.testing.assert_allclose(rows, fit_standardiser(windows).rows(windows), atol=1e-4)


def test_an_attribute_is_standardised_over_samples_and_steps() -> None:
    # One attribute, two samples of two steps: mean 4, deviation sqrt((9 + 1 + 1 + 9) / 4).
    windows = np.array([[[1], [3]], [[5], [7]]], np.float32)

    rows = fit_standardiser(windows).rows(windows)

    np.testing.assert_allclose(rows, np.array([[-3, -1], [1, 3]]) / np.sqrt(5), rtol=1e-6)


def test_a_missing_value_takes_the_mean_of_its_attribute() -> None:
    windows = np.array([[1, 5], [3, np.nan], [5, 7]], np.float32)

    rows = fit_standardiser(windows).rows(windows)

    assert rows[1].tolist() == [0, 0]
    assert np.isfinite(rows).all()
