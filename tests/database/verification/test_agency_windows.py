"""The windows of an agency over the disk, by hand: truth, references, marks, and as known then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from database.agencies.forecasts import AgencyForecast, store_forecasts
from database.engine import reading, transact
from database.flares.flares import FlareRecord, store_flares
from database.known import known_at
from database.rollup_days import count_stale
from database.verification.entrants import PRIOR_RATES, prior_rate
from database.verification.rollup import refresh
from database.verification.skill import skill
from solar.flares import FluxScale, event
from solar.time import Window
from solar.windows import WINDOWS, forecast_window

AGENCY = "swpc@1"
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
FIRST = datetime(2014, 3, 1, tzinfo=UTC)
COVERED = Window(FIRST - 30 * DAY, FIRST + 12 * DAY)
# By hours after FIRST.
PEAKS = (-3, 5, 20, 30, 75, 76, 130, 200)
N_DAYS = 8


def store_peaks(connection: sa.Connection, *hours: int) -> None:
    flares = [
        FlareRecord(at - HOUR / 6, at, at + HOUR / 6, "M2.0", FluxScale.OPERATIONAL)
        for at in (FIRST + hour * HOUR for hour in hours)
    ]
    store_flares(connection, flares, source="list", covers=COVERED, now=COVERED.end_at)


@pytest.fixture
def forecast(engine_sqlite: sa.Engine) -> sa.Engine:
    """Forecast M1.0+ with 0.1, 0.2 … for every window of every day."""
    rows = [
        AgencyForecast(
            0,
            FIRST + k * DAY + window.latency,
            None,
            (None, (k + 1) / 10, None, None),
            FIRST + k * DAY,
            window,
        )
        for window in WINDOWS
        for k in range(N_DAYS)
    ]

    def work(connection: sa.Connection) -> None:
        store_forecasts(connection, AGENCY, rows, now=FIRST)
        store_peaks(connection, *PEAKS)

    transact(engine_sqlite, work)
    refresh(engine_sqlite)
    return engine_sqlite


def ask(engine: sa.Engine, window: str, **changes: Any) -> dict[str, Any]:
    name = "M1.0" if window == "24h" else f"M1.0/{window}"
    asked = {"event": name, "window": None, "scope": "disk", "resamples": 10, "threshold": 0.5}
    with reading(engine) as connection:
        return skill(connection, model_id=AGENCY, **asked | changes)


def flared(start: float, end: float) -> bool:
    return any(start <= peak < end for peak in PEAKS)


@pytest.mark.parametrize("window", [window.name for window in WINDOWS])
def test_a_case_is_what_came_between_latency_and_the_end_of_validity(
    forecast: sa.Engine, window: str
) -> None:
    latency, validity = {
        "6h": (0, 6),
        "12h": (0, 12),
        "24h": (0, 24),
        "48h": (0, 48),
        "d2": (24, 24),
        "d3": (48, 24),
    }[window]

    body = ask(forecast, window)

    begins = [24 * k for k in range(N_DAYS)]
    came = np.array([flared(t + latency, t + latency + validity) for t in begins])
    before = np.array([flared(t - validity, t) for t in begins])
    p = np.arange(1, N_DAYS + 1) / 10
    assert (body["n"], body["n_events"]) == (N_DAYS, came.sum())
    assert body["scores"]["brier"]["value"] == pytest.approx(np.mean((p - came) ** 2))
    entrants = {one["model"]: one for one in body["entrants"]}
    wrong = np.mean((before.astype(float) - came) ** 2)
    assert entrants["persistence"]["scores"]["brier"]["value"] == pytest.approx(wrong)
    # Of the days that had ended a day before; the case of 48 h ends with its day.
    rate = prior_rate(event("M1.0").within(forecast_window(window)), "disk")
    climate = []
    for day in range(N_DAYS):
        starts = [24 * d - max(validity - 24, 0) for d in range(-30, day - 1)]
        past = [flared(s, s + validity) for s in starts if s >= -30 * 24]
        climate.append((sum(past) + 10 * rate) / (len(past) + 10))
    wrong = np.mean((np.array(climate) - came) ** 2)
    value = entrants["climatology-120d"]["scores"]["brier"]["value"]
    assert value == pytest.approx(wrong)


def test_no_model_and_no_region_has_cases_of_another_window(forecast: sa.Engine) -> None:
    for scope, region in (("region", None), ("region", 3894)):
        body = ask(forecast, "d2", scope=scope, region_id=region)
        assert (body["n"], body["scores"]["bss"]["value"]) == (0, None)


def test_a_flare_that_comes_late_is_counted_on_day_3_two_days_before(forecast: sa.Engine) -> None:
    before = ask(forecast, "d3")["n_events"]

    transact(forecast, lambda c: store_peaks(c, 172))

    with reading(forecast) as connection:
        assert count_stale(connection, (FIRST + 5 * DAY).date(), (FIRST + 5 * DAY).date()) == 1
    refresh(forecast)
    assert ask(forecast, "d3")["n_events"] == before + 1


def test_as_of_a_time_windows_that_had_not_closed_have_no_outcome(forecast: sa.Engine) -> None:
    at = FIRST + 4 * DAY + 12 * HOUR

    then = {w: ask(known_at(forecast, at), w) for w in ("24h", "d2", "d3")}

    # Days 1 to 5 were issued; the last outcome known is that of the fourth, third and second.
    counted = {w: (body["n"], body["n_unknown"]) for w, body in then.items()}
    assert counted == {"24h": (4, 1), "d2": (3, 2), "d3": (2, 3)}


def test_the_prior_of_a_window_is_that_of_as_many_days() -> None:
    of_day = PRIOR_RATES["disk"]["M1.0"]

    rates = {w.name: prior_rate(event("M1.0").within(w), "disk") for w in WINDOWS}

    assert rates["24h"] == rates["d2"] == rates["d3"] == pytest.approx(of_day)
    assert rates["48h"] == pytest.approx(1 - (1 - of_day) ** 2)
    assert rates["6h"] < rates["12h"] < rates["24h"]
