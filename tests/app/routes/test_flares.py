"""Observed flares come in, are mended, revised and listed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

URL = "/api/v1/flares"
Row = Callable[..., dict[str, Any]]


def post(client: FlaskClient, *flares: Any, **envelope: Any) -> dict[str, Any]:
    response = client.post(URL, json={"flares": list(flares), **envelope})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.get_json()
    return answer


def test_a_flare_is_stored_once_and_revised_by_posting_it_again(
    client: FlaskClient, flare_row: Row
) -> None:
    first = post(client, flare_row())
    second = post(client, flare_row())
    third = post(client, flare_row(goes_class="M2.0"))

    counts = [(a["accepted"], a["duplicates"], a["revised"]) for a in (first, second, third)]
    assert counts == [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
    (item,) = client.get(URL).get_json()["items"]
    assert (item["goes_class"], item["revision"], item["region"]) == ("M2.0", 2, -11990)


def test_a_peak_before_its_start_is_mended_and_counted(
    client_sqlite: FlaskClient, flare_row: Row
) -> None:
    midnight = flare_row(
        start="2014-02-28T23:55:00Z", peak="2014-02-28T00:05:00Z", end="2014-03-01T00:15:00Z"
    )

    answer = post(client_sqlite, midnight)

    assert (answer["accepted"], answer["repaired"]) == (1, 1)
    (item,) = client_sqlite.get(URL).get_json()["items"]
    assert item["peak"] == "2014-03-01T00:05:00Z"


def test_the_good_flares_of_a_list_are_stored_and_the_others_named(
    client_sqlite: FlaskClient, flare_row: Row
) -> None:
    late = flare_row(start="2014-05-01T00:00:00Z", peak="2014-05-01T00:10:00Z")

    answer = post(client_sqlite, flare_row(), flare_row(goes_class="Z9"), late)

    assert answer["accepted"] == 1
    assert {r["index"]: r["errors"][0]["path"] for r in answer["rejected"]} == {
        1: "flares[1].goes_class", 2: "flares[2]",
    }  # fmt: skip


def test_quiet_can_be_reported_without_a_flare(client_sqlite: FlaskClient) -> None:
    covers = {"from": "2014-03-01T00:00:00Z", "to": "2014-03-02T00:00:00Z"}

    assert post(client_sqlite, covers=covers)["accepted"] == 0


@pytest.mark.parametrize(
    "covers",
    [
        {"from": "2014-03-02T00:00:00Z", "to": "2014-03-01T00:00:00Z"},
        {"from": "2014-03-02T00:00:00Z", "to": "2014-05-01T00:00:00Z"},
        {"from": "2014-03-02T00:00:00Z"},
    ],
)
def test_a_coverage_that_cannot_be_is_refused(
    client_sqlite: FlaskClient, covers: dict[str, str]
) -> None:
    assert client_sqlite.post(URL, json={"flares": [], "covers": covers}).status_code == 422


def test_a_listing_can_be_cut_by_class_and_read_page_by_page(
    client: FlaskClient, flare_row: Row
) -> None:
    flares = [
        flare_row(
            start=f"2014-02-28T{hour:02d}:00:00Z", peak=f"2014-02-28T{hour:02d}:10:00Z",
            end=None, goes_class=goes_class,
        )
        for hour, goes_class in enumerate(["C1.0", "M1.0", "X2.0", "M5.0"])
    ]  # fmt: skip
    post(client, *flares)

    first = client.get(f"{URL}?min_class=M1.0&limit=2").get_json()
    second = client.get(f"{URL}?min_class=M1.0&limit=2&cursor={first['next_cursor']}").get_json()

    assert [f["goes_class"] for f in first["items"]] == ["M1.0", "X2.0"]
    assert [f["goes_class"] for f in second["items"]] == ["M5.0"]
    assert second["next_cursor"] is None
