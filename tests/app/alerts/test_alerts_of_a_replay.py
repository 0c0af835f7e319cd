"""In a replay no alert is judged by, and no notification tells of, what comes after its clock."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from alert_calls import HIGH, LOW, START, Hourly, Row, listed, post_flares, send
from flask.testing import FlaskClient
from mail_server import mail_server
from pydantic import SecretStr
from told_times import times
from webhook_receiver import receiving

from app.alerts.alerting import judge_alerts
from app.notifications.channels import Channel, DryRunChannel, Mail
from app.notifications.delivery import deliver_due
from app.services import Services
from solar.time import isoformat

HOUR = timedelta(hours=1)
CLOCK = "/api/v1/clock"


def at(hours: float) -> str:
    return isoformat(START + hours * HOUR)


@pytest.fixture
def paused(client: FlaskClient, hourly: Hourly) -> FlaskClient:
    """A replay of two days, paused at 02:00, when an alert has been open for an hour."""
    span = {"starts": at(0), "ends": at(48)}
    client.post(CLOCK, json={"sender": "s1", "speed": None, **span})
    send(client, hourly(HIGH, HIGH, HIGH))
    assert client.put(CLOCK, json={"action": "pause"}).get_json()["now"] == at(2)
    return client


def services(client: FlaskClient) -> Services:
    found: Services = client.application.extensions["flarewatch"]
    return found


def judge(client: FlaskClient) -> int:
    running = services(client)
    later = running.clock() + HOUR
    now = running.sun_clock.now()
    return judge_alerts(running.known_at(), running.alert_config, now=later, event_at=now)


def play_to(client: FlaskClient, hours: float) -> None:
    answer = client.put(CLOCK, json={"action": "jump", "to": at(hours)})
    assert answer.get_json()["now"] == at(hours)


def outcomes(client: FlaskClient) -> list[tuple[str, str, str | None]]:
    return sorted((a["event"], a["state"], a["outcome"]) for a in listed(client))


def deliver(client: FlaskClient, channel: Channel) -> int:
    running = services(client)
    wall = running.clock() + HOUR
    return deliver_due(running.engine, {"webhook": channel}, notify_replay=True, clock=lambda: wall)


def test_a_flare_that_has_not_ended_decides_no_alert_though_the_whole_list_is_there(
    paused: FlaskClient, flare_row: Row
) -> None:
    post_flares(paused, flare_row(start=at(2.5), peak=at(2.75), end=at(3)))

    assert (judge(paused), outcomes(paused)) == (
        0,
        [("C1.0", "open", None), ("M1.0", "open", None)],
    )

    play_to(paused, 3)
    assert (judge(paused), judge(paused)) == (2, 0)
    assert outcomes(paused) == [("C1.0", "open", "confirmed"), ("M1.0", "open", "confirmed")]


def test_a_record_after_the_clock_closes_no_alert(paused: FlaskClient, hourly: Hourly) -> None:
    send(paused, hourly(LOW, start=40, harpnum=2))

    assert judge(paused) == 0

    play_to(paused, 41)
    assert judge(paused) == 2
    assert {a["closed_at"] for a in listed(paused)} == {at(26)}


@pytest.fixture
def early(paused: FlaskClient, hourly: Hourly, flare_row: Row) -> FlaskClient:
    """With records, X-ray minutes and flares of later times, which come early."""
    post_flares(paused, flare_row(start=at(2.5), peak=at(2.75), end=at(3)))
    send(paused, hourly(HIGH, HIGH, HIGH, start=3, harpnum=2))
    minutes = [
        {"minute_at": at(2 + k / 60), "flux_w_m2": flux}
        for k, flux in enumerate([1e-7, 1e-6, 5e-6, 2e-5, 3e-5, 1e-6, 1e-6, 1e-6])
    ]
    answer = paused.post("/api/v1/xray-flux", json={"satellite": "G15", "flux": minutes})
    assert answer.status_code == 200, answer.text
    judge(paused)
    return paused


@contextmanager
def by_webhook() -> Iterator[tuple[Channel, Callable[[], list[str]]]]:
    with receiving() as receiver:
        yield receiver.webhook(), lambda: [post.body.decode() for post in receiver.posts]


@contextmanager
def by_mail() -> Iterator[tuple[Channel, Callable[[], list[str]]]]:
    with mail_server() as server:
        url = SecretStr(f"smtp://127.0.0.1:{server.port}")
        channel = Mail(url, "flares@example.org", ("desk@example.org",))
        yield channel, lambda: [letter.decode() for letter in server.letters]


@pytest.mark.parametrize("channel_of", [by_webhook, by_mail])
def test_no_notification_tells_of_a_time_after_the_clock_and_each_is_sent_once_it_has_come(
    early: FlaskClient, channel_of: Callable[[], AbstractContextManager[Any]]
) -> None:
    with channel_of() as (channel, messages):
        told = []
        for hours in (2, 2.1, 3, 6):
            play_to(early, hours)
            judge(early)
            deliver(early, channel)
            assert later_than(hours, messages()) == set()
            told.append(len(messages()))

    # Two alerts; the level and the flare of the X-rays; two outcomes; two alerts of region 2.
    assert told == [2, 4, 6, 8]


def test_the_log_of_a_dry_run_tells_of_no_time_after_the_clock(
    early: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    for hours, n in ((2, 2), (2.1, 2)):
        play_to(early, hours)
        caplog.clear()
        assert deliver(early, DryRunChannel()) == n
        assert later_than(hours, caplog.messages) == set()

    assert "X-ray flux M2.0 at 2014-03-01T02:03:00Z" in caplog.text


def later_than(hours: float, messages: Sequence[str]) -> set[datetime]:
    """Return the times after a clock, but those of the wall, which the Date of a mail tells."""
    found = times("".join(messages), year=START.year)
    return {one for one in found if START + hours * HOUR < one < START.replace(year=2020)}
