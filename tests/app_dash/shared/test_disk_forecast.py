from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app_dash.shared.disk_forecast import (
    FEW_DAYS,
    NO_ACTIVITY,
    NO_FORECAST,
    NOT_KNOWN,
    disk_forecast,
)
from app_dash.shared.region_status import region_statuses
from database.models import ModelRow
from database.regions.current import DataState, ForecastRow, RegionRow
from solar.flares import event

NOW = datetime(2014, 3, 29, 16, 0, tzinfo=UTC)
M1, X1 = event("M1.0"), event("X1.0")
DISK = {"M1.0": {"weights": [1.0, 0.0], "intercept": 0.0}}
MODEL = ModelRow("m@1", "m", "1", "live", {"disk": DISK}, {"M1.0": 0.1}, NOW)
RATES = {"M1.0": 0.5, "X1.0": 0.1}


def _state(*probabilities: float | None) -> DataState:
    regions, latest = [], {}
    for number, p in enumerate(probabilities, start=1):
        regions.append(RegionRow(number, (), "s", NOW, NOW, 0.0, 0.0, 100.0))
        latest[number] = ForecastRow(number, NOW, (p,) * 4, "full", None, 0.0)
    return DataState(NOW, MODEL, tuple(regions), latest, RATES)


def test_the_three_aggregates_are_computed_together() -> None:
    state = _state(0.5, 0.2)

    found = disk_forecast(M1, region_statuses(state), state)

    # 1 - 0.5 * 0.8; a fit with the weights 1 and 0 gives the product back.
    assert found.product == pytest.approx(0.6)
    assert found.largest == 0.5
    assert found.calibrated == pytest.approx(0.6)
    assert (found.why_uncalibrated, found.basis) == (None, "calibrated")


def test_activity_moves_the_calibrated_probability() -> None:
    state = _state(0.5, 0.2)
    active = {"disk": {"M1.0": {"weights": [1.0, 2.0], "intercept": -1.0}}}
    state = replace(state, model=replace(MODEL, manifest=active))

    found = disk_forecast(M1, region_statuses(state), state)

    # logit(0.6) + 2 ln(1.5) - 1 = 0.4055 + 0.8109 - 1 = 0.2164, whose sigmoid is 0.5539.
    assert found.calibrated == pytest.approx(0.5539, abs=1e-4)
    assert found.best == found.calibrated


def test_an_event_without_a_fit_says_so_and_falls_back_on_the_product() -> None:
    state = _state(0.5)

    found = disk_forecast(X1, region_statuses(state), state)

    assert (found.calibrated, found.why_uncalibrated) == (None, FEW_DAYS)
    assert (found.best, found.basis) == (0.5, "1−∏(1−p)")


def test_unknown_activity_leaves_no_calibrated_probability() -> None:
    state = replace(_state(0.5), activity={})

    found = disk_forecast(M1, region_statuses(state), state)

    assert (found.calibrated, found.why_uncalibrated) == (None, NO_ACTIVITY)


def test_without_a_forecast_nothing_is_known() -> None:
    state = _state(None)

    found = disk_forecast(M1, region_statuses(state), state)

    assert (found.product, found.largest, found.calibrated) == (None, None, None)
    assert found.why_uncalibrated == NO_FORECAST
    assert found.best is None


def test_of_a_model_without_maps_the_calibrated_probability_is_not_known() -> None:
    state = _state(0.5)
    foreign = replace(MODEL, manifest={"disk": None}, made_by="elsewhere")

    found = disk_forecast(M1, region_statuses(state), replace(state, model=foreign))

    assert (found.calibrated, found.why_uncalibrated) == (None, NOT_KNOWN)
    assert (found.best, found.basis) == (0.5, "1−∏(1−p)")
