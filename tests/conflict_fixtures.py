"""Accounts of one record as senders tell them, and what the API says of them afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask.testing import FlaskClient

Row = Callable[..., dict[str, Any]]
Rows = list[dict[str, Any]]

NRT = "hmi.sharp_cea_720s_nrt"
MARCH, APRIL = "2014-03-02T00:00:00Z", "2014-03-20T00:00:00Z"


def send(client: FlaskClient, *rows: dict[str, Any], sender: str = "desk") -> tuple[int, int, int]:
    body = {"sender": {"id": sender}, "observations": list(rows)}
    response = client.post("/api/v1/observations", json=body)
    assert response.status_code == 200, response.text
    answer = response.get_json()
    return answer["accepted"], answer["duplicates"], answer["revised"]


def held(client: FlaskClient) -> Rows:
    items: Rows = client.get("/api/v1/observations").get_json()["items"]
    return items


def lost(client: FlaskClient) -> Rows:
    items: Rows = client.get("/api/v1/conflicts").get_json()["items"]
    return items


def account(row: Row, value: float, **changes: Any) -> dict[str, Any]:
    return row(**{"keywords": {"R_VALUE": value}} | changes)


def values(items: Rows) -> list[float]:
    return [item["keywords"]["R_VALUE"] for item in items]
