from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solar.reliability import corp, isotonic

BINS = st.lists(
    st.integers(1, 50).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))), min_size=1
)


def test_a_pair_out_of_order_is_pooled_by_its_cases() -> None:
    # (2 + 1)/(4 + 2) = 0.5 for the two in the middle.
    assert isotonic([10, 4, 2, 1], [1, 2, 1, 1]).tolist() == [0.1, 0.5, 0.5, 1.0]
    assert isotonic([10, 4, 2], [1, 3, 1]).tolist() == pytest.approx([0.1, 4 / 6, 4 / 6])


def test_the_terms_of_two_bins_are_those_computed_by_hand() -> None:
    split = corp([4, 4], [1, 3], forecast=[0.0, 1.0])

    # Brier 2/8; fitted 1/4 and 3/4 give (4/16 - 2/4 + 1) / 4 = 3/16; base rate 1/2 gives 1/4.
    assert split is not None
    assert split.recalibrated.tolist() == [0.25, 0.75]
    assert split.miscalibration == pytest.approx(1 / 4 - 3 / 16)
    assert split.discrimination == pytest.approx(1 / 4 - 3 / 16)
    assert split.uncertainty == pytest.approx(1 / 4)


def test_without_cases_there_is_nothing_to_fit() -> None:
    assert corp([], [], forecast=[]) is None


@given(BINS, st.randoms(use_true_random=False))
def test_no_term_is_negative_and_the_fit_rises_and_keeps_the_events(
    bins: list[tuple[int, int]], draw: Random
) -> None:
    n, events = np.array(bins, float).T
    forecast = sorted(draw.random() for _ in bins)

    split = corp(n, events, forecast=forecast)

    assert split is not None
    assert np.all(np.diff(split.recalibrated) >= 0)
    assert (split.recalibrated * n).sum() == pytest.approx(events.sum())
    assert min(split.miscalibration, split.discrimination, split.uncertainty) > -1e-12
    brier = (n * np.square(forecast) - 2 * np.array(forecast) * events + events).sum() / n.sum()
    assert split.miscalibration - split.discrimination + split.uncertainty == pytest.approx(brier)
