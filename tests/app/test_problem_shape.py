"""Every error of every route has the four keys of a problem, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from conftest import upgraded
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import BadRequest
from werkzeug.test import TestResponse

from app.contract.openapi import operations
from app.create_app import create_app
from app.settings import ApiSettings
from database.people.principal import ACCOUNT, METRICS, PUBLIC
from solar.errors import FlarewatchError

MakeApp = Callable[..., Flask]
LISTED = list(operations(create_app(ApiSettings())))
# The owner of this machine has no account.
ROUTES = [(method, path) for method, path, declared in LISTED if declared.permission != ACCOUNT]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    """A store in which no request of this module leaves anything."""
    yield from upgraded(f"sqlite:///{tmp_path_factory.mktemp('shape')}/flarewatch.db")


@pytest.fixture(scope="module")
def client(store: sa.Engine) -> FlaskClient:
    return client_of(store)


@pytest.fixture(scope="module")
def locked_client(store: sa.Engine) -> FlaskClient:
    return client_of(store, api_key="a-key-of-sixteen-characters")


def client_of(store: sa.Engine, **changes: Any) -> FlaskClient:
    address = store.url.render_as_string(hide_password=False)
    return create_app(ApiSettings(database_url=address, **changes)).test_client()


def is_problem(response: TestResponse, status: int) -> bool:
    body = response.get_json()
    assert response.status_code == status, response.text
    assert response.content_type == "application/problem+json"
    assert set(body) == {"title", "status", "detail", "errors"}
    assert body["status"] == status
    assert all(set(error) == {"path", "message"} for error in body["errors"])
    return bool(body["title"] and body["detail"])


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_an_unknown_parameter(client: FlaskClient, method: str, path: str) -> None:
    assert is_problem(client.open(f"{path}?nonsense=1", method=method), 422)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_method_that_is_not_served(client: FlaskClient, method: str, path: str) -> None:
    response = client.open(path, method="TRACE")

    assert is_problem(response, 405)
    assert method in response.headers["Allow"]


@pytest.mark.parametrize(
    ("method", "path"),
    [(m, p) for m, p, declared in LISTED if declared.permission not in (PUBLIC, METRICS)],
)
def test_a_missing_key(locked_client: FlaskClient, method: str, path: str) -> None:
    assert is_problem(locked_client.open(path, method=method), 401)


@pytest.mark.parametrize(
    ("method", "path"),
    [(m, p) for m, p, declared in LISTED if declared.body and declared.permission != ACCOUNT],
)
@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b'{"nonsense": 1}', "application/json", 422),
        (b"a", "text/plain", 415),
        (b" " * (33 << 20), "application/json", 413),
    ],
)
def test_a_body_that_cannot_be_read(
    client: FlaskClient, method: str, path: str, body: bytes, content_type: str, status: int
) -> None:
    response = client.open(path, method=method, data=body, content_type=content_type)

    assert is_problem(response, status)


def test_an_address_where_nothing_is(client: FlaskClient) -> None:
    assert is_problem(client.get("/api/v1/nothing"), 404)


def test_an_error_that_nobody_expected(engine_sqlite: sa.Engine, make_app: MakeApp) -> None:
    app = make_app(engine_sqlite)

    @app.get("/broken")
    def broken() -> str:
        raise ZeroDivisionError("the secret of the house")

    response = app.test_client().get("/broken")

    assert is_problem(response, 500)
    assert "secret" not in response.text


def test_an_error_of_ours_and_one_of_the_framework(
    engine_sqlite: sa.Engine, make_app: MakeApp
) -> None:
    app = make_app(engine_sqlite)

    @app.get("/ours")
    def ours() -> str:
        raise FlarewatchError("it is broken; mend it")

    @app.get("/theirs")
    def theirs() -> str:
        raise BadRequest("no")

    assert is_problem(app.test_client().get("/ours"), 500)
    assert is_problem(app.test_client().get("/theirs"), 400)
