"""X-ray flux comes in by the minute and can be revised."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

URL = "/api/v1/xray-flux"


def minute(at: str = "2014-03-29T17:48:00Z", flux: float | None = 1e-4) -> dict[str, Any]:
    return {"minute_at": at, "flux_w_m2": flux}


def post(client: FlaskClient, *flux: Any, satellite: str = "G15") -> Any:
    return client.post(URL, json={"satellite": satellite, "flux": list(flux)})


def test_a_minute_is_stored_once_and_revised_by_posting_it_again(client: FlaskClient) -> None:
    answers = [post(client, minute(flux=flux)).get_json() for flux in (1e-4, 1e-4, 2e-4)]

    counts = [(a["accepted"], a["duplicates"], a["revised"]) for a in answers]
    assert counts == [(1, 0, 0), (0, 1, 0), (0, 0, 1)]


def test_an_unmeasured_minute_is_accepted_as_null(client_sqlite: FlaskClient) -> None:
    assert post(client_sqlite, minute(flux=None)).get_json()["accepted"] == 1


def test_seconds_are_cut_off(client_sqlite: FlaskClient) -> None:
    answer = post(client_sqlite, minute(), minute("2014-03-29T17:48:30Z")).get_json()

    assert (answer["accepted"], answer["duplicates"]) == (1, 1)


def test_a_sentinel_and_a_minute_of_the_future_are_refused_by_row(
    client_sqlite: FlaskClient,
) -> None:
    rows = [minute(), minute(flux=-99999), minute("2044-01-01T00:00:00Z")]

    answer = post(client_sqlite, *rows).get_json()

    assert answer["accepted"] == 1
    assert [row["index"] for row in answer["rejected"]] == [1, 2]
    assert answer["rejected"][1]["errors"][0]["path"] == "flux[2].minute_at"


def test_a_request_of_which_nothing_can_be_used_is_refused(client_sqlite: FlaskClient) -> None:
    answer = post(client_sqlite, minute(flux=0.0))

    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["path"] == "flux[0].flux_w_m2"


def test_the_satellite_must_be_named(client_sqlite: FlaskClient) -> None:
    answer = client_sqlite.post(URL, json={"flux": [minute()]})

    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["path"] == "satellite"


def test_a_call_takes_five_thousand_minutes_and_no_more(client_sqlite: FlaskClient) -> None:
    assert post(client_sqlite, *[minute()] * 5001).status_code == 413
    assert post(client_sqlite).status_code == 422
