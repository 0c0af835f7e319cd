"""An agency's region summaries and forecasts come in, can be revised, and are scored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from database.engine import reading, transact
from database.harps import add_harp_pairs
from database.schema.tables import disk_forecasts, predictions, superseded_predictions

REPORTS, FORECASTS = "/api/v1/region-reports", "/api/v1/agency-forecasts"


def report(**changes: Any) -> dict[str, Any]:
    return {
        "noaa_ar": 11990, "observed_at": "2014-03-01T00:00:00Z", "lon_deg": -63.0, "lat_deg": 13.0,
        "area_msh": 250.0, "spot_class": "Dkc", "mag_class": "BGD", "spots": 12,
    } | changes  # fmt: skip


def forecast(m1: float = 0.25, **changes: Any) -> dict[str, Any]:
    said = {"C1.0": 0.6, "M1.0": m1, "X1.0": 0.05}
    return {
        "noaa_ar": 11990, "valid_from": "2014-04-01T00:00:00Z", "probabilities": said,
    } | changes  # fmt: skip


def post_reports(client: FlaskClient, *reports: Any) -> Any:
    return client.post(REPORTS, json={"source": "swpc", "reports": reports})


def post_forecasts(client: FlaskClient, *forecasts: Any, model: str = "swpc@1") -> Any:
    return client.post(FORECASTS, json={"model": model, "forecasts": forecasts})


def counts(answer: Any) -> tuple[int, int, int]:
    body = answer.get_json()
    return body["accepted"], body["duplicates"], body["revised"]


def test_a_report_is_stored_once_and_revised_by_posting_it_again(client: FlaskClient) -> None:
    answers = [post_reports(client, report(area_msh=area)) for area in (250.0, 250.0, 260.0)]

    assert [counts(answer) for answer in answers] == [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
    items = client.get(REPORTS).get_json()["items"]
    assert [(item["noaa_ar"], item["area_msh"]) for item in items] == [(11990, 260.0)]


def test_reports_are_listed_page_by_page(client: FlaskClient) -> None:
    days = [f"2014-03-0{day}T00:00:00Z" for day in (1, 2, 3)]
    post_reports(
        client, *(report(noaa_ar=ar, observed_at=at) for at in days for ar in (11991, 11990))
    )

    seen: list[tuple[str, int]] = []
    cursor = ""
    while True:
        body = client.get(f"{REPORTS}?from=2014-03-02T00:00:00Z&limit=3{cursor}").get_json()
        seen += [(item["observed_at"], item["noaa_ar"]) for item in body["items"]]
        if body["next_cursor"] is None:
            break
        cursor = f"&cursor={body['next_cursor']}"

    assert seen == [(at, ar) for at in days[1:] for ar in (11990, 11991)]


def test_a_report_that_cannot_be_is_refused_by_row(client_sqlite: FlaskClient) -> None:
    rows = [report(), report(lon_deg=-200.0), report(observed_at="2044-01-01T00:00:00Z")]

    answer = post_reports(client_sqlite, *rows).get_json()

    assert answer["accepted"] == 1
    paths = [error["path"] for row in answer["rejected"] for error in row["errors"]]
    assert paths == ["reports[1].lon_deg", "reports[2].observed_at"]


def test_a_region_forecast_stands_at_the_record_nearest_to_the_begin_of_its_window(
    client: FlaskClient, engine: sa.Engine
) -> None:
    transact(engine, lambda connection: add_harp_pairs(connection, [(3721, 11990)]))

    assert counts(post_forecasts(client, forecast())) == (1, 0, 0)

    items = client.get("/api/v1/predictions?model=swpc@1").get_json()["items"]
    # 00:00:00 TAI is 35 s before 00:00:00 UTC in 2014.
    assert [(item["region"], item["t_rec"]) for item in items] == [(3721, "2014-03-31T23:59:25Z")]
    assert items[0]["probabilities"] == {"C1.0": 0.6, "M1.0": 0.25, "M5.0": None, "X1.0": 0.05}


def test_two_numbers_of_one_harp_make_one_forecast(
    client_sqlite: FlaskClient, engine_sqlite: sa.Engine
) -> None:
    transact(
        engine_sqlite, lambda connection: add_harp_pairs(connection, [(3721, 11990), (3721, 11991)])
    )

    post_forecasts(client_sqlite, forecast(0.2), forecast(0.5, noaa_ar=11991))

    items = client_sqlite.get("/api/v1/predictions?model=swpc@1").get_json()["items"]
    # 1 - 0.8 x 0.5
    assert [item["probabilities"]["M1.0"] for item in items] == [pytest.approx(0.6)]


def test_a_change_before_the_window_begins_supersedes_and_one_long_after_is_refused(
    client: FlaskClient, engine: sa.Engine, clock: Any
) -> None:
    disk = {"noaa_ar": None}
    clock.now = datetime(2014, 3, 31, 22, tzinfo=UTC)
    post_forecasts(client, forecast(0.2), forecast(0.2, **disk))
    clock.now += timedelta(hours=3)
    revised = post_forecasts(client, forecast(0.3), forecast(0.3, **disk))
    clock.now += timedelta(hours=3)

    late = post_forecasts(
        client, forecast(0.9), forecast(0.9, **disk), forecast(0.3, noaa_ar=12000)
    )

    assert counts(revised) == (0, 0, 2)
    assert counts(late) == (1, 0, 0)
    assert [row["index"] for row in late.get_json()["rejected"]] == [0, 1]
    with reading(engine) as connection:
        now = connection.scalars(sa.select(predictions.c.m1).where(predictions.c.revision == 2))
        before = connection.scalars(sa.select(superseded_predictions.c.m1)).all()
        of_disk = connection.scalars(sa.select(disk_forecasts.c.m1)).all()
        assert (list(now), before, of_disk) == ([0.3], [0.2], [0.3])


def test_a_record_that_is_revised_leaves_the_agencys_forecast_as_it_is(
    client: FlaskClient, engine: sa.Engine, row: Any
) -> None:
    at_midnight = {"t_rec": "2014-03-29T23:59:25Z"}
    client.post("/api/v1/observations", json={"observations": [row(**at_midnight)]})
    post_forecasts(client, forecast(valid_from="2014-03-30T00:00:00Z"))

    client.post("/api/v1/observations", json={"observations": [row(lon_fwt=-12.0, **at_midnight)]})

    with reading(engine) as connection:
        old = superseded_predictions.c
        models = set(connection.scalars(sa.select(old.model_id).where(old.region_id == 3721)))
    assert models
    assert "swpc@1" not in models


def test_an_agency_cannot_speak_for_a_model_of_the_house(client_sqlite: FlaskClient) -> None:
    live = client_sqlite.get("/api/v1/models").get_json()["items"][0]["model"]

    answer = post_forecasts(client_sqlite, forecast(), model=live)

    assert answer.status_code == 422
    assert "served here" in answer.get_json()["detail"]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"noaa_ar": None, "valid_from": "2014-04-01T06:00:00Z"}, "valid_from"),
        ({"valid_from": "2014-04-09T00:00:00Z"}, "valid_from"),
        ({"probabilities": {"M1.0": 25}}, "probabilities.M1.0"),
        ({"probabilities": {"M": 0.25}}, "probabilities"),
        ({"probabilities": {}}, "probabilities"),
    ],
)
def test_a_forecast_that_cannot_be_scored_is_refused(
    client_sqlite: FlaskClient, changes: dict[str, Any], path: str
) -> None:
    answer = post_forecasts(client_sqlite, forecast(**changes))

    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["path"].startswith(f"forecasts[0].{path}")


def test_the_agency_stands_among_the_models_as_one_that_nobody_serves(
    client_sqlite: FlaskClient,
) -> None:
    post_forecasts(client_sqlite, forecast())

    items = client_sqlite.get("/api/v1/models").get_json()["items"]
    assert [(item["model"], item["stage"]) for item in items][-1] == ("swpc@1", "agency")
