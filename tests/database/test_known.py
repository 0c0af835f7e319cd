"""As of a time a store says what it would say if nothing later had ever come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from raised_alerts import raised
from random_stores import FIRST, Scenario, scenarios
from random_stores import stock as stock_any
from stocked_store import MODEL, NOW, stock
from stored_rows import store_leads

from database.agencies.forecasts import AgencyForecast, load_disk_forecasts, store_forecasts
from database.agencies.region_reports import RegionReport, list_reports, store_reports
from database.alerts.alerts import Alert, list_alerts, write_alerts
from database.engine import reading, transact, writing
from database.flares.coverage import covered_windows
from database.flares.flares import FlareRecord, list_flares, store_flares
from database.flares.xray import XrayMinute, flux_line, store_flux
from database.known import flares_known_until, known_at, known_until
from database.regions.current import data_state, data_version
from database.regions.timeline import find_region
from database.rollup_days import mark_stale
from database.schema import tables
from database.schema.forecast_tables import lead_forecasts
from database.verification.rollup import refresh
from database.verification.skill import skill
from database.verification.strata import strata
from solar.flares import LEADS, FluxScale
from solar.time import Window

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EVER = Window(datetime(1972, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))


@pytest.fixture
def stocked(engine: sa.Engine) -> sa.Engine:
    stock(engine)
    return engine


def flare(peak_at: datetime, goes_class: str, *, lasts: timedelta) -> FlareRecord:
    start_at, end_at = peak_at - timedelta(minutes=10), peak_at + lasts
    return FlareRecord(start_at, peak_at, end_at, goes_class, FluxScale.OPERATIONAL, harpnum=3894)


def alert(**changes: Any) -> Alert:
    at = NOW - 20 * HOUR
    fields = {"model_id": MODEL, "opened_at": at, "opened_probability": 0.2, "off_threshold": 0.1}
    return raised(**fields | {"peak_at": at, "peak_probability": 0.3, "last_over_at": at} | changes)


def known_alerts(engine: sa.Engine, at: datetime) -> list[Alert]:
    with reading(known_at(engine, at)) as connection:
        return list_alerts(connection, limit=10)


def test_without_a_time_nothing_is_bounded(stocked: sa.Engine) -> None:
    assert known_at(stocked, None) is stocked

    with reading(known_at(known_at(stocked, NOW - DAY), None)) as connection:
        assert known_until(connection) is None
        assert data_state(connection).newest_t_rec == NOW


def test_records_and_forecasts_of_later_do_not_exist(stocked: sa.Engine) -> None:
    at = NOW - 30 * HOUR - timedelta(minutes=1)

    with reading(known_at(stocked, at)) as connection:
        state, region = data_state(connection), find_region(connection, 3894)

    assert state.newest_t_rec == region.last_t_rec == NOW - 31 * HOUR
    assert {row.t_rec for row in state.latest.values()} == {NOW - 31 * HOUR}
    assert region.lon_fwt == 33.0


def test_a_flare_is_known_from_its_end_and_the_list_is_complete_up_to_its_start(
    stocked: sa.Engine,
) -> None:
    peak_at = NOW - HOUR
    long = flare(peak_at, "X1.0", lasts=40 * timedelta(minutes=1))
    transact(stocked, lambda c: store_flares(c, [long], source="s", covers=None, now=NOW))

    def seen(at: datetime) -> tuple[bool, datetime]:
        with reading(known_at(stocked, at)) as connection:
            flares = list_flares(connection, window=EVER, limit=100)
            return long.peak_at in {f.peak_at for f in flares}, covered_windows(connection)[
                -1
            ].end_at

    assert seen(peak_at + 39 * timedelta(minutes=1)) == (False, long.start_at)
    assert seen(peak_at + 40 * timedelta(minutes=1)) == (True, long.end_at)
    with reading(known_at(stocked, peak_at)) as connection:
        assert flares_known_until(connection) == long.start_at


def test_minutes_reports_and_forecasts_of_others_are_known_from_their_time(
    stocked: sa.Engine,
) -> None:
    at, midnight = NOW - HOUR, NOW.replace(hour=0)
    minutes = [XrayMinute(at + k * timedelta(minutes=1), 1e-6, "G15") for k in (-1, 0, 1)]
    reports = [
        RegionReport("s", 12017, at + k * HOUR, 1.0, 1.0, None, None, None, None) for k in (0, 1)
    ]
    forecasts = [
        AgencyForecast(0, midnight - DAY, None, (0.5, 0.2, None, 0.1), midnight - DAY),
        AgencyForecast(1, midnight, None, (0.5, 0.2, None, 0.1), NOW),
        AgencyForecast(2, midnight, 12017, (0.5, 0.2, None, 0.1), NOW),
    ]
    transact(stocked, lambda c: store_flux(c, minutes))
    transact(stocked, lambda c: store_reports(c, reports, now=NOW))
    transact(stocked, lambda c: store_forecasts(c, "agency@1", forecasts, now=NOW))

    with reading(known_at(stocked, at)) as connection:
        line = flux_line(connection, Window(at - HOUR, at + HOUR))
        listed = list_reports(connection, window=EVER, limit=10)
        of_disk = load_disk_forecasts(connection, "agency@1", window=EVER)
        of_region = connection.scalar(
            sa.select(sa.func.count())
            .select_from(tables.predictions)
            .where(tables.predictions.c.model_id == "agency@1")
        )

    assert line is not None
    assert sum(line.flux > 0) == 2
    assert (len(listed), len(of_disk), of_region) == (1, 1, 0)


def test_an_alert_has_the_state_and_probabilities_of_then(stocked: sa.Engine) -> None:
    closed = alert(
        state="closed", peak_at=NOW, peak_probability=0.9, last_probability=0.01,
        last_over_at=NOW, closed_at=NOW + DAY,
    )  # fmt: skip
    with writing(stocked) as connection:
        write_alerts(connection, [closed])

    assert known_alerts(stocked, closed.opened_at - HOUR) == []
    (then,) = known_alerts(stocked, NOW - 2 * HOUR)
    assert (then.state, then.closed_at) == ("open", None)
    assert then.last_over_at == NOW - 2 * HOUR
    # The store forecasts 0.35 all the time.
    assert (then.peak_probability, then.last_probability) == (0.35, 0.35)
    assert then.peak_at == closed.opened_at
    assert known_alerts(stocked, NOW + 2 * DAY) == [closed]


def test_an_alert_of_another_window_has_the_probabilities_that_this_window_had_then(
    stocked: sa.Engine,
) -> None:
    six_hours = alert(
        event="M1.0/6h",
        state="closed",
        peak_at=NOW,
        peak_probability=0.9,
        last_probability=0.01,
        last_over_at=NOW,
        closed_at=NOW + 6 * HOUR,
    )
    of_hours = {20: 0.2, 19: 0.4, 18: 0.4, 17: 0.3, 16: 0.05, 15: None, 0: 0.9}
    rows = [
        (
            3894,
            NOW - hours * HOUR,
            MODEL,
            1,
            *(p if e.name == "M1.0/6h" else 0.7 for e in LEADS),
            NOW,
        )
        for hours, p in of_hours.items()
    ]
    with writing(stocked) as connection:
        write_alerts(connection, [six_hours])
        store_leads(connection, rows)

    (then,) = known_alerts(stocked, NOW - 14 * HOUR)

    assert (then.state, then.closed_at) == ("open", None)
    assert (then.peak_at, then.peak_probability) == (NOW - 19 * HOUR, 0.4)
    # The threshold to stay open is 0.1.
    assert (then.last_over_at, then.last_probability) == (NOW - 17 * HOUR, 0.05)
    assert known_alerts(stocked, NOW + DAY) == [six_hours]


def test_an_alert_of_the_second_day_is_confirmed_once_its_flare_has_ended(
    stocked: sa.Engine,
) -> None:
    first = flare(NOW - 10 * HOUR, "M2.0", lasts=10 * timedelta(minutes=1))
    second = flare(NOW - HOUR, "M1.7", lasts=10 * timedelta(minutes=1))
    opened_at = NOW - 28 * HOUR
    of_day_2 = alert(
        event="M1.0/d2",
        opened_at=opened_at,
        peak_at=opened_at,
        last_over_at=opened_at,
        outcome="confirmed",
        outcome_class="M1.7",
        outcome_at=second.peak_at,
    )
    transact(stocked, lambda c: store_flares(c, [first, second], source="s", covers=None, now=NOW))
    with writing(stocked) as connection:
        write_alerts(connection, [of_day_2])

    (before,) = known_alerts(stocked, NOW - 2 * HOUR)
    (after,) = known_alerts(stocked, NOW)

    # That of the first day, which had ended, is none of the second.
    assert (before.outcome, before.outcome_class) == (None, None)
    assert (after.outcome, after.outcome_class) == ("confirmed", "M1.7")


def test_an_alert_is_judged_by_the_flares_of_then(stocked: sa.Engine) -> None:
    late = flare(NOW - HOUR, "X1.7", lasts=10 * timedelta(minutes=1))
    transact(stocked, lambda c: store_flares(c, [late], source="s", covers=None, now=NOW))
    outcome = {"outcome": "confirmed", "outcome_class": "X1.7", "outcome_at": late.peak_at}
    missed = {"outcome": "missed", "outcome_class": "X1.7", "outcome_at": late.peak_at}
    ended = {"state": "closed", "closed_at": NOW + DAY}
    with writing(stocked) as connection:
        write_alerts(
            connection,
            [
                alert(**outcome),
                alert(alert_id="none", region_id=3907, outcome="false alarm", **ended),
                alert(alert_id="missed", opened_at=late.peak_at, **missed),
            ],
        )

    def outcomes(at: datetime) -> dict[str, tuple[Any, ...]]:
        return {
            a.alert_id: (a.outcome, a.outcome_class, a.outcome_at)
            for a in known_alerts(stocked, at)
        }

    name = alert().alert_id
    # A flare of 2e-5 W m-2 came 20 hours before.
    first = ("confirmed", "M2.0", NOW - 20 * HOUR)
    nothing = (None, None, None)
    assert outcomes(late.peak_at) == {name: first, "none": nothing}
    assert outcomes(NOW)[name] == ("confirmed", "X1.7", late.peak_at)
    assert outcomes(NOW)["missed"] == ("missed", "X1.7", late.peak_at)
    assert outcomes(NOW)["none"] == nothing
    assert outcomes(NOW + 2 * DAY)["none"] == ("false alarm", None, None)


def test_the_version_of_the_data_changes_as_the_clock_passes_a_record(stocked: sa.Engine) -> None:
    def version(at: datetime) -> str:
        with reading(known_at(stocked, at)) as connection:
            return data_version(connection)

    quarter = timedelta(minutes=15)
    assert version(NOW - quarter) == version(NOW - 2 * quarter) != version(NOW)


def forget_later(engine: sa.Engine, at: datetime) -> None:
    """Delete what is later, and count all days again."""
    t = tables
    with writing(engine) as connection:
        connection.execute(t.predictions.delete().where(t.predictions.c.t_rec > at))
        connection.execute(lead_forecasts.delete().where(lead_forecasts.c.t_rec > at))
        connection.execute(t.observations.delete().where(t.observations.c.t_rec > at))
        connection.execute(t.flares.delete().where(t.flares.c.peak_at > at))
        covered = t.flare_coverage
        connection.execute(covered.delete().where(covered.c.from_at >= at))
        connection.execute(covered.update().where(covered.c.to_at > at).values(to_at=at))
        mark_stale(connection, {FIRST.date() + k * DAY for k in range(-2, 30)})
    refresh(engine)


def check(engine: sa.Engine, scenario: Scenario, hours: int) -> None:
    stock_any(engine, scenario)
    refresh(engine)
    at = FIRST + hours * HOUR + timedelta(minutes=7)
    asked: dict[str, Any] = {
        "model_id": "m0@1", "event": scenario.event, "scope": scenario.scope,
        "window": Window(FIRST, FIRST + 30 * DAY), "resamples": 20,
    }  # fmt: skip

    def reports(store: sa.Engine) -> list[dict[str, Any]]:
        with reading(store) as connection:
            own, shared = (skill(connection, **asked, cases=name) for name in ("own", "shared"))
            return [own, shared, strata(connection, **asked)]

    known = reports(known_at(engine, at))
    forget_later(engine, at)
    assert known == reports(engine)


EXAMPLE = Scenario(5, 2, 12, 40, 0.1, 0.2, "M1.0", "region", 0.1, None, 0)


def test_skill_is_that_of_a_store_that_never_got_what_is_later(engine: sa.Engine) -> None:
    check(engine, EXAMPLE, 200)


@pytest.mark.thorough
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scenarios)
def test_skill_of_any_store_is_that_of_one_that_never_got_what_is_later(
    engine_sqlite: sa.Engine, scenario: Scenario
) -> None:
    check(engine_sqlite, scenario, scenario.seed % (24 * scenario.n_days + 48))
