"""The clock over HTTP: a sender begins a replay, people set it, and nobody sets the present."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from database.engine import store_time, writing
from database.schema.tables import senders
from solar.time import isoformat, parse_time

CLOCK = "/api/v1/clock"
REPLAY = {
    "sender": "first",
    "starts": "2014-02-15T00:00:00Z",
    "ends": "2014-04-14T23:00:00Z",
    "speed": 3600,
}
Row = Callable[..., dict[str, Any]]


def put(client: FlaskClient, action: str, **given: Any) -> dict[str, Any]:
    answer: dict[str, Any] = client.put(CLOCK, json={"action": action, **given}).get_json()
    return answer


def now(client: FlaskClient) -> datetime:
    return parse_time(client.get(CLOCK).get_json()["now"])


def test_a_store_without_a_replay_shows_the_present_which_nobody_sets(client: FlaskClient) -> None:
    clock = client.get(CLOCK).get_json()

    assert (clock["mode"], clock["speed"], clock["state"]) == ("wall", 1.0, "playing")
    assert (clock["starts"], clock["ends"], clock["newest"]) == (None, None, None)
    assert put(client, "pause")["status"] == 409


def test_the_first_sender_sets_time_speed_and_span(client: FlaskClient) -> None:
    begun = client.post(CLOCK, json=REPLAY).get_json()

    assert begun["mode"] == "replay"
    assert (begun["speed"], begun["starts"], begun["ends"]) == (
        3600.0,
        "2014-02-15T00:00:00Z",
        "2014-04-14T23:00:00Z",
    )
    assert (
        timedelta() <= parse_time(begun["now"]) - parse_time(begun["starts"]) < timedelta(hours=9)
    )


def test_a_replay_may_have_one_time_alone_but_does_not_end_before_it_starts(
    client: FlaskClient,
) -> None:
    start = REPLAY["starts"]

    turned = client.post(CLOCK, json=REPLAY | {"ends": "2014-02-14T00:00:00Z"})
    begun = client.post(CLOCK, json=REPLAY | {"ends": start})

    assert turned.status_code == 422
    assert "is before the first one" in turned.get_json()["detail"]
    assert begun.get_json()["ends"] == start


def test_paused_it_stands_and_plays_on_from_there_at_the_speed_before(client: FlaskClient) -> None:
    client.post(CLOCK, json=REPLAY)

    paused = put(client, "pause")
    put(client, "pause")

    assert (paused["state"], paused["speed"]) == ("paused", 0.0)
    assert now(client) == now(client) == parse_time(paused["now"])
    played = put(client, "play")
    assert (played["state"], played["speed"]) == ("playing", 3600.0)
    assert parse_time(played["now"]) >= parse_time(paused["now"])


def test_it_jumps_forward_to_the_last_record_and_not_beyond_or_back(client: FlaskClient) -> None:
    client.post(CLOCK, json=REPLAY)
    put(client, "pause")

    assert put(client, "jump", to="2014-03-29T17:00:00Z")["now"] == "2014-03-29T17:00:00Z"
    for to in ("2014-03-29T16:59:59Z", "2014-04-14T23:00:01Z", "2014-04-01T00:00:00", None):
        assert put(client, "jump", to=to)["status"] == 422, to
    assert now(client) == parse_time("2014-03-29T17:00:00Z")


def test_it_jumps_to_just_before_the_next_flare_of_a_class_that_is_listed(
    client: FlaskClient,
) -> None:
    client.post(CLOCK, json=REPLAY)
    put(client, "pause")
    put(client, "jump", to="2014-03-28T00:00:00Z")
    flares = [flare("2014-03-28T06:00:00Z", "C9.9"), flare("2014-03-29T17:35:00Z", "X1.0")]
    client.post("/api/v1/flares", json={"flares": flares})

    # Without records the usual step is the cadence of SHARP, 12 minutes.
    assert put(client, "jump", next="M1.0")["now"] == "2014-03-29T17:23:00Z"
    again = put(client, "jump", next="M1.0")
    assert again["status"] == 422
    assert "no later flare ≥ M1.0 is listed" in again["detail"]
    assert put(client, "jump", next="M9")["status"] == 404
    assert put(client, "jump", next="M1.0", to="2014-04-01T00:00:00Z")["status"] == 422


@pytest.mark.parametrize("speed", [-1, 86_401, "fast", "NaN"])
def test_a_speed_that_no_clock_has_is_refused(client_sqlite: FlaskClient, speed: Any) -> None:
    client_sqlite.post(CLOCK, json=REPLAY)

    assert put(client_sqlite, "speed", speed=speed)["status"] == 422


def test_who_sets_a_clock_that_somebody_else_has_set_is_told(client_sqlite: FlaskClient) -> None:
    version = client_sqlite.post(CLOCK, json=REPLAY).get_json()["version"]

    assert put(client_sqlite, "pause", if_version=version)["version"] == version + 1
    assert put(client_sqlite, "play", if_version=version)["status"] == 412


def test_a_client_that_follows_is_told_only_of_changes(client_sqlite: FlaskClient) -> None:
    tag = client_sqlite.get(CLOCK).headers["ETag"]

    assert client_sqlite.get(CLOCK, headers={"If-None-Match": tag}).status_code == 304
    client_sqlite.post(CLOCK, json=REPLAY)
    assert client_sqlite.get(CLOCK, headers={"If-None-Match": tag}).status_code == 200


def test_a_later_sender_extends_the_span_and_leaves_time_alone(client: FlaskClient) -> None:
    client.post(CLOCK, json=REPLAY)
    put(client, "pause")
    at = put(client, "jump", to="2014-03-01T00:00:00Z")["now"]

    ends = "2014-05-01T00:00:00Z"
    begun = client.post(CLOCK, json=REPLAY | {"sender": "second", "ends": ends}).get_json()

    assert (begun["now"], begun["ends"], begun["state"]) == (at, ends, "paused")


def test_a_sender_that_comes_back_alone_goes_on_where_it_had_stopped(client: FlaskClient) -> None:
    client.post(CLOCK, json=REPLAY)
    put(client, "jump", to="2014-03-10T00:00:00Z")

    left = {"next": "2014-02-20T00:00:00Z", "speed": 60}
    resumed = client.post(CLOCK, json=REPLAY | left).get_json()

    assert resumed["speed"] == 60.0
    assert parse_time(resumed["now"]) - parse_time(left["next"]) < timedelta(minutes=10)


def test_a_store_that_has_forecast_the_present_is_none_for_a_replay(
    client: FlaskClient, engine: sa.Engine, row: Row
) -> None:
    client.post("/api/v1/observations", json={"observations": [row()]})
    with writing(engine) as connection:
        today = store_time(connection)
        connection.execute(sa.text("UPDATE predictions SET issued_at = :at"), {"at": today})

    refused = client.post(CLOCK, json=REPLAY).get_json()

    assert refused["status"] == 409
    assert "--clock wall" in refused["detail"]


def flare(start: str, goes_class: str) -> dict[str, Any]:
    """A flare of ten minutes, as a sender posts it."""
    at = parse_time(start)
    peak, end = (isoformat(at + timedelta(minutes=n)) for n in (5, 10))
    return {
        "start": start,
        "peak": peak,
        "end": end,
        "goes_class": goes_class,
        "flux_scale": "operational_pre16",
    }


def hear(engine: sa.Engine, name: str) -> None:
    """Let a sender have been heard just now."""
    with writing(engine) as connection:
        at = store_time(connection)
        known = {"sender_id": name, "first_seen_at": at, "last_seen_at": at}
        columns = {c.name: 0 for c in senders.columns if not c.nullable and c.name not in known}
        connection.execute(senders.insert().values(**columns, **known))
