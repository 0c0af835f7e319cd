from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from app_dash.shared.disk_forecast import (
    NO_ACTIVITY,
    NO_FORECAST,
    disk_forecast,
    hourly_series,
)
from app_dash.shared.region_status import region_statuses
from database.models import ModelRow
from database.predictions.forecasts import Forecasts
from database.regions.current import DataState, ForecastRow, RegionRow
from solar.flares import EVENTS, event
from solar.full_disk import DiskActivity, disk_activity
from solar.time import Window, to_datetime64

NOW = datetime(2014, 3, 29, 16, 0, tzinfo=UTC)
M1 = event("M1.0")
MODEL = ModelRow("m@1", "m", "1", "live", {"disk": None}, {"M1.0": 0.1}, NOW)
EVER = Window(NOW - timedelta(days=200), NOW)


def _quiet(covered: tuple[Window, ...] = (EVER,)) -> DiskActivity:
    none = np.zeros(0, "datetime64[us]")
    return DiskActivity(none, none, np.zeros(0), covered)


def _state(*probabilities: float | None) -> DataState:
    regions, latest = [], {}
    for number, p in enumerate(probabilities, start=1):
        regions.append(RegionRow(number, (), "s", NOW, NOW, 0.0, 0.0, 100.0))
        latest[number] = ForecastRow(number, NOW, (p,) * 4, "full", None, 0.0)
    return DataState(NOW, MODEL, tuple(regions), latest, _quiet())


def test_the_disk_is_one_number_with_the_parts_it_is_made_of() -> None:
    state = _state(0.5, 0.2)

    found = disk_forecast(M1, region_statuses(state), state)

    # 1 - 0.5 * 0.8 = 0.6 has the odds 1.5.
    quiet = float(disk_activity("M1.0", [0] * 7)[0])
    log_odds = np.log(quiet / (1 - quiet))
    assert found.product == pytest.approx(0.6)
    assert found.largest == 0.5
    assert found.activity == pytest.approx(quiet)
    assert found.best == pytest.approx(1 / (1 + np.exp(-(log_odds + np.log(1.5)) / 2)))
    assert (found.why_not, found.basis) == (None, "regions and recent flares")


def test_a_model_made_elsewhere_has_the_same_number() -> None:
    state = _state(0.5)
    foreign = replace(state, model=replace(MODEL, made_by="elsewhere"))

    numbers = [disk_forecast(M1, region_statuses(one), one).best for one in (state, foreign)]

    assert numbers[0] == numbers[1]


def test_unknown_activity_leaves_the_product() -> None:
    state = replace(_state(0.5), activity=_quiet(covered=()))

    found = disk_forecast(M1, region_statuses(state), state)

    assert (found.activity, found.aggregate, found.why_not) == (None, None, NO_ACTIVITY)
    assert found.best == 0.5


def test_without_a_forecast_nothing_is_known() -> None:
    state = _state(None)

    found = disk_forecast(M1, region_statuses(state), state)

    assert (found.product, found.largest, found.aggregate) == (None, None, None)
    assert found.why_not == NO_FORECAST
    assert found.best is None


def test_the_line_of_the_last_days_ends_in_the_number_shown() -> None:
    state = _state(0.5, 0.2)
    at = np.array([to_datetime64(NOW)] * 2)
    columns = Forecasts(np.array([1, 2]), at, np.array([[0.5] * 4, [0.2] * 4]))

    series = hourly_series(columns, NOW, hours=3, activity=state.activity)

    shown = [disk_forecast(one, region_statuses(state), state).best for one in EVENTS]
    assert series.full_disk[-1] == pytest.approx(shown)
    assert np.isnan(series.full_disk[:-1]).all()
