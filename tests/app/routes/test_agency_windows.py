"""An agency's forecasts name their window and their sense; exact ones are no exceedance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from database.engine import reading
from database.schema.forecast_tables import agency_forecasts
from database.schema.tables import disk_forecasts, predictions

FORECASTS = "/api/v1/agency-forecasts"
DAY = datetime(2014, 4, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _issued_on_the_day(clock: Any) -> None:
    clock.now = DAY + timedelta(hours=1)


def forecast(m1: float = 0.25, *, day: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "valid_from": f"2014-04-0{day}T00:00:00Z",
        "probabilities": {"M1.0": m1, "X1.0": 0.05},
    } | changes


def post(client: FlaskClient, *forecasts: Any, model: str = "moswoc@1", **changes: Any) -> Any:
    return client.post(FORECASTS, json={"model": model, "forecasts": forecasts} | changes)


def counts(answer: Any) -> tuple[int, int, int]:
    body = answer.get_json()
    return body["accepted"], body["duplicates"], body["revised"]


def stored(engine: sa.Engine, table: sa.Table = agency_forecasts) -> list[dict[str, Any]]:
    with reading(engine) as connection:
        return [dict(row._mapping) for row in connection.execute(sa.select(table))]


def test_the_same_day_is_another_forecast_in_another_window(
    client: FlaskClient, engine: sa.Engine
) -> None:
    answer = post(client, forecast(0.3, day=2), forecast(0.4, day=2, window="d2"))
    again = post(client, forecast(0.3, day=2, window="d1"), forecast(0.5, day=2, window="d2"))

    assert (counts(answer), counts(again)) == ((2, 0, 0), (0, 1, 1))
    kept = {row["window_name"]: (row["m1"], row["revision"]) for row in stored(engine)}
    assert kept == {"24h": (0.3, 1), "d2": (0.5, 2)}
    assert [row["m1"] for row in stored(engine, disk_forecasts)] == [0.3]


def test_day_2_cannot_be_changed_on_the_day_itself(client_sqlite: FlaskClient, clock: Any) -> None:
    # By then it would be a forecast of the first day.
    post(client_sqlite, forecast(0.3, day=2), forecast(0.3, day=2, window="d2"))
    clock.now += timedelta(hours=22)

    late = post(client_sqlite, forecast(0.4, day=2), forecast(0.4, day=2, window="d2"))

    assert counts(late) == (0, 0, 1)
    assert [row["index"] for row in late.get_json()["rejected"]] == [1]


def test_an_exact_probability_is_stored_and_never_scored_as_an_exceedance(
    client_sqlite: FlaskClient, engine_sqlite: sa.Engine
) -> None:
    of_region = forecast(noaa_ar=11990, semantics="exact")

    assert counts(post(client_sqlite, forecast(semantics="exact"), of_region)) == (2, 0, 0)

    assert {row["semantics"] for row in stored(engine_sqlite)} == {"exact"}
    assert stored(engine_sqlite, disk_forecasts) == []
    assert stored(engine_sqlite, predictions) == []


def test_by_wish_the_exceedance_is_derived_under_a_name_that_says_so(
    client_sqlite: FlaskClient, engine_sqlite: sa.Engine
) -> None:
    exact = {"C1.0": 0.6, "M1.0": 0.4, "X1.0": 0.1}
    without_x = {"C1.0": 0.6, "M1.0": 0.4}
    rows = [
        forecast(probabilities=exact, semantics="exact"),
        forecast(day=2, window="d2", probabilities=without_x, semantics="exact"),
    ]

    answer = post(client_sqlite, *rows, derived=True)

    assert counts(answer) == (2, 0, 0)
    (scored,) = stored(engine_sqlite, disk_forecasts)
    assert scored["model_id"] == "moswoc@1+derived"
    # M1.0+: 1 - 0.6 x 0.9; C1.0+: 1 - 0.4 x 0.6 x 0.9; M5.0 is no class of its own.
    values = [scored[name] for name in ("c1", "m1", "m5", "x1")]
    assert values == [pytest.approx(0.784), pytest.approx(0.46), None, pytest.approx(0.1)]
    # Without X nothing at or above M is known.
    unknown = [row for row in stored(engine_sqlite) if row["semantics"] == "exceed"][-1]
    assert [unknown[name] for name in ("c1", "m1", "x1")] == [None, None, None]
    names = {item["model"] for item in client_sqlite.get("/api/v1/models").get_json()["items"]}
    assert names >= {"moswoc@1", "moswoc@1+derived"}
    for plus in ("%2B", "+"):
        address = f"/api/v1/skill?event=M1.0&scope=disk&model=moswoc@1{plus}derived"
        assert client_sqlite.get(address).get_json()["model"] == "moswoc@1+derived"


def test_one_name_gives_its_events_in_one_sense(client_sqlite: FlaskClient) -> None:
    post(client_sqlite, forecast(semantics="exact"))

    later = post(client_sqlite, forecast(day=2))
    at_once = post(client_sqlite, forecast(), forecast(day=2, semantics="exact"), model="another@1")

    for answer in (later, at_once):
        assert answer.status_code == 422
        assert "both as exceed (of at least the class) and as exact" in answer.get_json()["detail"]
        assert "another name" in answer.get_json()["detail"]
    assert counts(post(client_sqlite, forecast(day=2), model="another@1")) == (1, 0, 0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"window": "72h"}, "no window '72h'; choose one of 6h, 12h, 24h, 48h, d2, d3"),
        ({"semantics": "about"}, "exceed"),
        ({"semantics": "exact", "probabilities": {"M5.0": 0.1}}, "M5.0 has no exact sense"),
        ({"lower": {"M1.0": 0.3}}, "lower <= probability <= upper"),
        ({"upper": {"M1.0": 0.2}}, "lower <= probability <= upper"),
        ({"lower": {"C1.0": 0.2}}, "C1.0 needs lower"),
    ],
)
def test_what_contradicts_itself_is_refused_with_its_reason(
    client_sqlite: FlaskClient, changes: dict[str, Any], words: str
) -> None:
    answer = post(client_sqlite, forecast(**changes))

    assert answer.status_code == 422
    assert words in str(answer.get_json()["errors"])


@pytest.mark.parametrize(
    ("model", "row", "words"),
    [
        ("moswoc@1", forecast(), "only exact probabilities have others derived"),
        ("moswoc@edition2", forecast(semantics="exact"), "shorter name"),
    ],
)
def test_what_cannot_be_derived_is_refused(
    client_sqlite: FlaskClient, engine_sqlite: sa.Engine, model: str, row: Any, words: str
) -> None:
    answer = post(client_sqlite, row, model=model, derived=True)

    assert answer.status_code == 422
    assert words in str(answer.get_json())
    assert stored(engine_sqlite) == []


def test_bounds_are_kept_as_given(client: FlaskClient, engine: sa.Engine) -> None:
    bounds = {"lower": {"M1.0": 0.2}, "upper": {"M1.0": 0.4, "X1.0": 0.1}}

    assert counts(post(client, forecast(0.25, **bounds))) == (1, 0, 0)
    assert counts(post(client, forecast(0.25, **bounds))) == (0, 1, 0)

    (row,) = stored(engine)
    kept = {name: row[name] for name in ("lower_m1", "upper_m1", "lower_x1", "upper_x1")}
    assert kept == {"lower_m1": 0.2, "upper_m1": 0.4, "lower_x1": None, "upper_x1": 0.1}


def test_skill_is_asked_by_window_and_answers_24_h_without_one(client_sqlite: FlaskClient) -> None:
    post(client_sqlite, forecast())
    asked = {"model": "moswoc@1", "event": "M1.0", "scope": "disk"}

    for path in ("/api/v1/skill", "/api/v1/skill/strata"):
        answers = [
            client_sqlite.get(path, query_string=asked | {"window": window}).get_json()
            for window in ("d1", "24h", "d2")
        ]
        default = client_sqlite.get(path, query_string=asked).get_json()
        assert answers[0] == answers[1] == default
        assert (default["event"], default["window"]) == ("M1.0", "24h")
        assert (answers[2]["event"], answers[2]["window"]) == ("M1.0/d2", "d2")
    wrong = client_sqlite.get("/api/v1/skill", query_string=asked | {"window": "d4"})
    assert wrong.status_code == 422
