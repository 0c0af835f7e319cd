"""Forecasts of an event from a least probability on, page by page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

URL = "/api/v1/predictions"
Row = Callable[..., dict[str, Any]]


def items(client: FlaskClient, query: str) -> dict[str, Any]:
    response = client.get(f"{URL}?{query}")
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.get_json()
    return found


@pytest.fixture
def stored(client: FlaskClient, row: Row) -> list[dict[str, Any]]:
    fluxes = [1e20, 1e21, 1e22, 5e22]
    rows = [
        row(t_rec=f"2014-03-01T0{hour}:00:00Z", keywords={**row()["keywords"], "USFLUX": flux})
        for hour, flux in enumerate(fluxes)
    ]
    # Beyond the longitude limit no forecast is made.
    rows.append(row(t_rec="2014-03-01T05:00:00Z", lon_fwt=80.0))
    posted = client.post("/api/v1/observations", json={"observations": rows})
    assert posted.get_json()["accepted"] == len(rows)
    found: list[dict[str, Any]] = items(client, "")["items"]
    return found


def test_only_forecasts_from_the_least_probability_on_are_listed(
    client: FlaskClient, stored: list[dict[str, Any]]
) -> None:
    given = sorted(i["probabilities"]["M1.0"] for i in stored if i["probabilities"]["M1.0"])
    least = given[len(given) // 2]

    found = items(client, f"event=M1.0&min_probability={least!r}")["items"]

    expected = [i for i in stored if (i["probabilities"]["M1.0"] or 0) >= least]
    assert found == expected
    assert len(found) < len(stored)


def test_an_event_alone_leaves_out_what_was_withheld(
    client: FlaskClient, stored: list[dict[str, Any]]
) -> None:
    found = items(client, "event=C1.0")["items"]

    assert len(found) == len(stored) - 1


def test_pages_of_likely_forecasts_hold_each_once(
    client: FlaskClient, stored: list[dict[str, Any]]
) -> None:
    times, cursor = [], ""
    while True:
        page = items(client, f"event=C1.0&limit=2{cursor}")
        times += [item["t_rec"] for item in page["items"]]
        if not page["next_cursor"]:
            break
        cursor = f"&cursor={page['next_cursor']}"

    assert times == sorted(set(times))
    assert len(times) == 4


@pytest.mark.parametrize("query", ["event=Z1", "min_probability=2", "min_probability=nan"])
def test_what_is_no_event_or_probability_is_refused(client_sqlite: FlaskClient, query: str) -> None:
    assert client_sqlite.get(f"{URL}?{query}").status_code == 422
