"""``/status`` for people and programs, whatever the store does."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from chaos.proxy import STALLED, Proxy
from flask.testing import FlaskClient
from ports import free_port
from served_windows import MakeApp
from sqlalchemy import Engine

from app.create_app import create_app
from app.settings import ApiSettings

Row = Callable[..., dict[str, Any]]
ELSEWHERE = {"REMOTE_ADDR": "192.0.2.7"}


def document(client: FlaskClient) -> dict[str, Any]:
    answer = client.get("/status?format=json", environ_overrides=ELSEWHERE)
    assert answer.status_code == 200
    content: dict[str, Any] = answer.get_json()
    return content | {check["name"]: check for check in content["checks"]}


def test_a_record_that_was_sent_is_fresh_and_its_model_issues(
    client: FlaskClient, row: Row, clock: Any
) -> None:
    clock.now = datetime.fromisoformat("2014-03-01T00:09:00Z")
    client.post("/api/v1/observations", json={"sender": {"id": "desk"}, "observations": [row()]})

    status = document(client)

    assert (status["state"], status["headline"]) == ("ok", "Working")
    assert (status["SHARP records"]["word"], status["SHARP records"]["detail"]) == (
        "fresh",
        "9 min",
    )
    assert status["SHARP records"]["at"] == "2014-03-01T00:00:00Z"
    assert status["Live model"]["word"] == "issuing"
    assert status["Senders"]["word"] == "1 active"
    assert status["clock"] == "wall"


def test_a_person_gets_a_page_and_a_program_json(client_sqlite: FlaskClient) -> None:
    def content_type(accept: str, query: str = "") -> str:
        answer = client_sqlite.get(f"/status{query}", headers={"Accept": accept})
        return answer.content_type.partition(";")[0]

    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    assert content_type(browser) == "text/html"
    assert content_type("*/*") == "text/html"
    assert content_type("application/json") == "application/json"
    assert content_type(browser, "?format=json") == "application/json"
    assert content_type("application/json", "?format=text") == "text/plain"
    assert client_sqlite.get("/status?format=xml").status_code == 422
    assert len(client_sqlite.get("/status").data) <= 5_000


def test_while_the_store_is_away_it_answers_and_says_what_is_not_known() -> None:
    address = "mysql+mysqlconnector://flare:secret@127.0.0.1:1/flarewatch"
    app = create_app(ApiSettings(database_url=address, api_key="a-key-of-sixteen-characters"))
    client = app.test_client()

    status = document(client)
    page = client.get("/status", environ_overrides=ELSEWHERE)

    assert status["state"] == "broken"
    assert status["headline"] == "Not working: the store is away"
    assert status["Live model"]["word"] == "we do not know"
    assert status["API"]["word"] == "up"
    assert page.status_code == 200
    assert "we do not know" in page.text
    assert "secret" not in page.text


@pytest.mark.thorough
def test_while_the_store_hangs_it_answers_within_three_seconds_with_what_was_known(
    mariadb_engine: Engine, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    proxy = Proxy(free_port(), target=mariadb_engine.url.port or 0)
    url = mariadb_engine.url.set(port=proxy.port).render_as_string(hide_password=False)
    app = create_app(ApiSettings(database_url=url), metrics_dir=tmp_path)
    try:
        client = app.test_client()
        document(client)
        proxy.set(STALLED)
        time.sleep(1.1)

        began = time.monotonic()
        status = document(client)

        assert time.monotonic() - began < 3
        assert status["Store"]["word"].startswith("away since")
        assert status["Senders"]["word"] == "we do not know"
    finally:
        proxy.close()
        app.extensions["flarewatch"].engine.dispose()


def test_it_says_whether_a_heartbeat_is_set_and_whether_notifications_go_anywhere(
    engine_sqlite: Engine, make_app: MakeApp
) -> None:
    plain = document(make_app(engine_sqlite).test_client())
    heard = document(
        make_app(engine_sqlite, heartbeat_url="https://beats.example/a-secret").test_client()
    )

    assert plain["Heartbeat"]["detail"] == "not set up"
    assert plain["Notices waiting"]["word"] == "off"
    assert heard["Heartbeat"]["word"] == "we do not know"
    assert "a-secret" not in str(heard)
