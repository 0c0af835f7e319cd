"""The dashboard as a service: its settings, whether it is ready, and what it logs first."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from processes import free_port, serving
from pydantic import SecretStr
from stocked_store import stock

from app_dash.api_client import is_api_up
from app_dash.create_app import create_app
from app_dash.health import next_steps
from app_dash.settings import DashSettings, signing_key
from solar.errors import InvalidInputError

SETTINGS = DashSettings(_env_file=None)


def client_of(engine: sa.Engine) -> FlaskClient:
    return create_app(engine, SETTINGS).server.test_client()


def test_an_api_that_does_not_listen_is_down() -> None:
    assert not is_api_up("http://127.0.0.1:1")


def test_an_api_address_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="FLARE_API_URL"):
        is_api_up("file:///etc/passwd")


@pytest.mark.parametrize("key", [None, SecretStr("x" * 31)])
def test_a_server_reachable_from_elsewhere_needs_a_long_secret(key: SecretStr | None) -> None:
    open_to_all = DashSettings(dash_host="0.0.0.0", secret_key=key)

    with pytest.raises(InvalidInputError, match="set one of 32 or more"):
        signing_key(open_to_all)


def test_on_loopback_every_start_has_another_key() -> None:
    assert signing_key(SETTINGS) != signing_key(SETTINGS)
    assert signing_key(DashSettings(secret_key=SecretStr("given"))) == "given"


def test_the_service_is_alive_and_ready_with_its_store(engine_sqlite: sa.Engine) -> None:
    client = client_of(engine_sqlite)

    assert client.get("/health").json == {"status": "alive"}
    assert client.get("/ready").json == {"status": "ready"}


def test_without_its_store_the_service_is_alive_but_not_ready(
    open_store: Callable[[str], sa.Engine], tmp_path: Path
) -> None:
    nowhere = open_store(f"sqlite:///{tmp_path}/empty.db")
    client = client_of(nowhere)

    answer = client.get("/ready")

    assert client.get("/health").status_code == 200
    assert answer.status_code == 503
    assert "flarewatch database upgrade" in answer.json["detail"]
    nowhere.dispose()


def test_the_first_log_lines_name_the_address_and_what_a_new_store_lacks(
    engine_sqlite: sa.Engine,
) -> None:
    address = "http://127.0.0.1:8050"

    new = next_steps(engine_sqlite, address)
    stock(engine_sqlite)
    stocked = next_steps(engine_sqlite, address)

    assert new[0] == "Flarewatch is open at http://127.0.0.1:8050"
    assert [line.partition(" yet")[0] for line in new[1:]] == [
        "It has no records",
        "It has no flares",
    ]
    assert stocked == new[:1]


def test_the_first_log_lines_come_although_the_store_has_no_tables(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "FLARE_DATABASE_URL": f"sqlite:///{tmp_path}/empty.db",
        "FLARE_DASH_PORT": free_port(),
        "FLARE_PUBLIC_DASH_URL": "https://flare.example",
    }
    log = tmp_path / "log"
    ready = f"http://127.0.0.1:{environment['FLARE_DASH_PORT']}/health"

    with serving("app_dash", "serve", ready=ready, environment=environment, log=log):
        deadline = time.monotonic() + 10
        while "It shows nothing yet" not in log.read_text() and time.monotonic() < deadline:
            time.sleep(0.05)

    text = log.read_text()
    assert "Flarewatch is open at https://flare.example\n" in text
    assert text.count("It shows nothing yet: the store has no tables yet; run") == 1
