from __future__ import annotations

import numpy as np
import pytest

from solar.errors import InvalidInputError
from solar.histogram import (
    BINS,
    EDGES,
    bin_of,
    snapped,
)
from solar.reliability import RELIABILITY_EDGES


def test_the_bins_are_fine_where_rare_events_are_forecast() -> None:
    assert BINS == 360
    assert np.diff(EDGES[:101]) == pytest.approx(np.full(100, 0.0002))
    assert np.diff(EDGES[100:181]) == pytest.approx(np.full(80, 0.001))
    assert np.diff(EDGES[180:]) == pytest.approx(np.full(180, 0.005))


@pytest.mark.parametrize("text", ["0.0002", "0.0196", "0.02", "0.043", "0.1", "0.305", "0.995"])
def test_an_edge_is_the_very_float_of_its_decimal(text) -> None:
    assert float(text) in EDGES.tolist()
    assert EDGES[bin_of(float(text))] == float(text)
    assert snapped(float(text)) == float(text)


def test_every_edge_of_the_reliability_table_is_a_bin_edge() -> None:
    assert set(RELIABILITY_EDGES) <= set(EDGES.tolist())


def test_certainty_belongs_to_the_last_bin() -> None:
    assert bin_of([0.0, 0.995, 1.0]).tolist() == [0, BINS - 1, BINS - 1]


@pytest.mark.parametrize("wrong", [float("nan"), -0.01, 1.01])
def test_what_is_no_probability_is_not_counted(wrong) -> None:
    with pytest.raises(InvalidInputError, match="leave missing forecasts out"):
        bin_of([0.3, wrong])
