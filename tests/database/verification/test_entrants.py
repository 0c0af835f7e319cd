from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from database.flares.flares import FlareColumns
from database.predictions.forecasts import Forecasts, full_disk
from database.verification.cases import align_forecasts, make_case_set
from database.verification.entrants import PRIOR_RATES, DailyCases, climatology
from solar.flares import EVENTS
from solar.full_disk import DiskActivity, disk_activity
from solar.time import Window
from solar.windows import forecast_window

NAN = np.nan
MIDNIGHT = np.datetime64("2014-03-02T00:00", "us")
HOUR = np.timedelta64(1, "h")
NO_TIMES = np.zeros(0, "datetime64[us]")
UNKNOWN_ACTIVITY = DiskActivity(NO_TIMES, NO_TIMES, np.zeros(0), [])


def past(*days: tuple[int, float, float]) -> DailyCases:
    day, n, events = zip(*days, strict=True) if days else ((), (), ())
    return DailyCases(np.array(day, np.int64), np.array(n, float), np.array(events, float))


def rate(day: int, cases: DailyCases, *, span_days: int = 120, prior: float = 0.1) -> float:
    return float(climatology(np.array([day]), cases, span_days=span_days, prior=prior)[0])


def test_climatology_is_the_prior_before_the_first_case() -> None:
    assert rate(1000, past()) == pytest.approx(0.1)


def test_climatology_weighs_the_prior_like_ten_days_of_cases() -> None:
    # K = 6 events of N = 60 cases on 3 days: m = 10 * 60/3 = 200;
    # (6 + 200 * 0.1)/(60 + 200) = 26/260 = 0.1, and with p0 = 0.2: 46/260.
    cases = past((990, 20, 1), (991, 10, 5), (992, 30, 0))

    assert rate(1000, cases) == pytest.approx(26 / 260)
    assert rate(1000, cases, prior=0.2) == pytest.approx(46 / 260)


def test_climatology_counts_only_days_whose_windows_had_closed() -> None:
    # A case of day 998 is open until the end of day 999; one of day 999 until 1001.
    cases = past((998, 10, 10), (999, 10, 10))

    assert rate(999, cases) == pytest.approx(0.1)
    assert rate(1000, cases) == pytest.approx((10 + 100 * 0.1) / 110)


def test_climatology_forgets_what_is_older_than_its_span() -> None:
    cases = past((879, 10, 10))  # 1000 - 1 - 120 is the first day that counts

    assert rate(1000, cases) == pytest.approx((10 + 100 * 0.1) / 110)
    assert rate(1001, cases) == pytest.approx(0.1)
    assert rate(1001, cases, span_days=365) > 0.1


def test_days_without_cases_do_not_dilute_the_prior() -> None:
    assert rate(1000, past((990, 20, 2), (991, 0, 0))) == rate(1000, past((990, 20, 2)))


def test_rarer_events_have_smaller_priors() -> None:
    for rates in PRIOR_RATES.values():
        ordered = [rates[event.name] for event in EVENTS]
        assert ordered == sorted(ordered, reverse=True)


def forecasts(*rows: tuple[int, np.datetime64, float]) -> Forecasts:
    return Forecasts(
        np.array([region for region, _, _ in rows], np.int64),
        np.array([t for _, t, _ in rows], "datetime64[us]"),
        np.array([[p] * len(EVENTS) for _, _, p in rows], float).reshape(len(rows), len(EVENTS)),
    )


def test_persistence_repeats_the_day_that_ends_with_the_issue() -> None:
    day = 24 * HOUR
    flares = FlareColumns(np.array([MIDNIGHT]), np.array([1e-5]), np.array([1]), np.array([0]))
    grid = align_forecasts({"a@1": forecasts((1, MIDNIGHT, 0.2), (1, MIDNIGHT + HOUR, 0.2),
                                      (2, MIDNIGHT + HOUR, 0.2), (1, MIDNIGHT + day, 0.2),
                                      (1, MIDNIGHT + day + HOUR, 0.2))})  # fmt: skip

    def persistence_of(event: int, scope: str) -> list[float]:
        case_set = make_case_set(grid, EVENTS[event], truth=flares.truth([]), scope=scope)
        return case_set.persistence.probability.tolist()

    # A peak at the time of issue is not yet known; one 24 h before it still counts.
    assert persistence_of(1, "region") == [0, 1, 0, 1, 0]
    assert persistence_of(2, "region") == [0, 0, 0, 0, 0]
    assert persistence_of(1, "disk") == [0, 1, 1, 1, 0]


def test_the_disk_takes_each_regions_newest_forecast_of_the_last_six_hours() -> None:
    disk = full_disk(
        forecasts(
            (1, MIDNIGHT - 2 * HOUR, 0.9),
            (1, MIDNIGHT, 0.5),  # newer, and midnight itself belongs to it
            (1, MIDNIGHT + HOUR, 0.9),  # too late
            (2, MIDNIGHT - 5 * HOUR, 0.2),
            (2, MIDNIGHT - HOUR, NAN),  # withheld: the one before speaks
            (3, MIDNIGHT - 6 * HOUR, 0.9),  # too old
        ),
        np.array([MIDNIGHT]),
        UNKNOWN_ACTIVITY,
    )

    # 1 - (1 - 0.5)(1 - 0.2) = 0.6
    assert disk.probability.tolist() == [[pytest.approx(0.6)] * len(EVENTS)]
    assert disk.t_rec.tolist() == [MIDNIGHT.item()]


def test_the_disk_takes_the_recent_flares_too() -> None:
    ever = Window(datetime(2000, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))
    quiet = DiskActivity(NO_TIMES, NO_TIMES, np.zeros(0), [ever])
    midnights = np.array([MIDNIGHT])

    of_24_h = full_disk(forecasts((1, MIDNIGHT, 0.5)), midnights, quiet)
    of_day_2 = full_disk(
        forecasts((1, MIDNIGHT, 0.5)), midnights, quiet, window=forecast_window("d2")
    )

    # Even odds, and those of a Sun without a flare: half of them is left in log-odds.
    for found, suffix in ((of_24_h, ""), (of_day_2, "/d2")):
        quiet = np.array([disk_activity(f"{event.name}{suffix}", [0] * 7)[0] for event in EVENTS])
        odds = np.sqrt(quiet / (1 - quiet))
        assert found.probability[0] == pytest.approx(odds / (1 + odds))


def test_the_disk_withholds_when_all_regions_do_and_is_silent_without_any() -> None:
    day = np.timedelta64(24, "h")

    disk = full_disk(
        forecasts((1, MIDNIGHT, NAN)), np.array([MIDNIGHT, MIDNIGHT + day]), UNKNOWN_ACTIVITY
    )

    assert list(disk.t_rec) == [MIDNIGHT]
    assert np.isnan(disk.probability).all()


def test_the_grid_has_each_case_once_and_by_model_whether_it_was_forecast() -> None:
    grid = align_forecasts(
        {
            "a@1": forecasts((1, MIDNIGHT, 0.3), (2, MIDNIGHT, NAN)),
            "b@1": forecasts((2, MIDNIGHT, NAN), (1, MIDNIGHT, NAN), (1, MIDNIGHT + HOUR, 0.1)),
        }
    )

    assert grid.region_id.tolist() == [1, 2, 1]
    assert grid.made["a@1"].tolist() == [True, True, False]
    assert grid.given(EVENTS[0])["b@1"].tolist() == [False, False, True]


def test_cases_are_shared_when_every_model_of_the_day_gave_a_probability() -> None:
    later = MIDNIGHT + 24 * HOUR
    grid = align_forecasts(
        {
            "a@1": forecasts((1, MIDNIGHT, 0.3), (2, MIDNIGHT, 0.2), (1, later, 0.1)),
            "b@1": forecasts((1, MIDNIGHT, 0.4), (2, MIDNIGHT, NAN)),
            "mute@1": forecasts((1, MIDNIGHT, NAN)),
        }
    )

    # On the second day b has no forecast, so that a shares its cases with nobody but itself.
    assert grid.shared(EVENTS[0]).tolist() == [True, False, True]


def test_the_grid_without_forecasts_is_empty() -> None:
    grid = align_forecasts({"a@1": forecasts(), "b@1": forecasts()})

    assert len(grid.t) == 0
    assert grid.shared(EVENTS[0]).tolist() == []
