"""Keys and scopes: who may call what, and when no key is needed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.services import prepare
from app.settings import ApiSettings
from database.engine import writing
from database.users import add_user
from solar.errors import InvalidInputError

MakeApp = Callable[..., Flask]
MASTER = "a-key-of-sixteen-characters"
READ, INGEST = "/api/v1/predictions", "/api/v1/observations"


def key_of(engine: sa.Engine, *scopes: str) -> str:
    with writing(engine) as connection:
        return add_user(connection, "-".join(scopes), scopes=scopes, now=datetime.now(UTC))


def test_on_the_own_machine_without_any_key_none_is_needed(
    engine_sqlite: sa.Engine, make_app: MakeApp
) -> None:
    assert make_app(engine_sqlite).test_client().get(READ).status_code == 200


def test_with_the_key_of_the_settings_every_call_needs_it(
    engine_sqlite: sa.Engine, make_app: MakeApp
) -> None:
    client = make_app(engine_sqlite, api_key=MASTER).test_client()

    answers = [client.get(READ, headers=h) for h in ({}, {"X-API-Key": "wrong"})]

    assert [answer.status_code for answer in answers] == [401, 401]
    assert "is missing" in answers[0].get_json()["detail"]
    assert "is not known" in answers[1].get_json()["detail"]
    assert client.get(READ, headers={"X-API-Key": MASTER}).status_code == 200
    assert client.get("/health").status_code == 200


def test_a_key_opens_only_its_scopes(engine: sa.Engine, make_app: MakeApp) -> None:
    keys = {scope: key_of(engine, scope) for scope in ("ingest", "read", "admin")}
    client = make_app(engine).test_client()

    def statuses(key: str) -> tuple[int, int]:
        headers = {"X-API-Key": key}
        posted = client.post(INGEST, json={}, headers=headers)
        return client.get(READ, headers=headers).status_code, posted.status_code

    # 422 is the answer to the empty body, behind the door.
    assert statuses(keys["read"]) == (200, 403)
    assert statuses(keys["ingest"]) == (403, 422)
    assert statuses(keys["admin"]) == (200, 422)


def test_once_a_user_exists_a_call_without_key_is_refused(
    engine_sqlite: sa.Engine, make_app: MakeApp
) -> None:
    key_of(engine_sqlite, "read")

    assert make_app(engine_sqlite).test_client().get(READ).status_code == 401


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_a_server_for_other_machines_without_a_key_does_not_start(
    engine_sqlite: sa.Engine, host: str
) -> None:
    settings = settings_of(engine_sqlite, api_host=host)

    with pytest.raises(InvalidInputError, match="there is no key: set FLARE_API_KEY"):
        prepare(settings)


def test_a_server_for_other_machines_starts_with_a_key(engine_sqlite: sa.Engine) -> None:
    prepare(settings_of(engine_sqlite, api_host="192.0.2.1", api_key=MASTER))


def settings_of(engine: sa.Engine, **changes: Any) -> ApiSettings:
    address = engine.url.render_as_string(hide_password=False)
    return ApiSettings(database_url=address, **changes)
