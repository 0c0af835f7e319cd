from __future__ import annotations

import numpy as np
import pytest

from solar.errors import InvalidInputError
from solar.histogram import (
    BINS,
    EDGES,
    LOWEST_BIN,
    bin_of,
    snapped,
    stack_cases,
)
from solar.reliability import RELIABILITY_EDGES


def test_the_bins_are_fine_where_rare_events_are_forecast() -> None:
    assert BINS == 370
    assert EDGES[:12].tolist() == [
        0, 1e-7, 2e-7, 5e-7, 1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4
    ]  # fmt: skip
    assert np.diff(EDGES[11:111]) == pytest.approx(np.full(99, 0.0002))
    assert np.diff(EDGES[110:191]) == pytest.approx(np.full(80, 0.001))
    assert np.diff(EDGES[190:]) == pytest.approx(np.full(180, 0.005))


@pytest.mark.parametrize("text", ["0.0002", "0.0196", "0.02", "0.043", "0.1", "0.305", "0.995"])
def test_an_edge_is_the_very_float_of_its_decimal(text) -> None:
    assert float(text) in EDGES.tolist()
    assert EDGES[bin_of(float(text))] == float(text)
    assert snapped(float(text)) == float(text)


def test_every_edge_of_the_reliability_table_is_a_bin_edge() -> None:
    assert set(RELIABILITY_EDGES) <= set(EDGES.tolist())


def test_a_bin_from_two_hundredths_of_a_percent_on_is_stored_under_its_number_of_before() -> None:
    stacked = stack_cases([5e-8, 0.00025, 0.995], [0, 0, 1], day=[0, 0, 0])

    # 0.00025 was and is in bin 1, 0.995 in bin 359.
    assert (stacked.rows.bins + LOWEST_BIN).tolist() == [-10, 1, 359]


def test_certainty_belongs_to_the_last_bin() -> None:
    assert bin_of([0.0, 0.995, 1.0]).tolist() == [0, BINS - 1, BINS - 1]


@pytest.mark.parametrize("wrong", [float("nan"), -0.01, 1.01])
def test_what_is_no_probability_is_not_counted(wrong) -> None:
    with pytest.raises(InvalidInputError, match="leave missing forecasts out"):
        bin_of([0.3, wrong])
