"""API, ingest and senders in the frame, and the status on the dashboard's own port."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from component_tree import words
from flask.testing import FlaskClient
from processes import free_port
from status_facts import NOW, answered, away, facts
from stocked_store import stock

from app_dash.create_app import create_app
from app_dash.frame.states import chip, line, rail, states, worst
from app_dash.settings import DashSettings

OUTPUTS = [
    {"id": "api-status", "property": "children"},
    {"id": "states", "property": "children"},
    {"id": "states-line", "property": "children"},
    {"id": "states-line", "property": "className"},
]


@pytest.fixture
def without_api(engine_sqlite: sa.Engine) -> FlaskClient:
    stock(engine_sqlite)
    settings = DashSettings(api_url=f"http://127.0.0.1:{free_port()}", _env_file=None)
    return create_app(engine_sqlite, settings).server.test_client()


def test_the_header_says_how_api_ingest_and_senders_are() -> None:
    well = states(answered(), is_api_up=True)
    one_silent = states(answered(silent=1), is_api_up=True)

    assert words(chip(well)) == "API up · Ingest 2 s ago · Senders 2 active"
    assert words(chip(one_silent)) == "API up · Ingest 2 s ago · Senders 2 active, 1 silent"
    assert [worst(well), worst(one_silent)] == ["ok", "stale"]
    assert words(rail(well)) == "APIupIngest2 sSenders2 active"


def test_while_api_or_store_are_away_the_strip_says_so_and_what_it_means() -> None:
    api_away = states(answered(), is_api_up=False)
    store_away = states(away(facts()), is_api_up=True)

    assert worst(api_away) == worst(store_away) == "error"
    assert words(line(api_away)).startswith("API down · Ingest 2 s ago")
    assert "What the pages show may not be current." in words(line(api_away))
    assert "Store away · Ingest and senders we do not know" in words(line(store_away))


def test_a_store_to_which_nothing_came_says_so() -> None:
    new = states(answered(ingest_at=None, active=0), is_api_up=True)

    assert words(chip(new)) == "API up · Ingest none yet · Senders none yet"


def test_at_each_tick_header_strip_and_rail_say_that_the_api_is_down(
    without_api: FlaskClient,
) -> None:
    body = {
        "output": "..{}..".format("...".join(f"{o['id']}.{o['property']}" for o in OUTPUTS)),
        "outputs": OUTPUTS,
        "inputs": [{"id": "tick", "property": "n_intervals", "value": 1}],
        "changedPropIds": ["tick.n_intervals"],
        "state": [],
    }

    answer = without_api.post("/_dash-update-component", json=body).get_json()["response"]

    assert answer["states-line"]["className"] == "states-line error"
    for part in ("api-status", "states", "states-line"):
        assert '"down"' in json.dumps(answer[part])


def test_without_the_api_the_dashboard_reads_the_status_from_the_store(
    without_api: FlaskClient,
) -> None:
    status: dict[str, Any] = without_api.get("/status?format=json").get_json()
    checks = {check["name"]: check for check in status["checks"]}

    assert status["headline"] == "Not working: the API does not answer"
    assert checks["Store"]["state"] == "ok"
    assert checks["SHARP records"]["at"] == "2014-03-29T16:00:00Z"
    assert checks["Heartbeat"]["word"] == "we do not know"
    assert "does not answer" in without_api.get("/status").text
    assert without_api.get("/status?format=text").text.startswith("Not working")


def test_an_ingest_in_the_future_of_the_browser_has_no_negative_age() -> None:
    ahead = states(answered(ingest_at=NOW + timedelta(seconds=3)), is_api_up=True)

    assert "Ingest 0 s ago" in words(chip(ahead))
