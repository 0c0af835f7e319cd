"""A forecast over its threshold becomes one alert, and stays one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from alert_calls import HIGH, LOW, MODEL, RULES, URL, Hourly, MakeApp, changes_told, listed, send
from flask.testing import FlaskClient
from handmade_models import HandmadeModel, line_up


def test_a_lasting_rise_opens_an_alert_of_each_event(client: FlaskClient, hourly: Hourly) -> None:
    send(client, hourly(LOW, HIGH, HIGH))

    found = listed(client)

    assert [(a["event"], a["severity"], a["state"]) for a in found] == [
        ("C1.0", "R0", "open"), ("M1.0", "R1", "open"),
    ]  # fmt: skip
    assert {a["opened_at"] for a in found} == {"2014-03-01T02:00:00Z"}
    (main,) = listed(client, "?event=M1.0")
    assert main["region"] == 3721
    assert main["model"] == MODEL.model_id
    # sigmoid(4 - 2) = 0.881
    assert main["opened_probability"] == pytest.approx(0.881, abs=0.001)
    assert (main["threshold"], main["off_threshold"]) == (0.5, pytest.approx(0.3))
    assert changes_told(client) == [("C1.0", "opened"), ("M1.0", "escalated")]


def test_record_by_record_gives_the_alert_that_one_batch_gives(
    client: FlaskClient, hourly: Hourly
) -> None:
    levels = (LOW, HIGH, HIGH, HIGH + 1, *[LOW] * 30, HIGH + 2, HIGH + 2)
    send(client, hourly(*levels, harpnum=1))
    for one in hourly(*levels, harpnum=2):
        send(client, [one])

    def of(region: int) -> list[dict[str, Any]]:
        ignored = {"id", "region", "raised_at", "changed_at"}
        found = listed(client, f"?region={region}")
        return [{k: v for k, v in alert.items() if k not in ignored} for alert in found]

    assert of(1) == of(2)
    assert [a["closed_at"] for a in of(1) if a["event"] == "M1.0"] == [None, "2014-03-02T03:00:00Z"]


def test_the_same_records_again_change_nothing(client: FlaskClient, hourly: Hourly) -> None:
    rows = hourly(LOW, HIGH, HIGH)
    send(client, rows)
    before = listed(client), changes_told(client)

    send(client, rows)

    assert (listed(client), changes_told(client)) == before


def test_of_many_senders_with_the_same_rows_one_raises_the_alert(
    client: FlaskClient, hourly: Hourly
) -> None:
    rows = hourly(*[HIGH] * 30)
    start = Barrier(4)

    def deliver(sender: str) -> int:
        start.wait()
        body = {"sender": {"id": sender}, "observations": rows}
        own = client.application.test_client()
        return own.post(URL, json=body).status_code

    with ThreadPoolExecutor(4) as senders:
        assert set(senders.map(deliver, "abcd")) == {200}

    assert [a["event"] for a in listed(client)] == ["C1.0", "M1.0"]
    assert len(changes_told(client)) == 2


def test_a_late_record_neither_opens_nor_closes(client: FlaskClient, hourly: Hourly) -> None:
    send(client, hourly(LOW, LOW, start=10))
    send(client, hourly(HIGH, HIGH, HIGH, start=0))

    assert listed(client) == []


def test_only_the_live_model_raises_alerts(
    engine_sqlite: sa.Engine, make_app: MakeApp, tmp_path: Path, hourly: Hourly
) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES)
    calm = HandmadeModel("calm", ("MEANGAM",), np.array([[0.0]]), bias=-9.0)
    models = line_up(tmp_path / "models", calm, replace(MODEL, name="loud"))
    client = make_app(engine_sqlite, artifacts_dir=models, alert_rules=rules).test_client()

    send(client, hourly(HIGH, HIGH, HIGH))

    assert listed(client) == []
