from __future__ import annotations

import csv
import io
import json
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from played_replay import replay
from stocked_store import MODEL, NOW, stock

from app_dash.create_app import create_app
from app_dash.settings import DashSettings
from app_dash.shared.url_state import SKILL_CSV_PATH, SKILL_JSON_PATH
from app_dash.skill.data import COLUMNS, csv_text
from database.rollup_days import mark_stale
from database.verification import skill as verification
from database.verification.rollup import refresh


@pytest.fixture
def client(engine_sqlite: sa.Engine) -> FlaskClient:
    stock(engine_sqlite)
    with engine_sqlite.begin() as connection:
        mark_stale(connection, [date(2014, 3, day) for day in range(26, 30)])
    refresh(engine_sqlite)
    return create_app(engine_sqlite, DashSettings(_env_file=None)).server.test_client()


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_json_file_is_the_report_with_its_strata(client: FlaskClient) -> None:
    answer = client.get(f"{SKILL_JSON_PATH}?event=C1.0&range=all")

    body = json.loads(answer.data)
    assert (body["model"], body["event"]) == (MODEL, "C1.0")
    assert {"scores", "entrants", "strata"} <= set(body)
    assert f"skill_{MODEL.replace('@', '-')}_C1.0" in answer.headers["Content-Disposition"]


@pytest.mark.parametrize("path", [SKILL_JSON_PATH, SKILL_CSV_PATH])
def test_a_file_of_a_replay_says_so(
    client: FlaskClient, engine_sqlite: sa.Engine, path: str
) -> None:
    before = client.get(f"{path}?range=all")
    replay(engine_sqlite, NOW)

    after = client.get(f"{path}?range=all")

    assert "Flarewatch-Mode" not in before.headers
    assert after.headers["Flarewatch-Mode"] == "historical"
    assert 'filename="historical_skill_' in after.headers["Content-Disposition"]
    if path == SKILL_JSON_PATH:
        assert (before.get_json().get("mode"), after.get_json()["mode"]) == (None, "historical")


def test_the_csv_file_says_the_same_as_the_json_file(client: FlaskClient) -> None:
    search = "?event=C1.0&range=all&threshold=0.2"
    body = json.loads(client.get(SKILL_JSON_PATH + search).data)

    rows = rows_of(client.get(SKILL_CSV_PATH + search).data.decode())

    own = {row["quantity"]: row for row in rows if row["model"] == MODEL}
    assert tuple(rows[0]) == COLUMNS
    assert int(own["n"]["value"]) == body["n"]
    assert float(own["tss"]["value"]) == body["scores"]["tss"]["value"]
    assert {row["model"] for row in rows} == {MODEL, *verification.ENTRANTS}


def test_an_undefined_score_is_empty_and_not_zero() -> None:
    part: dict[str, Any] = {
        "model": MODEL, "threshold": {"value": 0.1}, "n": 3, "n_events": 0, "n_unknown": 0,
        "n_withheld": 0, "coverage": 1.0, "base_rate": 0.0, "contingency": None,
        "scores": {"tss": {"value": None, "low": None, "high": None}},
    }  # fmt: skip

    text = csv_text({**part, "event": "X1.0", "scope": "region", "from": "2014-03-26",
                     "to": "2014-03-30", "entrants": []})  # fmt: skip

    assert rows_of(text)[-1]["quantity"] == "tss"
    assert rows_of(text)[-1]["value"] == ""


def test_an_address_that_cannot_be_read_is_explained(client: FlaskClient) -> None:
    answer = client.get(f"{SKILL_CSV_PATH}?threshold=7")

    assert answer.status_code == 422
    assert b"threshold" in answer.data
