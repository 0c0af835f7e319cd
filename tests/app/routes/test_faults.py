"""Injected faults over HTTP: reported once, refused for the present, and answered for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from faulty_replay import SENDER, FaultyReplay, assert_accounted_for
from flask.testing import FlaskClient

FAULTS = "/api/v1/faults"
GAP = {
    "kind": "gap",
    "from": "2014-03-29T17:00:00Z",
    "to": "2014-03-29T18:30:00Z",
    "region": None,
    "amount": 1.0,
    "seed": 7,
    "affected": 40,
}
Row = Callable[..., dict[str, Any]]


def reported(client: FlaskClient, **changes: Any) -> dict[str, Any]:
    body = {"sender": {"id": SENDER}, "faults": [GAP | changes]}
    answer: dict[str, Any] = client.post(FAULTS, json=body).get_json()
    return answer


def test_a_fault_that_two_replicas_report_is_stored_once(client: FlaskClient) -> None:
    first, again = reported(client), reported(client)

    assert (first["accepted"], first["duplicates"]) == (1, 0)
    assert (again["accepted"], again["duplicates"]) == (0, 1)
    (item,) = client.get(FAULTS).get_json()["items"]
    assert (item["kind"], item["affected"], item["sender"]) == ("gap", 40, SENDER)
    assert (item["said"], item["said_at"], item["within_s"]) == ([], None, None)


def test_a_fault_after_now_is_not_told_and_the_end_of_one_that_goes_on_neither(
    client_sqlite: FlaskClient, clock: Any
) -> None:
    reported(client_sqlite)
    reported(client_sqlite, **{"from": "2014-03-31T23:30:00Z", "to": "2014-04-01T01:00:00Z"})
    reported(client_sqlite, **{"from": "2014-04-01T00:30:00Z", "to": "2014-04-01T02:00:00Z"})

    items = client_sqlite.get(FAULTS).get_json()["items"]

    assert [item["to"] for item in items] == ["2014-03-29T18:30:00Z", None]


def test_pages_of_faults_follow_each_other(client_sqlite: FlaskClient) -> None:
    for seed in range(5):
        reported(client_sqlite, seed=seed)
    items, query = [], {"limit": "2"}
    while query:
        answer = client_sqlite.get(FAULTS, query_string=query).get_json()
        items += answer["items"]
        query = {"limit": "2", "cursor": answer["next_cursor"]} if answer["next_cursor"] else {}

    assert sorted(item["seed"] for item in items) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"to": "2014-03-29T17:00:00Z"}, "faults[0].to"),
        ({"amount": 1.5}, "faults[0].amount"),
        ({"kind": "silence"}, "faults[0].amount"),
        ({"kind": "silence", "amount": None, "region": 7}, "faults[0].region"),
        ({"kind": "storm"}, "faults[0].kind"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_at_its_field(
    client_sqlite: FlaskClient, changes: dict[str, Any], path: str
) -> None:
    answer = reported(client_sqlite, **changes)

    assert answer["status"] == 422
    assert [error["path"] for error in answer["errors"]] == [path]


def test_a_store_of_the_present_takes_no_faults(client: FlaskClient, row: Row) -> None:
    today = row(t_rec="2014-03-31T22:00:00Z")
    client.post("/api/v1/observations", json={"observations": [today]})

    answer = reported(client)

    assert answer["status"] == 409
    assert "in a store of its own" in answer["detail"]


def test_a_replay_takes_faults_whatever_the_clock_on_the_wall_says(
    client: FlaskClient, row: Row
) -> None:
    replay = {"sender": SENDER, "starts": "2014-03-01T00:00:00Z", "ends": "2014-03-31T23:00:00Z"}
    client.post("/api/v1/clock", json=replay)
    client.post("/api/v1/observations", json={"observations": [row(t_rec="2014-03-31T22:00:00Z")]})

    assert reported(client)["accepted"] == 1


def test_each_kind_of_fault_is_answered_for_and_every_row_is_accounted_for(
    client_sqlite: FlaskClient, clock: Any, tmp_path: Path
) -> None:
    replay = FaultyReplay(client_sqlite, clock, tmp_path, seed=3)

    replay.run(batch=lambda: 4, kills=(40,))

    assert_accounted_for(client_sqlite, replay)
