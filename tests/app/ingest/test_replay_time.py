"""In a replay everything that concerns the Sun has the time of the replay."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from app.ingest.issue_times import IssueTimes
from database.engine import reading
from database.maintenance.retention import RETENTION_RULES, prune
from database.models import live_since
from database.schema.tables import observations, predictions, superseded_predictions
from solar.time import parse_time

URL, CLOCK = "/api/v1/observations", "/api/v1/clock"
DAY = "2014-03-01"
FORMS = ("csv", "parquet")
Row = Callable[..., dict[str, Any]]


def begin(client: FlaskClient, *, speed: float | None = None) -> None:
    span = {"starts": f"{DAY}T00:00:00Z", "ends": f"{DAY}T09:00:00Z"}
    client.post(CLOCK, json={"sender": "s1", "speed": speed, **span})


def at(hour: int) -> datetime:
    return parse_time(f"{DAY}T0{hour}:00:00Z")


def send(client: FlaskClient, row: Row, *hours: int, **changes: Any) -> None:
    rows = [row(t_rec=f"{DAY}T0{hour}:00:00Z", **changes) for hour in hours]
    assert client.post(URL, json={"sender": {"id": "s1"}, "observations": rows}).status_code == 200


def issued(engine: sa.Engine) -> dict[datetime, datetime]:
    query = sa.select(predictions.c.t_rec, predictions.c.issued_at)
    with reading(engine) as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


def test_at_full_speed_a_forecast_is_issued_when_its_record_came_in_event_time(
    client: FlaskClient, engine: sa.Engine, row: Row
) -> None:
    begin(client)

    send(client, row, 0, 1, 5)
    # It comes late, when the region was seen at 05:00 already.
    send(client, row, 3)

    assert issued(engine) == {at(0): at(0), at(1): at(1), at(5): at(5), at(3): at(5)}
    assert parse_time(client.get(CLOCK).get_json()["now"]) == at(5)


def test_what_was_replaced_and_what_replaced_it_meet_in_event_time(
    client_sqlite: FlaskClient, engine_sqlite: sa.Engine, row: Row
) -> None:
    begin(client_sqlite)
    send(client_sqlite, row, 1, 2)

    send(client_sqlite, row, 1, lon_fwt=5.0)

    with reading(engine_sqlite) as connection:
        replaced = connection.scalars(sa.select(superseded_predictions.c.superseded_at)).all()
    assert set(replaced) == {at(2)}
    assert issued(engine_sqlite)[at(1)] == at(2)


def test_at_a_speed_a_forecast_is_issued_at_the_time_of_the_clock(
    client_sqlite: FlaskClient, engine_sqlite: sa.Engine, row: Row
) -> None:
    begin(client_sqlite, speed=3600)

    send(client_sqlite, row, 0, 4)

    # What the clock has not reached is issued at its own time.
    assert issued(engine_sqlite)[at(4)] == at(4)
    assert at(0) <= issued(engine_sqlite)[at(0)] < at(3)


def test_a_jump_leaves_the_times_that_playing_would_have_given() -> None:
    hours = np.datetime64(DAY, "us") + np.arange(5) * np.timedelta64(1, "h")
    jumped = IssueTimes(at(4) + timedelta(minutes=1), hours[3])

    assert jumped.of(np.ones(5, np.int64), hours).tolist() == [
        *hours[:4].tolist(),
        (at(4) + timedelta(minutes=1)).replace(tzinfo=None),
    ]


def test_the_model_is_live_since_the_replay_began(
    client_sqlite: FlaskClient, engine_sqlite: sa.Engine
) -> None:
    begin(client_sqlite)

    with reading(engine_sqlite) as connection:
        assert {stage.from_at for stage in live_since(connection)} == {at(0)}


def test_records_of_a_replay_are_kept_by_event_time(
    client_sqlite: FlaskClient, engine_sqlite: sa.Engine, row: Row
) -> None:
    begin(client_sqlite)
    send(client_sqlite, row, 0, 5)
    ages = {rule.name: "keep" for rule in RETENTION_RULES} | {"observations": "1d"}

    prune(engine_sqlite, ages, now=datetime.now(UTC))

    with reading(engine_sqlite) as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(observations)) == 2


@pytest.mark.parametrize(
    ("name", "form"),
    [(name, form) for name in ("predictions", "observations", "conflicts") for form in FORMS]
    + [("predictions", "json")],
)
def test_an_export_says_that_it_is_of_a_replay(
    client_sqlite: FlaskClient, name: str, form: str
) -> None:
    address = f"/api/v1/{name}?format={form}"
    before = client_sqlite.get(address).headers
    begin(client_sqlite)

    after = client_sqlite.get(address).headers

    assert "Flarewatch-Mode" not in before
    assert after["Flarewatch-Mode"] == "historical"
    assert form == "json" or f"historical-{name}" in after["Content-Disposition"]


def test_the_age_of_data_is_measured_by_the_clock_of_the_replay(
    client_sqlite: FlaskClient, engine_sqlite: sa.Engine, row: Row
) -> None:
    begin(client_sqlite)
    send(client_sqlite, row, 2)

    metrics = client_sqlite.get("/metrics").get_data(as_text=True)

    assert "flarewatch_data_age_seconds 0.0" in metrics
