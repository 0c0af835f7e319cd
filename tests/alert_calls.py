"""Records that raise alerts, and what is asked of the API about them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from handmade_models import HandmadeModel

from app.alerts.alerting import judge_alerts
from app.services import Services
from database.engine import reading
from database.schema.tables import notices

MakeApp = Callable[..., Flask]
Row = Callable[..., dict[str, Any]]

START = datetime(2014, 3, 1, tzinfo=UTC)
URL = "/api/v1/observations"
# p(C1.0+) is the sigmoid of MEANGAM - 50, and M1.0+ has its odds divided by e squared.
MODEL = HandmadeModel("point", ("MEANGAM",), np.array([[1.0]]), bias=-50.0)
# So M1.0+ has 0.88 and 0.0025; the handmade threshold is far from both.
HIGH, LOW = 54.0, 46.0
RULES = """
[[rule]]
event = "M1.0"
on = 0.5
[[rule]]
event = "C1.0"
on = 0.9
"""

Hourly = Callable[..., list[dict[str, Any]]]


def send(client: FlaskClient, rows: list[dict[str, Any]]) -> None:
    answer = client.post(URL, json={"observations": rows})
    assert answer.status_code == 200, answer.text


def listed(client: FlaskClient, query: str = "") -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.get(f"/api/v1/alerts{query}").get_json()["items"]
    return items


def judged(client: FlaskClient) -> None:
    given: Services = client.application.extensions["flarewatch"]
    judge_alerts(given.engine, given.alert_config, now=given.clock() + timedelta(hours=1))


def changes_told(client: FlaskClient) -> list[tuple[str, str]]:
    with reading(client.application.extensions["flarewatch"].engine) as connection:
        rows = connection.execute(sa.select(notices.c.alert_id, notices.c.change))
        return sorted((row.alert_id.split("-")[0], row.change) for row in rows)


def post_flares(client: FlaskClient, *flares: dict[str, Any], days: int = 10) -> None:
    covers = {"from": "2014-02-20T00:00:00Z", "to": (START + timedelta(days=days)).isoformat()}
    answer = client.post("/api/v1/flares", json={"flares": list(flares), "covers": covers})
    assert answer.status_code == 200, answer.text
