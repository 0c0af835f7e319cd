from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from synthetic_store import fill

from database.engine import reading, transact
from database.rollup_days import stale_marks
from database.schema.rollup_tables import verification_stale
from database.schema.tables import predictions
from database.verification.rollup import refresh


@pytest.fixture
def filled(client_sqlite: FlaskClient, engine_sqlite: sa.Engine) -> FlaskClient:
    fill(engine_sqlite)
    return client_sqlite


def test_the_strata_of_a_model_are_served(filled: FlaskClient, engine_sqlite: sa.Engine) -> None:
    refresh(engine_sqlite)

    answer = filled.get("/api/v1/skill/strata?event=M1.0&model=logistic@1.0.0&scope=region")

    body = answer.get_json()
    assert answer.status_code == 200
    assert body["threshold"] == {"value": 0.05, "source": "frozen"}
    assert [band["low"] for band in body["longitude"]] == [-90, -60, -30, 0, 30, 60, None]
    assert body["first_flare"]["n"] > body["first_flare"]["n_events"] > 0
    assert set(body["latency"]) == {"n", "p50_s", "p95_s", "p99_s"}


def test_shared_cases_bring_the_other_models_in(
    filled: FlaskClient, engine_sqlite: sa.Engine
) -> None:
    def shadow(connection: sa.Connection) -> None:
        live = sa.select(predictions).where(predictions.c.model_id == "logistic@1.0.0")
        rows = [row._asdict() | {"model_id": "gradient-boosting@1.0.0"}
                for row in connection.execute(live)]  # fmt: skip
        connection.execute(predictions.insert(), rows)

    transact(engine_sqlite, shadow)
    refresh(engine_sqlite)
    asked = "/api/v1/skill?event=M1.0&model=logistic@1.0.0&threshold=0.05"

    body = filled.get(asked + "&cases=shared").get_json()

    other = next(one for one in body["entrants"] if one["model"] == "gradient-boosting@1.0.0")
    assert other["scores"] == body["scores"]
    assert body["differences"]["gradient-boosting@1.0.0"]["tss"] == {
        "value": 0, "low": 0, "high": 0,
    }  # fmt: skip
    assert filled.get(asked + "&cases=some").status_code == 422


@pytest.mark.parametrize("path", ["skill", "skill/strata"])
def test_skill_only_reads_and_says_how_many_days_are_still_to_be_counted(
    client: FlaskClient, engine: sa.Engine, row: Callable[..., dict[str, Any]], path: str
) -> None:
    client.post("/api/v1/observations", json={"observations": [row()]})
    asked = f"/api/v1/{path}?event=M1.0"
    april = "&from=2014-04-01T00:00:00Z&to=2014-05-01T00:00:00Z"
    with reading(engine) as connection:
        before = stale_marks(connection, verification_stale, 10)

    waiting, elsewhere = (client.get(asked + dates).get_json() for dates in ("", april))

    with reading(engine) as connection:
        assert stale_marks(connection, verification_stale, 10) == before
    assert (waiting["days_waiting"], elsewhere["days_waiting"]) == (len(before), 0)
    refresh(engine)
    assert client.get(asked).get_json()["days_waiting"] == 0


def test_an_entrant_has_no_strata(filled: FlaskClient) -> None:
    answer = filled.get("/api/v1/skill/strata?event=M1.0&model=persistence")

    assert answer.status_code in (400, 422)
    assert "has no strata" in answer.get_json()["detail"]
