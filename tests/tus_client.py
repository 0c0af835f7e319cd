"""A client of tus 1.0.0 on the test client of Flask, and the people who use it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.services import Services
from database.engine import writing
from database.people.keys import add_key
from database.people.people import add_person
from database.people.principal import COMMAND_LINE
from database.people.sessions import begin_session

UPLOADS = "/api/v1/lab/uploads"
DATASETS = "/api/v1/lab/datasets"
VERSION = {"Tus-Resumable": "1.0.0"}
NOBODY: Mapping[str, str] = {}


def sign_in(store: sa.Engine, name: str, role: str, *, now: Any) -> dict[str, str]:
    with writing(store) as connection:
        person = add_person(connection, COMMAND_LINE, name, roles=[role], now=now)
        token = begin_session(connection, person.person_id, agent="", now=now)
    return {"Authorization": f"Bearer {token}"}


def key_of(store: sa.Engine, scope: str, *, now: Any) -> dict[str, str]:
    with writing(store) as connection:
        key = add_key(connection, COMMAND_LINE, scope, scopes=[scope], now=now)
    return {"X-API-Key": key}


def begin(
    client: FlaskClient, name: str, size: int | str, who: Mapping[str, str] = NOBODY
) -> TestResponse:
    encoded = base64.b64encode(name.encode("utf-8", "surrogatepass")).decode()
    headers = {"Upload-Length": str(size), "Upload-Metadata": f"filename {encoded}"}
    return client.post(UPLOADS, headers={**VERSION, **who, **headers})


def bring(
    client: FlaskClient,
    upload_id: str,
    piece: bytes,
    *,
    offset: int | str,
    who: Mapping[str, str] = NOBODY,
) -> TestResponse:
    return client.patch(
        f"{UPLOADS}/{upload_id}",
        data=piece,
        content_type="application/offset+octet-stream",
        headers={**VERSION, **who, "Upload-Offset": str(offset)},
    )


def ask(client: FlaskClient, upload_id: str, who: Mapping[str, str] = NOBODY) -> TestResponse:
    return client.head(f"{UPLOADS}/{upload_id}", headers={**VERSION, **who})


def send(client: FlaskClient, name: str, content: bytes, who: Mapping[str, str] = NOBODY) -> str:
    begun = begin(client, name, len(content), who)
    assert begun.status_code == 201, begun.text
    upload_id = str(begun.get_json()["upload_id"])
    brought = bring(client, upload_id, content, offset=0, who=who)
    assert brought.status_code == 204, brought.text
    return upload_id


def make(
    client: FlaskClient, name: str, *files: tuple[str, bytes], who: Mapping[str, str] = NOBODY
) -> TestResponse:
    """Send files and make a data set of them."""
    upload_ids = [send(client, *file, who) for file in files]
    return client.post(DATASETS, json={"name": name, "upload_ids": upload_ids}, headers=who)


def running(client: FlaskClient) -> Services:
    """Return what the application behind a client shares."""
    services: Services = client.application.extensions["flarewatch"]
    return services
