from __future__ import annotations

import numpy as np
import pytest

from solar.durations import (
    FORECAST_LATENCY_BINS,
    forecast_latency_bin,
    forecast_latency_percentiles,
)


def counted(seconds: np.ndarray) -> np.ndarray:
    return np.bincount(forecast_latency_bin(seconds), minlength=FORECAST_LATENCY_BINS)


def test_percentiles_are_known_to_a_fortieth() -> None:
    seconds = np.random.default_rng(0).lognormal(5, 1, 20_000)

    found = forecast_latency_percentiles(counted(seconds), [0.5, 0.95, 0.99])

    assert found == pytest.approx(np.quantile(seconds, [0.5, 0.95, 0.99]), rel=0.025)


def test_a_forecast_before_its_observation_counts_as_immediate() -> None:
    assert forecast_latency_bin([-5.0, 0.0, 1e-9]).tolist() == [0, 0, 0]


def test_an_age_beyond_all_bins_stays_in_the_last() -> None:
    assert forecast_latency_bin([1e12]).tolist() == [FORECAST_LATENCY_BINS - 1]


def test_without_forecasts_there_is_no_percentile() -> None:
    assert forecast_latency_percentiles(np.zeros(FORECAST_LATENCY_BINS), [0.5]) is None
