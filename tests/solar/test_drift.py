"""Drift is told from the scatter of days, and never from fewer than seven."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from solar.drift import Assessment, Reference, assess, block_days, count

EVEN = Reference(np.full((1, 10), 0.1), n=1000)
EDGES = np.arange(1, 10) / 10


def days(n_days: int, *, shift: float = 0.0, seed: int = 0) -> NDArray[np.int64]:
    rng = np.random.default_rng(seed)
    return np.array([[count(rng.random(100) + shift, EDGES)] for _ in range(n_days)])


def judged(counts: NDArray[np.int64], seed: int = 1) -> Assessment:
    (found,) = assess(counts, EVEN, rng=np.random.default_rng(seed))
    assert found is not None
    return found


def test_values_as_in_training_are_no_drift() -> None:
    found = judged(days(30))

    assert found.band == "no drift"
    assert found.psi < 0.02


def test_a_lasting_shift_is_drift() -> None:
    found = judged(days(30, shift=0.3))

    assert found.band == "drift"
    assert found.low <= found.psi <= found.high
    assert found.low > 0.25


# Each day has values about a level of its own, any level as likely: over many days the same
# distribution as in training, over three weeks seldom so.
def test_what_the_scatter_of_the_days_explains_is_no_drift() -> None:
    found = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        levels = rng.random(21)
        rows = [[count(np.clip(rng.normal(level, 0.05, 50), 0, 1), EDGES)] for level in levels]
        found.append(judged(np.array(rows)))

    assert np.mean([one.psi > 0.1 for one in found]) > 0.8
    assert np.mean([one.band == "no drift" for one in found]) > 0.85


# The level swings by the hour; whole days see each hour once and are alike.
def test_a_swing_within_the_day_is_no_drift() -> None:
    hours = np.arange(24)
    values = 0.5 + 0.5 * np.sin(2 * np.pi * hours / 12)
    edges = np.quantile(values, EDGES)
    day = count(values, edges)
    reference = Reference(day[np.newaxis] / 24, n=24 * 365)

    (found,) = assess(np.tile(day, (30, 1, 1)), reference, rng=np.random.default_rng(0))

    assert found is not None
    assert found.psi == pytest.approx(0, abs=1e-12)
    assert found.explained == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("n_days", "is_judged"), [(0, False), (6, False), (7, True)])
def test_fewer_than_seven_days_are_not_judged(n_days: int, is_judged: bool) -> None:
    counts = days(n_days) if n_days else np.zeros((0, 1, 10))

    (found,) = assess(counts, EVEN, rng=np.random.default_rng(0))

    assert (found is not None) == is_judged


def test_days_without_values_do_not_count() -> None:
    counts = np.concatenate([days(6), np.zeros((20, 1, 10))])

    assert assess(counts, EVEN, rng=np.random.default_rng(0)) == [None]


def test_each_variable_is_judged_for_itself() -> None:
    counts = np.concatenate([days(20), np.zeros((20, 1, 10)), days(20, shift=0.4)], axis=1)
    reference = Reference(np.full((3, 10), 0.1), n=1000)

    still, absent, moved = assess(counts, reference, rng=np.random.default_rng(0))

    assert still is not None
    assert moved is not None
    assert (still.band, absent, moved.band) == ("no drift", None, "drift")


@given(st.integers(7, 60), st.floats(0, 0.5), st.integers(0, 5))
def test_the_interval_holds_the_value(n_days: int, shift: float, seed: int) -> None:
    found = judged(days(n_days, shift=shift, seed=seed))

    assert 0 <= found.low <= found.psi + 1e-9
    assert found.psi <= found.high + 1e-9


@pytest.mark.parametrize(("n_days", "length"), [(7, 2), (30, 3), (365, 7), (3650, 15)])
def test_blocks_grow_slowly_with_the_range(n_days: int, length: int) -> None:
    assert block_days(n_days) == length
