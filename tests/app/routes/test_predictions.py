"""Stored forecasts are those of the artefact, known as of a time, and come in three formats."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest
from flask.testing import FlaskClient

from model_training.artefact import artifact
from model_training.features import HISTORY_FEATURES, FlareHistory, history_features

URL = "/api/v1/predictions"
Row = Callable[..., dict[str, Any]]
ARTIFACTS = Path(artifact.__file__).parents[1] / "artifacts"


def post(client: FlaskClient, *rows: Any) -> None:
    response = client.post("/api/v1/observations", json={"observations": list(rows)})
    assert response.status_code == 200, response.text


def items(client: FlaskClient, query: str = "") -> list[dict[str, Any]]:
    response = client.get(f"{URL}?{query}")
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.get_json()["items"]
    return found


def test_a_stored_forecast_is_what_the_artefact_says_of_the_same_features(
    client: FlaskClient, row: Row, flare_row: Row
) -> None:
    covers = {"from": "2014-01-01T00:00:00Z", "to": "2014-03-02T00:00:00Z"}
    posted = client.post("/api/v1/flares", json={"flares": [flare_row()], "covers": covers})
    assert posted.get_json()["accepted"] == 1
    post(client, row(noaa_ars=[11990], harpnum=None))

    (item,) = items(client)

    at = np.array(["2014-03-01"], "datetime64[us]")
    peak_at = np.array(["2014-02-28T10:12"], "datetime64[us]")
    region = np.array([-11990])
    history = history_features(
        region, at, FlareHistory(peak_at, np.array([1.4e-5]), region), known=np.array([True])
    )
    model = artifact.load(ARTIFACTS / item["model"].replace("@", "-"))
    scores = model.score({k: np.array([v]) for k, v in row()["keywords"].items()} | history)
    names = [event.name for event in model.manifest.events]
    expected = dict(zip(names, scores.calibrated[0], strict=True))
    assert history["FLARES_M_24H"] == [1.0]
    assert item["rung"] == "full"
    for name, probability in item["probabilities"].items():
        assert probability == (None if np.isnan(expected[name]) else float(expected[name]))
    assert item["valid_to"] == "2014-03-02T00:00:00Z"


def test_without_flare_list_the_history_is_missing_and_the_forecast_partial(
    client_sqlite: FlaskClient, row: Row
) -> None:
    post(client_sqlite, row())

    (item,) = items(client_sqlite)

    names = artifact.load(ARTIFACTS / item["model"].replace("@", "-")).feature_names
    n_missing = len(set(names) & set(HISTORY_FEATURES))
    assert item["rung"] == "partial"
    assert item["imputed_share"] == pytest.approx(n_missing / len(names))


@pytest.mark.parametrize("lon_fwt", [70.1, -75.0])
def test_beyond_70_degrees_the_observation_is_stored_and_the_forecast_withheld(
    client: FlaskClient, row: Row, lon_fwt: float
) -> None:
    post(client, row(lon_fwt=lon_fwt))

    found = items(client, "model=all")

    assert len(found) == 2
    for item in found:
        assert set(item["probabilities"].values()) == set(item["raw"].values()) == {None}
        assert item["rung"] == "none"
        assert "more than 70 degrees" in item["reason"]


def test_a_region_without_position_is_forecast(client_sqlite: FlaskClient, row: Row) -> None:
    post(client_sqlite, row(lon_fwt=None, lat_fwt=None))

    (item,) = items(client_sqlite)

    assert item["probabilities"]["C1.0"] is not None


def test_probabilities_do_not_rise_towards_rarer_events(
    client_sqlite: FlaskClient, row: Row
) -> None:
    post(client_sqlite, row())

    for item in items(client_sqlite, "model=all"):
        given = [p for p in item["probabilities"].values() if p is not None]
        assert given == sorted(given, reverse=True)


def test_as_of_answers_with_what_was_known_then(client: FlaskClient, row: Row, clock: Any) -> None:
    clock.now = datetime.fromisoformat("2014-03-01T00:10:00Z")
    post(client, row())
    first = items(client)
    clock.now += timedelta(hours=1)
    post(
        client,
        row(keywords=row()["keywords"] | {"TOTUSJH": 5000.0, "R_VALUE": 5.2, "USFLUX": 6e22}),
    )

    second = items(client)

    assert second[0]["revision"] == 2
    assert second[0]["raw"] != first[0]["raw"]
    assert items(client, "as_of=2014-03-01T00:30:00Z") == first
    assert items(client, "as_of=2014-03-01T01:10:00Z") == second
    assert items(client, "as_of=2014-03-01T00:00:00Z") == []


def test_pages_over_all_models_join_without_a_gap_or_a_double(
    client: FlaskClient, row: Row
) -> None:
    hours = [f"2014-03-01T{hour:02d}:00:00Z" for hour in range(4)]
    post(client, *(row(t_rec=t_rec, harpnum=harp) for t_rec in hours for harp in (3721, 3722)))
    whole = items(client, "model=all")

    seen: list[dict[str, Any]] = []
    cursor = ""
    while cursor is not None:
        query = "model=all&limit=3" + (f"&cursor={cursor}" if cursor else "")
        page = client.get(f"{URL}?{query}").get_json()
        seen += page["items"]
        cursor = page["next_cursor"]

    assert len(whole) == 16
    assert seen == whole


def test_files_with_and_without_rows_have_the_same_types(
    client_sqlite: FlaskClient, row: Row
) -> None:
    client_sqlite.post("/api/v1/observations", json={"observations": [row()]})
    never = "from=2010-06-01T00:00:00Z&to=2010-06-02T00:00:00Z"

    for noun in ("observations", "predictions", "conflicts"):
        full, empty = (
            pyarrow.parquet.read_table(io.BytesIO(client_sqlite.get(address).data))
            for address in (
                f"/api/v1/{noun}?format=parquet",
                f"/api/v1/{noun}?format=parquet&{never}",
            )
        )
        assert empty.schema == full.schema
        assert empty.num_rows == 0
        assert pyarrow.null() not in full.schema.types


def test_csv_and_parquet_say_the_same_as_json(client_sqlite: FlaskClient, row: Row) -> None:
    post(client_sqlite, row(), row(t_rec="2014-03-01T01:00:00Z", lon_fwt=80.0))
    listed = items(client_sqlite)

    csv = client_sqlite.get(f"{URL}?format=csv")
    parquet = client_sqlite.get(f"{URL}?format=parquet&limit=1")

    assert csv.content_type.startswith("text/csv")
    lines = pyarrow.csv.read_csv(io.BytesIO(csv.data)).to_pylist()
    assert [line["M1.0"] for line in lines] == [i["probabilities"]["M1.0"] for i in listed]
    (only,) = pyarrow.parquet.read_table(io.BytesIO(parquet.data)).to_pylist()
    assert only["C1.0_raw"] == listed[0]["raw"]["C1.0"]
    assert only["t_rec"] == datetime.fromisoformat("2014-03-01T00:00:00Z")
    assert parquet.headers["X-Next-Cursor"]


def test_the_answer_to_a_batch_can_carry_its_forecasts(
    client_sqlite: FlaskClient, row: Row
) -> None:
    answer = client_sqlite.post(
        "/api/v1/observations?return=predictions", json={"observations": [row()]}
    ).get_json()

    # One lists the live model first, the other models by their name.
    issued = sorted(answer["predictions"], key=lambda one: one["model"])
    assert issued == items(client_sqlite, "model=all")


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("from=2014-03-02T00:00:00Z&to=2014-03-01T00:00:00Z", 422, "turned round"),
        ("from=2014-03-02", 422, "see errors"),
        ("model=oracle@9.9.9", 404, "registered are: "),
        ("limit=10001", 422, "see errors"),
        ("cursor=abc", 422, "see errors"),
        ("cursor=!", 422, "see errors"),
        ("limit=1&limit=2", 422, "see errors"),
        ("forecast=1", 422, "see errors"),
        ("format=xml", 422, "see errors"),
    ],
)
def test_a_query_that_cannot_be_answered_says_why(
    client_sqlite: FlaskClient, query: str, status: int, words: str
) -> None:
    response = client_sqlite.get(f"{URL}?{query}")

    assert response.status_code == status
    assert words in response.get_json()["detail"]


def test_predict_scores_the_newest_row_of_each_region_and_stores_nothing(
    client: FlaskClient, row: Row, flare_row: Row
) -> None:
    rows = [row(t_rec=f"2014-03-01T0{hour}:00:00Z") for hour in (0, 2, 1)]
    rows.append(row(harpnum=None, noaa_ars=[11996]))

    answer = client.post(
        "/api/v1/predict", json={"observations": rows, "flares": [flare_row()]}
    ).get_json()

    found = {item["region"]: item for item in answer["predictions"]}
    assert {region: item["t_rec"] for region, item in found.items()} == {
        3721: "2014-03-01T02:00:00Z", -11996: "2014-03-01T00:00:00Z",
    }  # fmt: skip
    assert found[3721]["rung"] == "full"
    assert items(client) == []


def test_predict_equals_what_is_stored_for_the_same_rows(
    client_sqlite: FlaskClient, row: Row
) -> None:
    post(client_sqlite, row())

    answer = client_sqlite.post("/api/v1/predict", json={"observations": [row()]}).get_json()

    (stored,), (fresh,) = items(client_sqlite), answer["predictions"]
    assert fresh["probabilities"] == stored["probabilities"]


def test_a_window_without_a_usable_row_is_refused_with_its_faults(
    client_sqlite: FlaskClient, row: Row
) -> None:
    response = client_sqlite.post("/api/v1/predict", json={"observations": [row(t_rec="now")]})

    assert response.status_code == 422
    assert response.get_json()["errors"][0]["path"] == "observations[0].t_rec"
