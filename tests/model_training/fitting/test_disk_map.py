from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from model_training.artefact.manifest import DiskMap
from model_training.data.dataset import Dataset
from model_training.features import FlareHistory
from model_training.fitting.disk_map import (
    DiskDays,
    disk_days,
    fit,
    flares_per_day,
    forecast,
)

DAY = np.timedelta64(1, "D")
FLARES = FlareHistory(
    np.array(["2014-02-16T00:00", "2014-02-17T23:59:59", "2014-02-18T12:00"], "datetime64[us]"),
    np.array([1e-5, 5e-5, 9e-6]),
    np.array([0, 11974, 11974]),
)


def cases(*at: str) -> Dataset:
    n = len(at)
    return Dataset(
        records={"USFLUX": np.ones(n)},
        steps=np.arange(n)[:, None],
        region_id=np.arange(n),
        t_rec=np.array(at, "datetime64[us]"),
        truth={},
        flared_before={},
    )


def days_of(n: int) -> np.ndarray:
    return np.datetime64("2010-02-01") + np.arange(n) * DAY


def flares_on(days: np.ndarray) -> FlareHistory:
    """M2.0 flares at noon of the days, and two C flares that say how far the list reaches."""
    ends = [np.datetime64("2010-01-01"), np.datetime64("2019-01-01")]
    at = np.concatenate([ends[:1], days, ends[1:]]).astype("datetime64[us]")
    at[1:-1] += np.timedelta64(12, "h")
    flux = np.full(len(at), 2e-5)
    flux[[0, -1]] = 1e-6
    return FlareHistory(at, flux, np.zeros(len(at), np.int64))


def test_the_disk_takes_the_regions_at_midnight_together() -> None:
    # 00:00 TAI of 16 February is 23:59:25 UTC of the day before.
    rows = cases("2014-02-15T23:59:25", "2014-02-15T23:59:25", "2014-02-16T01:00")

    found = disk_days(rows, np.array([0.5, 0.2, 0.9]))

    # 1 - 0.5 x 0.8
    assert found.day.tolist() == [np.datetime64("2014-02-16").astype(object)]
    assert found.probability == pytest.approx([0.6])


def test_of_each_region_the_record_nearest_to_midnight_counts() -> None:
    rows = replace(
        cases("2014-02-15T23:48", "2014-02-16T00:00", "2014-02-16T00:12"),
        region_id=np.array([7, 7, 7]),
    )

    assert disk_days(rows, np.array([0.1, 0.3, 0.2])).probability == pytest.approx([0.3])


def test_a_region_without_a_forecast_adds_nothing() -> None:
    rows = cases("2014-02-16", "2014-02-16")

    assert disk_days(rows, np.array([0.5, np.nan])).probability == pytest.approx([0.5])


def test_activity_is_counted_over_27_days_and_before_the_day() -> None:
    days = np.array(["2014-02-16", "2014-02-17", "2014-03-15", "2014-03-16"], "datetime64[D]")

    # The first flare peaks at 00 UT of 16 February, 27 days before 15 March; the last is no M.
    assert flares_per_day(days, FLARES, "M1.0") * 27 == pytest.approx([0, 1, 2, 1])


def test_the_map_knows_no_flare_of_the_day_it_forecasts() -> None:
    day = DiskDays(np.array(["2014-02-17"], "datetime64[D]"), np.array([0.5]))
    disk = DiskMap(
        weights=(0.0, 1.0), intercept=0.0, threshold=0.5, n_days=9, n_events=5, fitted_on=""
    )

    # One M flare on the 16th; that of the 17th peaks after 00 UT. sigmoid(log(1 + 1/27)).
    assert forecast(disk, "M1.0", day, flares=FLARES) == pytest.approx([28 / 55])


def test_the_map_takes_too_high_products_back() -> None:
    rng = np.random.default_rng(0)
    days, chance = days_of(600), rng.random(600)
    flares = flares_on(days[rng.random(600) < chance / 2])

    disk = fit(cases(*days.astype(str)), chance, event="M1.0", flares=flares)

    assert disk is not None
    n_events = len(flares.peak_at) - 2
    found = forecast(disk, "M1.0", DiskDays(days, chance), flares=flares)
    assert found.mean() == pytest.approx(n_events / 600, abs=0.02)
    assert (disk.n_days, disk.n_events) == (600, n_events)
    assert 0 < disk.threshold < 1


def test_the_map_forecasts_what_the_regression_it_is_from_does() -> None:
    rng = np.random.default_rng(1)
    days, chance = days_of(300), rng.random(300)
    happened = rng.random(300) < chance
    flares = flares_on(days[happened])
    log_odds = np.log(chance / (1 - chance))
    inputs = np.column_stack([log_odds, np.log1p(flares_per_day(days, flares, "M1.0"))])
    model = LogisticRegression(C=1.0, max_iter=1000).fit(inputs, happened)

    disk = fit(cases(*days.astype(str)), chance, event="M1.0", flares=flares)

    assert disk is not None
    found = forecast(disk, "M1.0", DiskDays(days, chance), flares=flares)
    assert found == pytest.approx(model.predict_proba(inputs)[:, 1], abs=1e-12)


@pytest.mark.parametrize(("n_events", "is_fitted"), [(4, False), (5, True), (35, True)])
def test_with_fewer_than_five_days_of_an_outcome_there_is_no_map(
    n_events: int, is_fitted: bool
) -> None:
    days = days_of(40)

    found = fit(
        cases(*days.astype(str)), np.full(40, 0.1), event="M1.0", flares=flares_on(days[:n_events])
    )

    assert (found is not None) == is_fitted


def test_days_that_the_flare_list_does_not_tell_are_left_out() -> None:
    # The list begins on 1 January, so that 27 days before are known from the 28th on.
    days = np.datetime64("2010-01-20") + np.arange(60) * DAY

    found = fit(
        cases(*days.astype(str)), np.full(60, 0.1), event="M1.0", flares=flares_on(days[::3])
    )

    assert found is not None
    assert found.n_days == 60 - 8
    assert found.fitted_on.startswith(
        "out-of-fold forecasts for 52 days from 2010-01-28 to 2010-03-20, with 1.0 regions a day"
    )
