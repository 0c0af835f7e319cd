"""Alerts are listed, looked up and taken note of."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from alert_calls import HIGH, LOW, Hourly, listed, send
from flask.testing import FlaskClient

from database.engine import reading, writing
from database.people.audit import list_audit
from database.people.keys import add_key
from database.people.people import add_person
from database.people.principal import COMMAND_LINE
from database.people.sessions import begin_session
from database.schema.tables import alert_tracks


def test_who_acknowledges_first_stays(client: FlaskClient, hourly: Hourly) -> None:
    send(client, hourly(HIGH, HIGH))
    (main,) = listed(client, "?event=M1.0")
    url = f"/api/v1/alerts/{main['id']}"

    first = client.post(f"{url}/acknowledge", json={"comment": "seen"}).get_json()
    again = client.post(f"{url}/acknowledge", json={"comment": "late"}).get_json()

    assert (first["state"], first["acknowledged_by"], first["comment"]) == (
        "acknowledged", "local", "seen",
    )  # fmt: skip
    assert again == first == client.get(url).get_json()
    assert [a["event"] for a in listed(client, "?state=acknowledged")] == ["M1.0"]
    assert len(listed(client, "?state=open,acknowledged")) == 2


@pytest.mark.parametrize("kind", ["person", "key"])
def test_an_acknowledgement_carries_the_name_of_whoever_is_signed_in_and_no_typed_one(
    client: FlaskClient, hourly: Hourly, engine: sa.Engine, clock: Callable[[], datetime], kind: str
) -> None:
    send(client, hourly(HIGH, HIGH))
    (main,) = listed(client, "?event=M1.0")
    with writing(engine) as connection:
        if kind == "person":
            mei = add_person(
                connection, COMMAND_LINE, "mei", roles=["operator"], display_name="Mei Tanaka",
                now=clock(),
            )  # fmt: skip
            token = begin_session(connection, mei.person_id, agent="", now=clock())
            headers = {"Authorization": f"Bearer {token}"}
        else:
            key = add_key(connection, COMMAND_LINE, "wall", scopes=["admin"], now=clock())
            headers = {"X-API-Key": key}

    answer = client.post(
        f"/api/v1/alerts/{main['id']}/acknowledge",
        json={"by": "Chief Forecaster"},
        headers=headers,
    ).get_json()

    name = {"person": "Mei Tanaka", "key": "wall"}[kind]
    assert answer["acknowledged_by"] == name
    with reading(engine) as connection:
        (entry,) = list_audit(connection, object_kinds=["alert"], limit=5)
    assert (entry.actor, entry.action, entry.object_id) == (name, "acknowledged", main["id"])


def test_an_acknowledged_alert_stays_so_while_records_come_and_closes_with_its_word(
    client: FlaskClient, hourly: Hourly
) -> None:
    send(client, hourly(HIGH, HIGH))
    (main,) = listed(client, "?event=M1.0")
    client.post(f"/api/v1/alerts/{main['id']}/acknowledge", json={})

    send(client, hourly(HIGH, start=2))
    (during,) = listed(client, "?event=M1.0")
    send(client, hourly(*[LOW] * 26, start=3))
    (after,) = listed(client, "?event=M1.0")

    assert (during["state"], during["acknowledged_by"]) == ("acknowledged", "local")
    assert (after["state"], after["acknowledged_by"]) == ("closed", "local")


@pytest.mark.parametrize(
    ("body", "path"),
    [({"by": 7}, "by"), ({"comment": "x" * 1001}, "comment"), ({"name": "mk"}, "name")],
)
def test_an_acknowledgement_that_cannot_be_used_names_the_field(
    client: FlaskClient, body: dict[str, Any], path: str
) -> None:
    answer = client.post("/api/v1/alerts/M1.0-harp1/acknowledge", json=body)

    assert answer.status_code == 422
    assert [fault["path"] for fault in answer.get_json()["errors"]] == [path]


@pytest.mark.parametrize("name", ["M1.0-harp1-20140301T000000Z-abcdef01", "ä", "x" * 200])
def test_an_alert_that_does_not_exist_is_not_found(client: FlaskClient, name: str) -> None:
    assert client.get(f"/api/v1/alerts/{name}").status_code == 404
    answer = client.post(f"/api/v1/alerts/{name}/acknowledge", json={})
    assert answer.status_code == 404
    assert answer.content_type == "application/problem+json"


def test_an_unknown_state_is_refused_with_the_known_ones(client: FlaskClient) -> None:
    answer = client.get("/api/v1/alerts?state=loud")

    assert answer.status_code == 422
    assert "open, acknowledged, closed" in answer.text


def test_the_list_is_read_page_by_page(client: FlaskClient, hourly: Hourly) -> None:
    for harpnum in (1, 2, 3):
        send(client, hourly(HIGH, HIGH, harpnum=harpnum, start=harpnum % 2))

    seen, cursor = [], ""
    while cursor is not None:
        answer = client.get(f"/api/v1/alerts?limit=2{cursor and f'&cursor={cursor}'}").get_json()
        seen += [item["id"] for item in answer["items"]]
        cursor = answer["next_cursor"]

    assert len(seen) == 6
    assert seen == [a["id"] for a in listed(client)]


def test_only_what_is_not_idle_is_remembered(client: FlaskClient, hourly: Hourly) -> None:
    send(client, hourly(*[LOW] * 3, harpnum=1))
    send(client, hourly(LOW, HIGH, LOW, harpnum=2))
    send(client, hourly(LOW, HIGH, harpnum=3))

    with reading(client.application.extensions["flarewatch"].engine) as connection:
        phases = connection.execute(sa.select(alert_tracks.c.region_id, alert_tracks.c.phase))
        assert set(map(tuple, phases)) == {(3, "rising")}
