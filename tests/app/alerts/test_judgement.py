"""An alert gets its end and its outcome from the records and flares that come."""

from __future__ import annotations

from datetime import timedelta

import pytest
from alert_calls import HIGH, LOW, Hourly, Row, judged, listed, post_flares, send
from flask.testing import FlaskClient

from app.alerts import alerting
from app.alerts.alerting import AlertJudge
from app.services import Services
from database.alerts import outcomes


def test_an_alert_confirmed_by_a_flare_says_by_which(
    client: FlaskClient, hourly: Hourly, flare_row: Row
) -> None:
    send(client, hourly(HIGH, HIGH, *[LOW] * 26))
    late = {"start": "2014-03-01T10:00:00Z", "peak": "2014-03-01T10:05:00Z", "end": None}
    later = {"start": "2014-03-01T12:00:00Z", "peak": "2014-03-01T12:05:00Z", "end": None}
    post_flares(client, flare_row(**late, goes_class="M2.6"), flare_row(**later))

    judged(client)

    (main,) = listed(client, "?event=M1.0")
    assert (main["state"], main["outcome"], main["outcome_class"]) == (
        "closed", "confirmed", "M2.6",
    )  # fmt: skip
    assert main["outcome_at"] == "2014-03-01T10:05:00Z"


def test_nothing_in_a_complete_list_is_a_false_alarm(client: FlaskClient, hourly: Hourly) -> None:
    send(client, hourly(HIGH, HIGH, *[LOW] * 26))
    post_flares(client, days=1)
    judged(client)
    # The list ends before the alert does, so a flare may still be reported.
    assert {a["outcome"] for a in listed(client)} == {None}

    post_flares(client, days=10)
    judged(client)

    assert {a["outcome"] for a in listed(client)} == {"false alarm"}


def test_a_flare_without_a_region_leaves_the_outcome_unknown(
    client: FlaskClient, hourly: Hourly, flare_row: Row
) -> None:
    send(client, hourly(HIGH, HIGH, *[LOW] * 26))
    times = {"start": "2014-03-01T10:00:00Z", "peak": "2014-03-01T10:05:00Z", "end": None}
    post_flares(client, flare_row(**times, noaa_ar=None, goes_class="C2.0"))

    judged(client)

    outcomes = {a["event"]: a["outcome"] for a in listed(client)}
    assert outcomes == {"C1.0": "unknown", "M1.0": "false alarm"}


def test_a_flare_that_no_alert_announced_is_missed_until_the_list_is_revised(
    client: FlaskClient, hourly: Hourly, flare_row: Row
) -> None:
    send(client, hourly(*[LOW] * 48))
    times = {"start": "2014-03-01T10:00:00Z", "peak": "2014-03-01T10:05:00Z", "end": None}
    post_flares(client, flare_row(**times, goes_class="M1.4"))
    judged(client)
    judged(client)

    found = listed(client)
    assert [(a["event"], a["outcome"], a["outcome_class"]) for a in found] == [
        ("C1.0", "missed", "M1.4"), ("M1.0", "missed", "M1.4"),
    ]  # fmt: skip
    # sigmoid(-4 - 2) = 0.0025: what was said in the hour before.
    assert found[1]["opened_probability"] == pytest.approx(0.0025, abs=0.0001)

    post_flares(client, flare_row(**times, goes_class="C5.0"))
    judged(client)
    assert [(a["event"], a["outcome_class"]) for a in listed(client)] == [("C1.0", "C5.0")]


def test_a_flare_of_a_region_without_a_forecast_was_not_missed(
    client: FlaskClient, hourly: Hourly, flare_row: Row
) -> None:
    send(client, hourly(*[LOW] * 48, lon_fwt=80.0))
    times = {"start": "2014-03-01T10:00:00Z", "peak": "2014-03-01T10:05:00Z", "end": None}
    post_flares(client, flare_row(**times))

    judged(client)

    assert listed(client) == []


def test_the_alert_of_a_region_that_fell_silent_closes_and_goes_on_when_it_speaks_again(
    client: FlaskClient, hourly: Hourly
) -> None:
    send(client, hourly(HIGH, HIGH, harpnum=1))
    send(client, hourly(LOW, start=30, harpnum=2))

    judged(client)
    assert {a["closed_at"] for a in listed(client)} == {"2014-03-02T01:00:00Z"}

    send(client, hourly(HIGH, start=20, harpnum=1))
    assert [(a["state"], a["closed_at"]) for a in listed(client)] == [("open", None)] * 2


def test_more_alerts_than_are_read_at_a_time_are_all_judged(
    client: FlaskClient, hourly: Hourly, flare_row: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcomes, "_ROWS_PER_PAGE", 2)
    for harpnum in range(1, 6):
        send(client, hourly(HIGH, HIGH, *[LOW] * 26, harpnum=harpnum))
    for harpnum in range(6, 9):
        send(client, hourly(*[LOW] * 28, harpnum=harpnum))
    missed = [
        flare_row(start=at, peak=at, end=None, noaa_ar=None, harpnum=number)
        for number in (6, 7, 8)
        if (at := f"2014-03-01T{number:02d}:00:00Z")
    ]
    post_flares(client, *missed, days=10)

    judged(client)
    judged(client)

    found = [(a["region"], a["outcome"]) for a in listed(client, "?event=M1.0")]
    assert sorted(found) == [
        *((number, "false alarm") for number in range(1, 6)),
        *((number, "missed") for number in (6, 7, 8)),
    ]


def test_judging_again_happens_only_when_something_has_come(
    client: FlaskClient, hourly: Hourly, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: Services = client.application.extensions["flarewatch"]
    monkeypatch.setattr(alerting, "_REST_FACTOR", 0)
    judge = AlertJudge()
    later = given.clock() + timedelta(hours=1)
    send(client, hourly(HIGH, HIGH, *[LOW] * 26))
    post_flares(client)

    first = judge.judge_if_changed(given.engine, given.alert_config, now=later)
    again = [judge.judge_if_changed(given.engine, given.alert_config, now=later) for _ in range(2)]

    assert (first, again) == (2, [0, 0])


def test_while_records_stream_in_most_of_the_time_is_left_to_them(
    client: FlaskClient, hourly: Hourly, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerting, "_REST_FACTOR", 1e6)
    given: Services = client.application.extensions["flarewatch"]
    judge = AlertJudge()
    later = given.clock() + timedelta(hours=1)
    send(client, hourly(HIGH, HIGH, *[LOW] * 26))
    judge.judge_if_changed(given.engine, given.alert_config, now=later)

    post_flares(client)

    assert judge.judge_if_changed(given.engine, given.alert_config, now=later) == 0
