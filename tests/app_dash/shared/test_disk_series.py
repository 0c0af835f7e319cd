from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from app_dash.shared.disk_forecast import hourly_series
from app_dash.shared.region_status import full_disk, largest
from database.predictions.forecasts import Forecasts

AT = datetime(2014, 3, 29, 16, 0, tzinfo=UTC)
NOW = np.datetime64("2014-03-29T16:00:00", "us")


def _columns(*rows: tuple[int, int, float]) -> Forecasts:
    ordered = sorted(rows, key=lambda row: -row[1])
    return Forecasts(
        np.array([row[0] for row in ordered]),
        NOW - np.array([row[1] for row in ordered]) * np.timedelta64(1, "m"),
        np.array([[row[2]] * 4 for row in ordered]),
    )


def test_the_full_disk_combines_regions_as_independent() -> None:
    series = hourly_series(_columns((1, 0, 0.5), (2, 0, 0.2)), AT, hours=0)

    # 1 - 0.5 * 0.8
    np.testing.assert_allclose(series.full_disk[-1], 0.6)


def test_a_forecast_lasts_three_hours_and_no_longer() -> None:
    series = hourly_series(_columns((1, 240, 0.5)), AT, hours=4)

    # Issued at 12:00: known at 12, 13, 14, 15, gone at 16.
    np.testing.assert_array_equal(series.full_disk[:, 1], [0.5, 0.5, 0.5, 0.5, np.nan])


def test_a_region_without_records_leaves_the_others_unchanged() -> None:
    series = hourly_series(_columns((1, 0, 0.5), (2, 600, 0.9)), AT, hours=0)

    np.testing.assert_allclose(series.full_disk[-1], 0.5)


def test_without_any_forecast_the_disk_is_unknown_and_not_zero() -> None:
    series = hourly_series(_columns(), AT, hours=2)

    assert np.isnan(series.full_disk).all()
    assert full_disk([None, None]) is None
    assert largest([None]) is None


def test_the_aggregates_ignore_regions_without_a_forecast() -> None:
    assert full_disk([0.5, None, 0.2]) == 0.6
    assert largest([0.5, None, 0.2]) == 0.5
