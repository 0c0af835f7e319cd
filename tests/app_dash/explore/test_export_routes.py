from __future__ import annotations

import csv
import io

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from stocked_store import stock

from app_dash.create_app import create_app
from app_dash.explore import query as explore_query
from app_dash.explore.query import ExploreQuery
from app_dash.settings import DashSettings
from database.engine import reading
from database.exploration.records import Sort, page
from database.exploration.selection import COLUMNS

QUERIES = [
    "",
    "?range=24h",
    "?range=all&regions=12017,12013",
    "?range=all&event=M1.0&least=5",
    "?start=2014-03-28T00:00:00Z&end=2014-03-28T12:00:00Z",
    "?range=all&where=m1:5..10;usflux:..1",
    "?range=all&rung=70%C2%B0",
]


@pytest.fixture
def stocked(engine_sqlite: sa.Engine) -> sa.Engine:
    stock(engine_sqlite)
    return engine_sqlite


@pytest.fixture
def client(stocked: sa.Engine) -> FlaskClient:
    return create_app(stocked, DashSettings()).server.test_client()


@pytest.mark.parametrize("search", QUERIES)
def test_the_csv_holds_exactly_the_filtered_rows(
    client: FlaskClient, stocked: sa.Engine, search: str
) -> None:
    with reading(stocked) as connection:
        selection = explore_query.resolve(connection, ExploreQuery.parse(search)).selection
        rows = page(connection, selection, sort=Sort(), start=0, limit=500)

    answer = client.get(f"/export/predictions.csv{search}")

    lines = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.mimetype == "text/csv"
    assert list(lines[0]) == list(COLUMNS)
    assert {(line["region_id"], line["t_rec"], line["m1"]) for line in lines} == {
        (
            str(row["region_id"]),
            row["t_rec"].isoformat().replace("+00:00", "Z"),
            "" if row["m1"] is None else str(row["m1"]),
        )
        for row in rows
    }
    assert len(lines) == len(rows)


def test_the_parquet_file_holds_the_same_rows(client: FlaskClient) -> None:
    lines = list(csv.DictReader(io.StringIO(client.get("/export/predictions.csv").text)))

    with client.get("/export/predictions.parquet") as answer:
        table = pq.read_table(io.BytesIO(answer.data))

    assert table.column_names == list(COLUMNS)
    assert table["region_id"].to_pylist() == [int(line["region_id"]) for line in lines]
    assert str(table["t_rec"].type) == "timestamp[us, tz=UTC]"


def test_an_export_that_cannot_be_read_says_why(client: FlaskClient) -> None:
    answer = client.get("/export/predictions.csv?regions=abc")

    assert answer.status_code == 422
    assert "is no region number" in answer.text
