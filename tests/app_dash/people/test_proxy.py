"""An institute's proxy names the person; the dashboard and the API behind it are the real ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from office import serving_api

from app_dash.create_app import create_app
from app_dash.settings import DashSettings
from database.engine import reading, writing
from database.people.people import change_person, list_people
from database.people.principal import COMMAND_LINE
from database.people.sessions import list_sessions

PROXY: dict[str, Any] = {
    "trusted_proxies": "127.0.0.1",
    "proxy_user_header": "X-Forwarded-User",
    "proxy_groups": "flare-desk=operator",
}
ANA = {"X-Forwarded-User": "ana@uni.example", "X-Forwarded-Groups": "flare-desk"}


@pytest.fixture
def browser(engine_sqlite: sa.Engine) -> Iterator[FlaskClient]:
    with serving_api(engine_sqlite, **PROXY) as address:
        settings = DashSettings(_env_file=None, api_url=address, **PROXY)
        yield create_app(engine_sqlite, settings).server.test_client()


def test_the_person_whom_the_proxy_names_is_in_with_one_session(
    browser: FlaskClient, engine_sqlite: sa.Engine
) -> None:
    statuses = [browser.get("/", headers=ANA).status_code for _ in range(3)]

    with reading(engine_sqlite) as connection:
        (ana,) = list_people(connection)
        sessions = list_sessions(connection, now=ana.created_at)
    assert statuses == [200] * 3
    assert (ana.subject, ana.roles) == ("ana@uni.example", ("operator",))
    assert len(sessions) == 1


def test_another_name_or_other_groups_begin_another_session(
    browser: FlaskClient, engine_sqlite: sa.Engine
) -> None:
    tom = {"X-Forwarded-User": "tom@uni.example"}
    for headers in (ANA, tom, ANA | {"X-Forwarded-Groups": ""}):
        assert browser.get("/", headers=headers).status_code == 200

    with reading(engine_sqlite) as connection:
        people = {person.name: person.roles for person in list_people(connection)}
    assert people == {"ana-uni.example": ("viewer",), "tom-uni.example": ("viewer",)}


def test_a_person_who_is_locked_stays_out_whatever_the_proxy_says(
    browser: FlaskClient, engine_sqlite: sa.Engine
) -> None:
    browser.get("/", headers=ANA)
    with writing(engine_sqlite) as connection:
        (ana,) = list_people(connection)
        change = {"state": "locked"}
        change_person(connection, COMMAND_LINE, ana.person_id, change, now=ana.created_at)

    assert browser.get("/", headers=ANA).status_code == 303


def test_the_header_counts_from_the_listed_addresses_alone(browser: FlaskClient) -> None:
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}

    assert browser.get("/", headers=ANA, environ_overrides=elsewhere).status_code == 303
    assert browser.get("/").status_code == 303
