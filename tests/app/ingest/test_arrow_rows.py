"""The same rows as an Arrow stream get the same answer as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

URL = "/api/v1/observations"
TYPE = "application/vnd.apache.arrow.stream"
Row = Callable[..., dict[str, Any]]


def stream(columns: dict[str, Any]) -> bytes:
    table = pa.table(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def columns(n: int = 3, **changes: Any) -> dict[str, Any]:
    minutes = [f"2014-03-01T00:{12 * i:02d}:00Z" for i in range(n)]
    return {
        "harpnum": [3721] * n,
        "noaa_ars": [[11990]] * n,
        "t_rec": minutes,
        "series": ["hmi.sharp_cea_720s"] * n,
        "quality": [0] * n,
        "lon_fwt": [-12.3] * n,
        "lat_fwt": [14.1] * n,
        "TOTUSJH": [1840.5] * n,
        "R_VALUE": pa.nulls(n),
    } | changes


def post(client: FlaskClient, columns: dict[str, Any], query: str = "") -> TestResponse:
    return client.post(f"{URL}?{query}", data=stream(columns), content_type=TYPE)


def test_rows_of_a_stream_are_duplicates_of_the_same_rows_in_json(
    client: FlaskClient, row: Row
) -> None:
    times = [f"2014-03-01T00:{12 * i:02d}:00Z" for i in range(3)]
    rows = [row(t_rec=t_rec, keywords={"TOTUSJH": 1840.5, "R_VALUE": None}) for t_rec in times]
    client.post(URL, json={"observations": rows})

    answer = post(client, columns(), "sender=bulk&sequence=4").get_json()

    assert (answer["accepted"], answer["duplicates"], answer["revised"]) == (0, 3, 0)
    senders = {s["sender"]: s for s in client.get("/api/v1/senders").get_json()["items"]}
    assert senders["bulk"]["last_sequence"] == 4


def test_times_may_be_timestamps_and_regions_plain_numbers(client_sqlite: FlaskClient) -> None:
    at = pa.array([1393632000_000_000_000], pa.timestamp("ns", "UTC"))  # 2014-03-01T00:00:00Z
    given = columns(1, t_rec=at, noaa_ars=[11990], harpnum=pa.array([None], pa.int64()))

    answer = post(client_sqlite, given).get_json()

    assert answer["accepted"] == 1
    (item,) = client_sqlite.get(URL).get_json()["items"]
    assert (item["region"], item["t_rec"]) == (-11990, "2014-03-01T00:00:00Z")


def test_bad_rows_of_a_stream_are_listed_and_the_good_ones_stored(
    client_sqlite: FlaskClient,
) -> None:
    given = columns(
        4,
        TOTUSJH=[1.0, float("nan"), None, 1e9],
        quality=[0, 0, 0, 0],
        t_rec=["2014-03-01T00:00:00Z"] * 2 + ["2014-03-01T00:24:00Z"] * 2,
    )

    answer = post(client_sqlite, given).get_json()

    assert answer["accepted"] == 2
    assert {r["index"]: r["errors"][0]["path"] for r in answer["rejected"]} == {
        1: "observations[1].keywords.TOTUSJH",
        3: "observations[3].keywords.TOTUSJH",
    }


@pytest.mark.parametrize(
    ("changes", "status", "path"),
    [
        ({"TOTUSJHH": [1.0] * 3}, 422, "keywords.TOTUSJHH"),
        ({"TOTUSJH": ["1"] * 3}, 422, "TOTUSJH"),
        ({"t_rec": pa.array([0] * 3, pa.timestamp("us"))}, 422, "t_rec"),
        ({"t_rec": pa.array([2**62] * 3, pa.timestamp("us", "UTC"))}, 422, "observations[0].t_rec"),
        ({"t_rec": [None] * 3}, 422, "observations[0].t_rec"),
        ({"harpnum": [1.5] * 3}, 422, "observations[0].harpnum"),
    ],
)
def test_columns_that_cannot_be_used_are_named(
    client_sqlite: FlaskClient, changes: dict[str, Any], status: int, path: str
) -> None:
    response = post(client_sqlite, columns(**changes))

    assert response.status_code == status
    assert response.get_json()["errors"][0]["path"] == path


@pytest.mark.parametrize("body", [b"", b"nonsense", stream(columns())[:200]])
def test_a_broken_stream_is_refused(client_sqlite: FlaskClient, body: bytes) -> None:
    response = client_sqlite.post(URL, data=body, content_type=TYPE)

    assert response.status_code == 400
    assert response.get_json()["title"] == "Broken Arrow stream"


def test_5001_rows_of_a_stream_are_too_many(client_sqlite: FlaskClient) -> None:
    given = {"harpnum": [1] * 5001, "t_rec": ["2014-03-01T00:00:00Z"] * 5001}

    assert post(client_sqlite, given).status_code == 413
