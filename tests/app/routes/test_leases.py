"""Leases over HTTP: who may send what, and where the API's count of a sender stands."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from passing_time import let_pass

URL = "/api/v1/leases"
START = "2014-03-01T00:00:00Z"


def word(sender: str = "s1", **changes: Any) -> dict[str, Any]:
    return {"sender": sender, "source": "hourly", "shards": 4, "starts_at": START, **changes}


def say(client: FlaskClient, sender: str = "s1", **changes: Any) -> dict[str, Any]:
    answer = client.post(URL, json=word(sender, **changes))
    assert answer.status_code == 200, answer.get_json()
    body: dict[str, Any] = answer.get_json()
    return body


def test_a_replica_joins_tells_its_progress_and_leaves(
    client: FlaskClient, engine: sa.Engine
) -> None:
    joined = say(client)
    let_pass(engine, 3)
    through = "2014-03-01T05:00:00.250000Z"
    told = say(client, generation=1, held={"2": {"delivered": 7, "through": through}})
    left = say(client, generation=1, held={}, wants=False)

    blank = {"delivered": 0, "through": None}
    assert joined == {
        "generation": 1, "starts_at": START, "event_at": START, "elapsed_seconds": 0.0,
        "granted": [{"shard": shard, **blank} for shard in range(4)],
        "unfinished": 4, "members": 1, "expires_in_seconds": 10.0, "sent": 0, "sequence": 0,
    }  # fmt: skip
    assert 3.0 <= told["elapsed_seconds"] < 4.0
    granted = {shard.pop("shard"): shard for shard in told["granted"]}
    assert granted[2] == {"delivered": 7, "through": through}
    assert (granted[0], len(granted)) == (blank, 4)
    assert (left["granted"], left["members"]) == ([], 0)


def test_a_replica_learns_how_much_of_it_has_been_counted(client: FlaskClient, row: Any) -> None:
    sender = {"id": "s1", "sequence": 6, "sent": 1, "spooled": 3}
    client.post("/api/v1/observations", json={"sender": sender, "observations": [row()]})

    found = say(client)
    (listed,) = client.get("/api/v1/senders").get_json()["items"]

    assert (found["sent"], found["sequence"]) == (1, 6)
    assert (say(client, "s2")["sent"], listed["spooled"], listed["lost"]) == (0, 3, 0)


def test_a_silent_replica_loses_its_shards_after_the_time_of_the_settings(
    engine_sqlite: sa.Engine, make_app: Any, clock: Any
) -> None:
    client = make_app(engine_sqlite, lease_seconds=2.0).test_client()
    say(client)
    let_pass(engine_sqlite, 1.5)
    # The clock of the host decides nothing.
    clock.now += timedelta(hours=1)
    say(client, "s2")
    let_pass(engine_sqlite, 1)

    taken = say(client, "s2", generation=1)

    assert (taken["members"], len(taken["granted"])) == (1, 4)
    assert taken["expires_in_seconds"] == 2.0


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"held": {"4": {}}}, "held.4"),
        ({"held": {"x": {}}}, "held"),
        ({"held": {"1": {"delivered": -1}}}, "held.1.delivered"),
        ({"shards": 0}, "shards"),
        ({"starts_at": "soon"}, "starts_at"),
        ({"sender": "a b"}, "sender"),
        ({"shards": 5}, ""),
    ],
)
def test_a_word_that_makes_no_sense_is_refused(
    client_sqlite: FlaskClient, changes: dict[str, Any], path: str
) -> None:
    say(client_sqlite)

    answer = client_sqlite.post(URL, json=word(generation=1) | changes)

    assert answer.status_code == 422
    errors = answer.get_json()["errors"]
    assert not path or errors[0]["path"].startswith(path)
    assert say(client_sqlite)["unfinished"] == 4
