from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app_dash.shared.region_status import (
    AlertLevel,
    RegionCounts,
    alert_level,
    count_regions,
    listed_names,
    region_statuses,
)
from database.models import ModelRow
from database.regions.current import DataState, ForecastRow, RegionRow

NOW = datetime(2014, 3, 29, 16, 0, tzinfo=UTC)
MODEL = ModelRow("m@1", "m", "1", "live", {}, {"M1.0": 0.1}, NOW)


def _region(number: int, *, lon: float | None = 0.0, silent_hours: float = 0) -> RegionRow:
    last = NOW - timedelta(hours=silent_hours)
    return RegionRow(number, (number + 10_000,), "s", NOW, last, lon, 10.0, 500.0)


def _forecast(number: int, main: float | None, *, age_hours: float = 0) -> ForecastRow:
    values = (None,) * 4 if main is None else (main, main, main, main)
    reason = "beyond 70° of longitude" if main is None else None
    return ForecastRow(number, NOW - timedelta(hours=age_hours), values, "full", reason, 0.0)


def _state(regions: list[RegionRow], forecasts: list[ForecastRow]) -> DataState:
    return DataState(NOW, MODEL, tuple(regions), {f.region_id: f for f in forecasts})


@pytest.mark.parametrize(
    ("probability", "threshold", "state"),
    [
        (0.1, 0.1, AlertLevel.ALERT),
        (0.099, 0.1, AlertLevel.WATCH),
        (0.05, 0.1, AlertLevel.WATCH),
        (0.049, 0.1, AlertLevel.NONE),
        (None, 0.1, AlertLevel.NONE),
        (0.9, None, AlertLevel.NONE),
    ],
)
def test_the_alert_state_follows_the_frozen_threshold(
    probability: float | None, threshold: float | None, state: AlertLevel
) -> None:
    assert alert_level(probability, threshold) is state


def test_regions_are_listed_by_risk_with_those_without_a_forecast_last() -> None:
    state = _state([_region(n) for n in (1, 2, 3)], [_forecast(1, None), _forecast(2, 0.02),
                                                     _forecast(3, 0.4)])  # fmt: skip

    assert [s.region.region_id for s in region_statuses(state)] == [3, 2, 1]


def test_a_withheld_forecast_keeps_its_row_and_its_reason() -> None:
    (status,) = region_statuses(_state([_region(1, lon=82.0)], [_forecast(1, None)]))

    assert status.forecast is None
    assert status.reason == "beyond 70° of longitude"


def test_a_region_silent_for_more_than_three_hours_has_no_forecast() -> None:
    region = _region(1, silent_hours=11)

    (status,) = region_statuses(_state([region], [_forecast(1, 0.2, age_hours=11)]))

    assert status.forecast is None
    assert status.reason == "last SHARP record 29 Mar 05:00, 11 h ago"


def test_a_region_without_records_near_the_limb_names_the_limb() -> None:
    # 80 deg and 11 h at 13.2 deg a day: 86 deg.
    (status,) = region_statuses(_state([_region(1, lon=80.0, silent_hours=11)], []))

    assert status.reason is not None
    assert status.reason.startswith("at or past the west limb")


def test_an_old_forecast_of_a_fresh_record_does_not_count() -> None:
    (status,) = region_statuses(_state([_region(1)], [_forecast(1, 0.2, age_hours=4)]))

    assert status.reason == "no forecast issued for its newest record"


def test_a_silent_region_is_carried_on_by_the_rotation() -> None:
    # 11 h at latitude 10: 14.326 - 2.119 * 0.0302 - 1.832 * 0.0009 - 0.986 = 13.275 deg a day.
    (status,) = region_statuses(_state([_region(1, lon=20.0, silent_hours=11)], []))

    assert status.lon_now == pytest.approx(20 + 13.275 * 11 / 24, abs=0.001)


def test_regions_are_counted_by_where_they_are_now() -> None:
    # 95 deg and 23 h at 13.3 deg a day: 107.7 deg, which is more than a day behind the limb.
    regions = [_region(1), _region(2, lon=82.0), _region(3, lon=None), _region(4, lon=91.0),
               _region(5, lon=95.0, silent_hours=23)]  # fmt: skip
    found = count_regions(region_statuses(_state(regions, [_forecast(1, 0.4)])))

    assert found == RegionCounts(with_forecast=1, on_disk=3, behind_limb=1, gone=1)
    assert str(found) == "1 of 3 on the disk with a forecast, 1 behind the limb, 1 gone"


def test_of_many_regions_only_the_first_are_named() -> None:
    assert listed_names(["1", "2", "3", "4", "5", "6"]) == "1, 2, 3, 4 and 2 more"
    assert listed_names([]) == ""
