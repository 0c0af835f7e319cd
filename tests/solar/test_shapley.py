"""Contributions sum to the answer, and are those of Shapley where they can be worked out."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from solar.shapley import Attribution, Score, attribute

Floats = NDArray[np.float64]
WEIGHTS = np.array([0.5, -2.0, 3.0, 0.0])
REFERENCE = np.array([1.0, 0.0, -1.0, 4.0])
CASES = np.array([[2.0, 1.0, 0.5, 4.0], [1.0, 0.0, -1.0, 9.0]])


def shared(score: Score, x: Any, reference: Any, *, pairs: int = 20, seed: int = 0) -> Attribution:
    rng = np.random.default_rng(seed)
    return attribute(
        score, np.asarray(x, float), np.asarray(reference, float), pairs=pairs, rng=rng
    )


def linear(x: NDArray[Any]) -> Floats:
    total: Floats = x @ WEIGHTS + 7
    return total


def crooked(x: NDArray[Any]) -> Floats:
    a, b, c, d = np.nan_to_num(x, nan=-3.0).T
    answer: Floats = np.where(a > 0, b * c, np.sin(d)) + np.maximum(a, b) * d
    return answer


def test_a_linear_answer_is_shared_by_weight_and_distance_from_the_reference() -> None:
    found = shared(linear, CASES, REFERENCE, pairs=3)

    np.testing.assert_allclose(found.parts, WEIGHTS * (CASES - REFERENCE), rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.error, 0, atol=1e-12)
    assert found.base == linear(REFERENCE[np.newaxis])[0]


# Of x1 x2 from (0, 0) to (3, 4) each gains 6: 12 when it joins second, 0 when first. The third
# feature takes no part.
def test_two_features_that_interact_share_alike_after_a_single_pair_of_orders() -> None:
    found = shared(lambda x: x[:, 0] * x[:, 1], [[3.0, 4.0, 5.0]], np.zeros(3), pairs=1)

    assert found.parts[0].tolist() == [6.0, 6.0, 0.0]


def test_the_sampled_values_approach_those_of_all_orders() -> None:
    x, reference = np.array([2.0, 1.5, -1.0, 0.7]), np.array([-1.0, 0.5, 2.0, 0.1])

    def answer(joined: list[int]) -> float:
        mixed = reference.copy()
        mixed[joined] = x[joined]
        return float(crooked(mixed[np.newaxis])[0])

    orders = list(permutations(range(4)))
    exact = np.zeros(4)
    for order in orders:
        for place, feature in enumerate(order):
            gain = answer(list(order[: place + 1])) - answer(list(order[:place]))
            exact[feature] += gain / len(orders)

    found = shared(crooked, [x], reference, pairs=400)

    assert (np.abs(found.parts[0] - exact) <= 4 * found.error[0] + 1e-12).all()


@given(
    st.lists(st.floats(-5, 5), min_size=4, max_size=4),
    st.lists(st.floats(-5, 5), min_size=4, max_size=4),
    st.integers(0, 100),
)
def test_contributions_sum_to_the_distance_of_the_answers(
    x: list[float], reference: list[float], seed: int
) -> None:
    found = shared(crooked, [x], reference, pairs=2, seed=seed)

    assert found.parts[0].sum() == pytest.approx(found.value[0] - found.base, abs=1e-9)
    unmoved = np.array(x) == np.array(reference)
    assert (found.parts[0][unmoved] == 0).all()


def test_a_missing_value_contributes_what_its_being_missing_does() -> None:
    def score(x: NDArray[Any]) -> Floats:
        answer: Floats = np.where(np.isnan(x[:, 0]), 5.0, 0.0) + x[:, 1]
        return answer

    found = shared(score, [[np.nan, 2.0]], [0.0, 0.0])

    assert found.parts[0].tolist() == [5.0, 2.0]


def test_a_feature_of_a_window_joins_at_every_step_at_once() -> None:
    windows = np.arange(12.0).reshape(1, 6, 2)

    def spread(x: NDArray[Any]) -> Floats:
        answer: Floats = np.ptp(x[:, :, 0], axis=1) + x[:, :, 1].sum(axis=1)
        return answer

    found = shared(spread, windows, [0.0, 0.0])

    # Feature 0 runs 0, 2, ... 10; feature 1 is 1 + 3 + ... + 11.
    assert found.parts[0].tolist() == [10.0, 36.0]


def test_the_same_seed_gives_the_same_contributions_and_one_call() -> None:
    calls: list[int] = []

    def counted(x: NDArray[Any]) -> Floats:
        calls.append(len(x))
        return crooked(x)

    first, second = (shared(counted, CASES, REFERENCE, pairs=5) for _ in range(2))

    np.testing.assert_array_equal(first.parts, second.parts)
    # The reference, two cases, and of each 10 orders with 3 steps between.
    assert calls == [1 + 2 + 2 * 10 * 3] * 2


def test_a_single_pair_of_orders_has_no_standard_error() -> None:
    assert np.isnan(shared(crooked, CASES, REFERENCE, pairs=1).error).all()
