"""Every answer about the Sun is one of now, which a replay has of its own, or as of a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from database.engine import writing
from database.schema.tables import store_clock
from solar.time import isoformat, parse_time

Row = Callable[..., dict[str, Any]]
FIRST = parse_time("2014-03-01T00:00:00Z")
AT = "2014-03-01T02:30:00Z"


@pytest.fixture
def filled(client_sqlite: FlaskClient, row: Row, flare_row: Row) -> FlaskClient:
    times = [isoformat(FIRST + k * timedelta(hours=1)) for k in range(6)]
    rows = [row(t_rec=at) for at in times]
    flares = [flare_row(start=times[1], peak=times[1], end=times[3]), flare_row()]
    assert (
        client_sqlite.post("/api/v1/observations", json={"observations": rows}).status_code == 200
    )
    assert client_sqlite.post("/api/v1/flares", json={"flares": flares}).status_code == 200
    return client_sqlite


def pause(client: FlaskClient, engine: sa.Engine, at: str) -> None:
    with writing(engine) as connection:
        connection.execute(
            store_clock.insert().values(
                turn=1, mode="replay", event_at=parse_time(at), wall_at=datetime.now().astimezone(),
                speed=0.0, version=1, starts_at=FIRST, ends_at=FIRST + timedelta(days=9),
            )
        )  # fmt: skip
    # The API asks for it once a second.
    client.application.extensions["flarewatch"].sun_clock.forget()


def items(client: FlaskClient, path: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = client.get(f"/api/v1/{path}").get_json()["items"]
    return listed


def seen(client: FlaskClient, search: str = "") -> tuple[int, int, int, str]:
    return (
        len(items(client, f"observations?{search}")),
        len(items(client, f"predictions?{search}")),
        len(items(client, f"flares?{search}")),
        items(client, f"regions?{search}")[0]["last_t_rec"],
    )


def test_answers_are_those_of_the_time_asked_for(filled: FlaskClient) -> None:
    assert seen(filled) == (6, 6, 2, "2014-03-01T05:00:00Z")
    assert seen(filled, f"at={AT}") == (3, 3, 1, "2014-03-01T02:00:00Z")


def test_in_a_replay_nothing_is_known_that_comes_after_its_clock(
    filled: FlaskClient, engine_sqlite: sa.Engine
) -> None:
    pause(filled, engine_sqlite, AT)

    assert seen(filled) == (3, 3, 1, "2014-03-01T02:00:00Z")
    assert seen(filled, "at=2014-03-01T00:59:00Z")[:2] == (1, 1)
    assert filled.get("/api/v1/clock").get_json()["newest"] == "2014-03-01T02:00:00Z"
    assert "flarewatch_data_age_seconds 1800.0" in filled.get("/metrics").get_data(as_text=True)


def test_a_time_without_a_zone_or_one_that_has_not_come_is_refused(
    filled: FlaskClient, engine_sqlite: sa.Engine
) -> None:
    pause(filled, engine_sqlite, AT)

    for at in ("2014-03-01T02:00:00", "2014-03-01T02:31:00Z", "yesterday"):
        refused = filled.get(f"/api/v1/regions?at={at}")
        assert refused.status_code == 422
        assert [fault["path"] for fault in refused.get_json()["errors"]] == ["at"]
    later = filled.get("/api/v1/skill?event=M1.0&at=2014-03-01T02:31:00Z").get_json()
    assert later["errors"][0]["message"] == "has not come yet; it is 2014-03-01T02:30:00Z now"
