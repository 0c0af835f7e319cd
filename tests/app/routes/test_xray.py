"""X-ray flux comes in by the minute and can be revised."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from played_replay import replay

from solar.time import parse_time

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


@pytest.mark.parametrize(
    ("speed", "last", "too_late"),
    [
        (0.0, "2014-03-29T18:48:00Z", "2014-03-29T18:49:00Z"),
        # Five seconds of the wall are as many hours of the Sun.
        (3600.0, "2014-03-29T22:30:00Z", "2014-03-29T23:30:00Z"),
        # A day after the last record.
        (None, "2014-04-09T17:48:00Z", "2014-04-09T17:49:00Z"),
    ],
)
def test_in_a_replay_a_minute_of_the_future_is_one_after_the_clock_of_the_sun(
    client_sqlite: FlaskClient, speed: float | None, last: str, too_late: str
) -> None:
    engine = client_sqlite.application.extensions["flarewatch"].engine
    replay(engine, parse_time("2014-03-29T17:48:00Z"), speed=speed)

    answer = post(client_sqlite, minute(last), minute(too_late)).get_json()

    assert answer["accepted"] == 1
    assert [row["index"] for row in answer["rejected"]] == [1]


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
