from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from stored_rows import store_leads
from synthetic_store import MANIFEST, MODEL, NOW, fill

from database.engine import reading, transact
from database.models import register
from database.rollup_days import mark_stale, stale_marks
from database.schema.rollup_tables import verification_stale
from database.schema.tables import predictions
from database.verification.rollup import refresh
from solar.flares import LEADS


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


@pytest.fixture
def with_windows(filled: FlaskClient, engine_sqlite: sa.Engine) -> FlaskClient:
    """The model forecasts all windows, with one probability for each event and window."""
    targets = [{"name": lead.name, "threshold": 0.1} for lead in LEADS]

    def add(connection: sa.Connection) -> None:
        register(
            connection, MANIFEST | {"targets": targets}, sha256="1" * 64, stage="live", now=NOW
        )
        keys = connection.execute(sa.select(predictions.c.region_id, predictions.c.t_rec)).all()
        given = [(k + 1) / 50 for k in range(len(LEADS))]
        store_leads(connection, [(*key, MODEL, 1, *given, NOW) for key in keys])
        mark_stale(connection, {key.t_rec.date() for key in keys})

    transact(engine_sqlite, add)
    refresh(engine_sqlite)
    return filled


@pytest.mark.parametrize("path", ["skill", "skill/strata"])
def test_a_window_is_asked_for_by_itself_or_in_the_name_of_the_event(
    with_windows: FlaskClient, path: str
) -> None:
    asked = f"/api/v1/{path}?model={MODEL}&event="
    apart, in_name, both = (
        with_windows.get(asked + words).get_json()
        for words in ("M1.0&window=d2", "M1.0/d2", "M1.0%2B/d2&window=d2")
    )

    assert apart == in_name == both
    assert (apart["event"], apart["window"]) == ("M1.0/d2", "d2")
    assert apart["threshold"] == {"value": 0.1, "source": "frozen"}
    of_day = with_windows.get(asked + "M1.0").get_json()
    assert of_day == with_windows.get(asked + "M1.0&window=24h").get_json()
    assert (of_day["event"], of_day["window"]) == ("M1.0", "24h")


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ("M1.0/d2&window=6h", "M1.0/d2 is not of window 6h"),
        ("M1.0/d2&window=24h", "M1.0/d2 is not of window 24h"),
        ("M1.0/week", "no window 'week'; choose one of 6h, 12h, 24h"),
        ("M2.0/d2", "no event 'M2.0'"),
    ],
)
def test_a_window_that_is_unknown_or_contradicts_the_event_is_refused(
    filled: FlaskClient, event: str, words: str
) -> None:
    answer = filled.get(f"/api/v1/skill?event={event}")

    assert answer.status_code == 422
    assert words in str(answer.get_json()["errors"])


@pytest.mark.parametrize("scope", ["region", "disk"])
def test_skill_by_lead_has_the_skill_of_every_window(with_windows: FlaskClient, scope: str) -> None:
    rest = f"model={MODEL}&scope={scope}&from=2014-02-03T00:00:00Z&to=2014-03-20T00:00:00Z"

    body = with_windows.get(f"/api/v1/skill/leads?event=M1.0&{rest}").get_json()

    assert (body["from"], body["to"], body["days_waiting"]) == ("2014-02-03", "2014-03-20", 0)
    model, *entrants = body["entrants"]
    assert [one["model"] for one in entrants] == [
        "climatology-120d",
        "climatology-365d",
        "persistence",
    ]
    for lead in model["leads"]:
        asked = f"/api/v1/skill?event=M1.0&window={lead['window']}&{rest}"
        whole = with_windows.get(asked).get_json()
        assert (lead["n"], lead["n_events"]) == (whole["n"], whole["n_events"])
        assert lead["n_events"] > 0
        assert lead["bss"] == pytest.approx(whole["scores"]["bss"], abs=1e-9)


def test_skill_by_lead_of_one_window_or_of_an_entrant_is_refused(filled: FlaskClient) -> None:
    for asked, words in (
        ("event=M1.0/d2", "no event"),
        ("event=M1.0&model=persistence", "a model"),
    ):
        answer = filled.get(f"/api/v1/skill/leads?{asked}")

        assert answer.status_code == 422
        assert words in str(answer.get_json())


@pytest.mark.parametrize("path", ["skill", "skill/strata", "skill/leads"])
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
