"""Alive, ready, measured, documented; and what every call says while the store is away."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from chaos.proxy import CLEAR, CUT, Proxy
from flask.testing import FlaskClient
from ports import free_port

from app.create_app import create_app
from app.logs import JsonFormatter
from app.services import prepare, refuse_old_schema
from app.settings import ApiSettings
from database.engine import create_engine, wait_for_store
from solar.errors import ArtifactError, InvalidInputError, StoreUnavailableError

Row = Callable[..., dict[str, Any]]


def test_an_upgraded_store_and_a_live_model_make_the_service_ready(client: FlaskClient) -> None:
    ready = client.get("/ready").get_json()

    assert client.get("/health").get_json() == {"status": "alive"}
    assert ready["status"] == "ready"
    assert "@" in ready["model"]


def test_rows_requests_and_data_age_are_measured(client_sqlite: FlaskClient, row: Row) -> None:
    client_sqlite.post("/api/v1/observations", json={"observations": [row(), row(), 5]})

    text = client_sqlite.get("/metrics").text

    assert 'flarewatch_rows_total{outcome="accepted"}' in text
    assert 'flarewatch_rows_total{outcome="rejected"}' in text
    assert 'route="/api/v1/observations",status="200"' in text
    assert "flarewatch_data_age_seconds" in text


@pytest.fixture
def away(tmp_path: Path) -> FlaskClient:
    # Nothing listens on port 1.
    address = "mysql+mysqlconnector://flare:secret@127.0.0.1:1/flarewatch"
    return create_app(ApiSettings(database_url=address)).test_client()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/observations"), ("POST", "/api/v1/predict"), ("POST", "/api/v1/flares"),
        ("GET", "/api/v1/predictions"), ("GET", "/api/v1/observations"), ("GET", "/api/v1/regions"),
        ("GET", "/api/v1/flares"), ("GET", "/api/v1/models"), ("GET", "/api/v1/senders"),
        ("GET", "/api/v1/skill?event=M1.0"), ("GET", "/ready"),
    ],
)  # fmt: skip
def test_while_the_store_is_away_the_answer_is_to_come_back(
    away: FlaskClient, method: str, path: str
) -> None:
    body = {"observations": [{"harpnum": 1, "t_rec": "2014-03-01T00:00:00Z", "keywords": {}}]}

    response = away.open(path, method=method, json=body if method == "POST" else None)

    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert "secret" not in response.text


def test_with_the_key_of_the_settings_the_store_is_asked_only_for_the_rows(row: Row) -> None:
    address = "mysql+mysqlconnector://flare:secret@127.0.0.1:1/flarewatch"
    app = create_app(ApiSettings(database_url=address, api_key="a-key-of-sixteen-characters"))
    headers = {"X-API-Key": "a-key-of-sixteen-characters"}

    posted = app.test_client().post(
        "/api/v1/observations", json={"observations": [row()]}, headers=headers
    )

    assert posted.status_code == 503
    assert posted.get_json()["title"] == "Store unavailable"


def test_alive_and_measured_even_while_the_store_is_away(away: FlaskClient) -> None:
    assert away.get("/health").status_code == 200
    assert away.get("/metrics").status_code == 200


def test_a_store_without_tables_is_not_ready_and_says_what_to_run(tmp_path: Path) -> None:
    settings = ApiSettings(database_url=f"sqlite:///{tmp_path}/empty.db")

    app = create_app(settings)
    response = app.test_client().get("/ready")
    app.extensions["flarewatch"].engine.dispose()

    assert response.status_code == 503
    assert "flarewatch database upgrade" in response.get_json()["detail"]


def test_an_old_schema_is_refused_at_the_start(tmp_path: Path) -> None:
    engine = create_engine(ApiSettings(database_url=f"sqlite:///{tmp_path}/empty.db"))

    with pytest.raises(StoreUnavailableError, match="flarewatch database upgrade"):
        refuse_old_schema(engine)
    engine.dispose()


def test_an_age_that_cannot_be_is_refused_at_the_start() -> None:
    with pytest.raises(InvalidInputError, match="no retention for 'stars'"):
        prepare(ApiSettings(database_url="sqlite://", retention="stars=2y"))


def test_a_store_that_comes_up_late_is_waited_for(
    mariadb_engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    proxy = Proxy(free_port(), target=mariadb_engine.url.port or 0)
    proxy.set(CUT)
    engine = sa.create_engine(mariadb_engine.url.set(port=proxy.port))
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            proxy.set(CLEAR)

    try:
        wait_for_store(engine, sleep=sleep)
    finally:
        engine.dispose()
        proxy.close()

    assert waits == [0.5, 1.0, 2.0]
    assert caplog.text.count("the store does not answer yet (") == 3


def test_a_model_whose_file_was_changed_is_refused_by_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "artifacts"
    shutil.copytree(ApiSettings().artifacts_dir, folder)
    name = json.loads((folder / "live.json").read_text())["live"].replace("@", "-")
    with (folder / name / "model.onnx").open("ab") as file:
        file.write(b"x")

    with pytest.raises(ArtifactError, match=f"{name}: model.onnx is not the file"):
        create_app(ApiSettings(artifacts_dir=folder))


@pytest.mark.parametrize("content", [None, "{", '{"live": null}'])
def test_without_a_live_model_nothing_is_served(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "live.json").write_text(content)

    with pytest.raises(ArtifactError, match="live"):
        create_app(ApiSettings(artifacts_dir=tmp_path))


def test_a_request_keeps_the_id_it_came_with(client_sqlite: FlaskClient) -> None:
    given = client_sqlite.get("/health", headers={"X-Request-ID": "abc-1"})
    unfit = client_sqlite.get("/health", headers={"X-Request-ID": 'x" y'})

    assert given.headers["X-Request-ID"] == "abc-1"
    assert len(unfit.headers["X-Request-ID"]) == 32


def test_a_log_line_is_one_json_object() -> None:
    record = logging.LogRecord("app", logging.INFO, __file__, 1, "line\n%s", ("two",), None)
    record.fields = {"status": 200}

    line = JsonFormatter().format(record)

    assert "\n" not in line
    assert json.loads(line)["message"] == "line\ntwo"
    assert json.loads(line)["status"] == 200
