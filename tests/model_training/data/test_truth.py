from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from model_training.data.flares import flared_before, label, read_flares, truth_of
from model_training.features import FlareHistory

T = np.datetime64("2014-03-10T00:00:00", "us")


def at(*hours: float) -> np.ndarray:
    return T + (np.array(hours) * 3600e6).astype("timedelta64[us]")


def flares(*rows: tuple[float, float, int]) -> FlareHistory:
    hour, flux, region = zip(*rows, strict=True)
    return FlareHistory(at(*hour), np.array(flux), np.array(region))


# Peaks of B flares at both ends make the list cover the time between them.
START, END = (-48, 1e-7, 9), (72, 1e-7, 9)


def test_the_truth_of_a_row_is_one_zero_or_missing() -> None:
    history = flares(START, (5, 2e-5, 7), (6, 2e-6, 0), END)

    found = label(np.array([7, 8]), at(0, 0), truth_of(history))

    assert np.isnan(found["C1.0"]).all()
    assert found["M1.0"].tolist() == [1, 0]
    assert found["X1.0"].tolist() == [0, 0]


def test_beyond_the_ends_of_the_list_nothing_is_known() -> None:
    truth = truth_of(flares(START, END))

    found = label(np.array([7, 7, 7, 7]), at(-48.1, -48, 48, 48.1), truth)

    assert np.isnan(found["M1.0"]).tolist() == [True, False, False, True]


def test_an_empty_list_covers_nothing() -> None:
    nothing = FlareHistory(at(), np.zeros(0), np.zeros(0, np.int64))

    assert np.isnan(label(np.array([7]), at(0), truth_of(nothing))["C1.0"]).all()


def test_what_flared_before_is_the_window_that_ends_at_t() -> None:
    history = flares(START, (-24, 1e-5, 7), (0, 1e-4, 7), END)

    found = flared_before(np.array([7, 8]), at(0, 0), truth_of(history))

    assert found["M1.0"].tolist() == [1, 0]
    assert found["X1.0"].tolist() == [0, 0]


def test_what_was_seen_before_stays_seen_beside_a_flare_without_region() -> None:
    history = flares(START, (-3, 2e-5, 7), (-2, 2e-5, 0), END)

    assert flared_before(np.array([7]), at(0), truth_of(history))["M1.0"].tolist() == [1]


def test_a_peak_noted_before_its_start_lies_on_the_next_day(tmp_path: Path) -> None:
    pd.DataFrame(
        {
            "start_time": pd.to_datetime(["2014-03-01T23:55", "2014-03-01T01:00"]),
            "peak_time": pd.to_datetime(["2014-03-01T00:02", "2014-03-01T01:10"]),
            "noaa_ar": [11990, 11991],
            "peak_flux_wm2": [1e-5, 2e-6],
        }
    ).to_parquet(tmp_path / "flares.parquet")

    found = read_flares(tmp_path / "flares.parquet")

    assert found.region_id.tolist() == [11991, 11990]
    assert found.peak_at[1] == np.datetime64("2014-03-02T00:02", "us")
