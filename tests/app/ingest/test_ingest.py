"""A batch is stored whole or not at all, and late batches do not turn time back."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from app.contract.schemas import Sender
from app.ingest import validation
from app.ingest.ingest_request import IngestRequest
from app.ingest.json_rows import read_rows
from database.engine import reading, writing
from database.schema.tables import metadata, observations, predictions, regions
from database.verification.rollup import refresh
from solar.errors import FlarewatchError

MakeApp = Callable[..., Flask]
Row = Callable[..., dict[str, Any]]
URL = "/api/v1/observations"


def contents(engine: sa.Engine) -> dict[str, int]:
    with reading(engine) as connection:
        return {
            table.name: int(
                connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            )
            for table in (observations, predictions, regions)
        }


def test_a_failure_at_the_last_step_leaves_nothing(
    engine_sqlite: sa.Engine, make_app: MakeApp, row: Row
) -> None:
    services = make_app(engine_sqlite).extensions["flarewatch"]
    now = services.clock()
    batch, _ = validation.validate(read_rows([row()])[0], now=now)
    with writing(engine_sqlite) as connection:
        connection.exec_driver_sql("ALTER TABLE senders RENAME TO senders_away")

    try:
        request = IngestRequest(batch, [], Sender(id="s"), began=0.0)
        with pytest.raises(FlarewatchError):
            services.ingest_store.store([request], now=now)
        assert contents(engine_sqlite) == {"observations": 0, "predictions": 0, "regions": 0}
    finally:
        with writing(engine_sqlite) as connection:
            connection.exec_driver_sql("ALTER TABLE senders_away RENAME TO senders")
    assert "senders" in metadata.tables


def test_a_late_batch_extends_the_past_and_keeps_the_newest_position(
    client: FlaskClient, row: Row
) -> None:
    later = row(t_rec="2014-03-02T00:00:00Z", lon_fwt=1.0, noaa_ars=[11990])
    earlier = row(t_rec="2014-03-01T00:00:00Z", lon_fwt=-12.0, noaa_ars=[11991])

    client.post(URL, json={"observations": [later]})
    client.post(URL, json={"observations": [earlier]})

    (region,) = client.get("/api/v1/regions").get_json()["items"]
    assert region["first_t_rec"] == "2014-03-01T00:00:00Z"
    assert region["last_t_rec"] == "2014-03-02T00:00:00Z"
    assert region["last_lon_fwt"] == 1.0
    assert region["noaa_ars"] == [11990, 11991]


def test_a_noaa_number_stands_for_the_harp_that_has_carried_it(
    client: FlaskClient, row: Row
) -> None:
    client.post(URL, json={"observations": [row()]})

    later = row(t_rec="2014-03-01T01:00:00Z", harpnum=None)
    client.post(URL, json={"observations": [later]})

    items = client.get(URL).get_json()["items"]
    assert [item["region"] for item in items] == [3721, 3721]


def test_a_batch_that_is_scattered_over_regions_and_times_is_recognised(
    client: FlaskClient, row: Row
) -> None:
    rows = [
        row(harpnum=100 + i, t_rec=f"2014-03-{1 + i % 28:02d}T{i % 24:02d}:00:00Z")
        for i in range(60)
    ]
    client.post(URL, json={"observations": rows})

    answer = client.post(URL, json={"observations": rows}).get_json()

    assert (answer["accepted"], answer["duplicates"]) == (0, 60)


def test_equal_content_has_equal_hashes_on_every_machine(row: Row) -> None:
    missing = row(keywords={"TOTUSJH": None, "R_VALUE": 0.0})
    absent = row(keywords={"R_VALUE": -0.0})
    other = row(keywords={"R_VALUE": 0.1})

    batch, rejected = read_rows([missing, absent, other])
    first, second, third = batch.content_hashes()

    assert rejected == []
    assert first == second != third
    # As computed once; a change here would turn every stored record into a revision.
    assert first == FROZEN_HASH
    assert np.array([first, third]).max() < 2**63


FROZEN_HASH = 1774437123410927439


def test_skill_is_answered_for_the_live_model_and_for_an_entrant(
    client: FlaskClient, engine: sa.Engine, row: Row
) -> None:
    covers = {"from": "2014-01-01T00:00:00Z", "to": "2014-03-10T00:00:00Z"}
    client.post("/api/v1/flares", json={"flares": [], "covers": covers})
    client.post(URL, json={"observations": [row()]})
    refresh(engine)
    query = "event=M1.0+&from=2014-03-01T00:00:00Z&to=2014-03-03T00:00:00Z"

    live = client.get(f"/api/v1/skill?{query}").get_json()
    entrant = client.get(f"/api/v1/skill?{query}&model=climatology-120d").get_json()
    unknown = client.get(f"/api/v1/skill?{query}&model=oracle")

    assert (live["n"], live["n_events"]) == (1, 0)
    assert live["message"] == "no events: undefined"
    assert entrant["model"] == "climatology-120d"
    assert unknown.status_code == 404


def test_skill_without_event_or_of_an_unknown_one_says_which_there_are(
    client_sqlite: FlaskClient,
) -> None:
    missing = client_sqlite.get("/api/v1/skill").get_json()
    unknown = client_sqlite.get("/api/v1/skill?event=M2.0").get_json()

    assert missing["errors"] == [{"path": "event", "message": "is missing"}]
    assert "choose one of C1.0, M1.0, M5.0, X1.0" in unknown["errors"][0]["message"]


@pytest.mark.parametrize("path", ["alerts", "senders", "models", "regions"])
def test_the_catalogue_answers_before_anything_was_sent(client: FlaskClient, path: str) -> None:
    body = client.get(f"/api/v1/{path}").get_json()

    assert set(body) == {"items", "next_cursor"}


def test_flares_listed_before_their_region_was_seen_count_in_its_first_forecast(
    client: FlaskClient, row: Row, flare_row: Row
) -> None:
    covers = {"from": "2014-02-01T00:00:00Z", "to": "2014-03-02T00:00:00Z"}
    by_noaa_number = {"flares": [flare_row()], "covers": covers}
    by_harp = {"observations": [row()], "flares": [flare_row(harpnum=3721)]}

    client.post("/api/v1/flares", json=by_noaa_number)
    client.post(URL, json={"observations": [row()]})

    (stored,) = client.get("/api/v1/predictions").get_json()["items"]
    (expected,) = client.post("/api/v1/predict", json=by_harp).get_json()["predictions"]
    assert stored["probabilities"] == expected["probabilities"]


def test_of_many_senders_with_the_same_new_rows_only_one_is_told_that_they_were_new(
    client: FlaskClient, row: Row
) -> None:
    rows = [
        row(harpnum=3721 + i % 3, t_rec=f"2014-03-0{1 + i // 24}T{i % 24:02}:00:00Z")
        for i in range(120)
    ]
    start = Barrier(4)

    def send(sender: str) -> dict[str, int]:
        start.wait()
        body = {"sender": {"id": sender}, "observations": rows}
        answer: dict[str, int] = client.application.test_client().post(URL, json=body).get_json()
        return answer

    with ThreadPoolExecutor(4) as senders:
        answers = list(senders.map(send, ["a", "b", "c", "d"]))

    assert sum(answer["accepted"] for answer in answers) == 120
    assert sum(answer["duplicates"] for answer in answers) == 360
