from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from app_dash.region.outcomes import Outcome, flare_outcomes, forecast_outcomes, settled_at
from solar.time import Window

HOUR = np.timedelta64(1, "h")
START = np.datetime64("2014-03-28T00:00:00", "us")
COVERED = [Window(datetime(2014, 3, 1, tzinfo=UTC), datetime(2014, 3, 30, tzinfo=UTC))]
# A flare at 28 March 18:30 and forecasts at these hours after midnight of the 28th.
PEAKS = np.array([START + np.timedelta64(18 * 60 + 30, "m")])


def _outcomes(hours: list[int], probabilities: list[float]) -> list[Outcome]:
    times = START + np.array(hours) * HOUR
    return forecast_outcomes(
        times, np.array(probabilities), threshold=0.1, peaks=PEAKS, covered=COVERED
    )


def test_each_forecast_is_judged_by_the_flares_of_its_24_hours() -> None:
    # -6 h ends at 18:00, before the flare; -5 h ends at 19:00 and holds it; so does 18 h;
    # 19 h begins behind it.
    found = _outcomes([-6, -5, 18, 19], [0.5, 0.5, 0.05, 0.5])

    assert found == [Outcome.FALSE_ALARM, Outcome.HIT, Outcome.MISS, Outcome.FALSE_ALARM]


def test_a_quiet_forecast_without_a_flare_is_quiet() -> None:
    assert _outcomes([-6], [0.05]) == [Outcome.QUIET]


def test_a_probability_on_the_threshold_is_a_warning() -> None:
    assert _outcomes([0], [0.1]) == [Outcome.HIT]


def test_an_open_window_is_unknown_unless_the_flare_has_already_occurred() -> None:
    late = np.array([np.datetime64("2014-03-30T05:00:00", "us")])

    found = forecast_outcomes(
        START + np.array([25, 40]) * HOUR, np.array([0.5, 0.5]), threshold=0.1, peaks=late,
        covered=COVERED,
    )  # fmt: skip

    # 25 h ends at 30 March 01:00, behind the covered time, without a flare; 40 h holds 05:00.
    assert found == [Outcome.UNKNOWN, Outcome.HIT]


def test_no_forecast_has_no_outcome() -> None:
    assert _outcomes([0], [np.nan]) == [Outcome.UNKNOWN]


def test_a_flare_is_judged_by_the_forecast_that_stood_when_it_peaked() -> None:
    times = START + np.array([17, 18, 19]) * HOUR
    peaks = PEAKS + np.array([0, 60]) * np.timedelta64(1, "m")

    found = flare_outcomes(peaks, times, np.array([0.5, 0.05, 0.5]), threshold=0.1)

    # At 18:30 the forecast of 18:00 stood (0.05), at 19:30 the one of 19:00 (0.5).
    assert found == [Outcome.MISS, Outcome.HIT]


def test_a_flare_without_a_forecast_of_the_last_day_is_unknown() -> None:
    times = START + np.array([-6, 19]) * HOUR

    found = flare_outcomes(PEAKS, times, np.array([0.5, 0.5]), threshold=0.1)

    # 18:30 is 24.5 h after the first forecast and before the second.
    assert found == [Outcome.UNKNOWN]


def test_a_withheld_forecast_does_not_count() -> None:
    times = START + np.array([17, 18]) * HOUR

    found = flare_outcomes(PEAKS, times, np.array([0.5, np.nan]), threshold=0.1)

    assert found == [Outcome.HIT]


def test_the_threshold_may_differ_from_forecast_to_forecast() -> None:
    times = np.array(["2014-03-01T00", "2014-03-01T01", "2014-03-01T02"], "datetime64[us]")
    peaks = np.array(["2014-03-01T05"], "datetime64[us]")
    limits = np.array([0.1, 0.5, np.nan])

    found = forecast_outcomes(times, np.full(3, 0.3), threshold=limits, peaks=peaks, covered=[])

    assert found == [Outcome.HIT, Outcome.MISS, Outcome.UNKNOWN]


def test_an_outcome_is_settled_by_the_first_flare_or_by_the_end_of_its_day() -> None:
    times = np.array(["2014-03-01T00", "2014-03-03T00"], "datetime64[us]")
    peaks = np.array(["2014-03-01T05", "2014-03-01T09"], "datetime64[us]")

    found = settled_at(times, peaks)

    expected = np.array(["2014-03-01T05", "2014-03-04T00"], "datetime64[us]")
    np.testing.assert_array_equal(found, expected)
