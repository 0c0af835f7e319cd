from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solar.durations import LATENCY, PROCESSING, DurationScale

SCALE = DurationScale(1.0, 100.0, per_decade=1)


def test_a_scale_has_a_bin_beyond_either_end() -> None:
    # Edges 1, 10 and 100: below 1, [1, 10), [10, 100), from 100 on.
    assert SCALE.edges.tolist() == [1.0, 10.0, 100.0]
    assert SCALE.place([0.5, 1.0, 9.9, 10.0, 100.0, 1e9]).tolist() == [0, 1, 1, 2, 3, 3]


def test_a_quantile_lies_evenly_on_the_logarithm_within_its_bin() -> None:
    # Four durations in [1, 10): half of them lie below 10^0.5.
    (found,) = SCALE.quantiles(np.array([[0, 4, 0, 0]]), [0.5])

    assert found == pytest.approx([10**0.5])


def test_a_quantile_beyond_the_scale_is_infinite_and_one_of_nothing_undefined() -> None:
    found = SCALE.quantiles(np.array([[0, 0, 0, 3], [0, 0, 0, 0], [2, 0, 0, 0]]), [0.5])

    assert found[0, 0] == np.inf
    assert np.isnan(found[1, 0])
    assert found[2, 0] == 1.0


@given(
    st.lists(st.floats(1.5e-3, 90.0), min_size=1, max_size=200),
    st.sampled_from([0.5, 0.95, 0.99]),
)
def test_a_quantile_is_wrong_by_one_bin_at_most(seconds: list[float], share: float) -> None:
    counts = np.bincount(PROCESSING.place(seconds), minlength=PROCESSING.bins)
    (found,) = PROCESSING.quantiles(counts[None], [share])

    # The smallest duration that at least this share of all does not exceed.
    exact = np.quantile(seconds, share, method="inverted_cdf")
    assert abs(np.log10(found[0] / exact)) <= 1 / PROCESSING.per_decade + 1e-9


@given(st.lists(st.lists(st.integers(0, 2**32 - 1), min_size=37, max_size=37), max_size=4))
def test_packing_loses_nothing(histograms: list[list[int]]) -> None:
    assert LATENCY.bins == 37
    packed = LATENCY.pack(np.array(histograms, np.int64).reshape(-1, 37))

    assert LATENCY.unpack(packed).tolist() == histograms
