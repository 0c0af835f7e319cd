"""The accounts that lost are listed in pages, by region and time, as JSON and as files."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pyarrow.csv
import pyarrow.parquet
import pytest
from flask.testing import FlaskClient

Row = Callable[..., dict[str, Any]]
URL = "/api/v1/conflicts"


@pytest.fixture
def contradicted(client: FlaskClient, row: Row) -> FlaskClient:
    """Three records of each of two regions, each with two accounts that lost."""
    for value in (1.0, 2.0, 3.0):
        rows = [
            row(harpnum=harpnum, t_rec=f"2014-03-01T0{hour}:00:00Z",
                made_at=f"2014-03-02T0{value:.0f}:00:00Z", keywords={"R_VALUE": value})
            for harpnum in (7, 8) for hour in range(3)
        ]  # fmt: skip
        assert client.post("/api/v1/observations", json={"observations": rows}).status_code == 200
    return client


def test_pages_together_are_the_whole_list(contradicted: FlaskClient) -> None:
    whole = contradicted.get(URL).get_json()["items"]

    pages, cursor = [], ""
    while cursor is not None:
        page = contradicted.get(f"{URL}?limit=5{cursor and '&cursor=' + cursor}").get_json()
        pages += page["items"]
        cursor = page["next_cursor"]

    assert pages == whole
    places = [(item["t_rec"], item["region"], item["keywords"]["R_VALUE"]) for item in whole]
    assert len(set(places)) == 12
    assert [place[:2] for place in places] == sorted(place[:2] for place in places)
    assert {item["revision"] for item in whole if item["keywords"]["R_VALUE"] == 2.0} == {2}


def test_a_region_and_a_range_of_time_select(contradicted: FlaskClient) -> None:
    query = "region=8&from=2014-03-01T01:00:00Z&to=2014-03-01T02:00:00Z"

    items = contradicted.get(f"{URL}?{query}").get_json()["items"]

    assert [(item["region"], item["t_rec"]) for item in items] == [(8, "2014-03-01T01:00:00Z")] * 2


def test_a_foreign_cursor_is_refused(client_sqlite: FlaskClient) -> None:
    assert client_sqlite.get(f"{URL}?cursor=WzFd").status_code == 422


def test_the_list_can_be_had_as_a_file(contradicted: FlaskClient) -> None:
    as_csv = contradicted.get(f"{URL}?format=csv").data
    as_parquet = contradicted.get(f"{URL}?format=parquet").data

    table = pyarrow.parquet.read_table(io.BytesIO(as_parquet))
    assert table.num_rows == pyarrow.csv.read_csv(io.BytesIO(as_csv)).num_rows == 12
    assert set(table.column("reason").to_pylist()) == {"older DATE"}
    assert {"made_at", "lost_at", "R_VALUE", "sender"} <= set(table.column_names)


def test_observations_tell_when_their_source_made_them(contradicted: FlaskClient) -> None:
    items = contradicted.get("/api/v1/observations").get_json()["items"]
    files = contradicted.get("/api/v1/observations?format=parquet").data

    assert {item["made_at"] for item in items} == {"2014-03-02T03:00:00Z"}
    assert "made_at" in pyarrow.parquet.read_schema(io.BytesIO(files)).names
