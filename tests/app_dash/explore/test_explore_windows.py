"""The Explore page of another window: its records, figures, files and call."""

from __future__ import annotations

import csv
import io
import json
from urllib.parse import parse_qs, urlsplit

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from plotly.utils import PlotlyJSONEncoder
from stocked_store import HOURS, MODEL, stock
from stored_rows import store_leads

from app.contract.queries import PredictionsQuery
from app_dash.create_app import create_app
from app_dash.explore import page as explore
from app_dash.explore.filters import api_call
from app_dash.explore.query import ExploreQuery, resolve
from app_dash.frame import routing
from app_dash.settings import DashSettings
from database.engine import reading, transact
from database.exploration.rollup import refresh_exploration
from database.exploration.selection import COLUMNS
from database.rollup_days import mark_exploration
from database.schema.tables import predictions
from solar.flares import LEADS

EVERY = 4


@pytest.fixture
def stocked(engine_sqlite: sa.Engine) -> sa.Engine:
    """Every fourth record of AR 12017 has forecasts of 6 h, a third of those of 24 h."""
    stock(engine_sqlite)

    def add(connection: sa.Connection) -> None:
        columns = (predictions.c.region_id, predictions.c.t_rec, predictions.c.revision)
        keys = connection.execute(
            sa.select(*columns).where(predictions.c.region_id == 3894).order_by(columns[1])
        ).all()
        of_6h = {"C1.0/6h": 0.22, "M1.0/6h": 0.12, "M5.0/6h": 0.06, "X1.0/6h": 0.01}
        values = [of_6h.get(lead.name) for lead in LEADS]
        rows = [(key[0], key[1], MODEL, key[2], *values, key[1]) for key in keys[::EVERY]]
        store_leads(connection, rows)

    transact(engine_sqlite, add)
    return engine_sqlite


def drawn(engine: sa.Engine, search: str) -> str:
    view = routing.read_context(engine, settings=DashSettings(_env_file=None), theme="light")
    page = explore.layout(view, "/explore", search)
    return json.dumps(page, cls=PlotlyJSONEncoder, ensure_ascii=False)


def test_the_page_counts_and_draws_the_records_with_the_window(stocked: sa.Engine) -> None:
    text = drawn(stocked, "?range=all&window=6h")

    assert f"Histogram of {HOURS // EVERY} forecasts of M1.0+ in 6 h" in text
    assert "greatest P(M1.0+ in 6 h)" in text
    assert "6 h, as issued with the first record of each region and hour" in text
    assert '"headerName": "P(M1.0+ in 6 h)"' in text
    assert "24 h ahead, as issued" in drawn(stocked, "?range=all")


def test_a_block_of_the_table_has_the_probabilities_of_the_window(stocked: sa.Engine) -> None:
    asked = explore.block(stocked, "?range=all&window=6h&event=M1.0&least=10", {})
    beyond = explore.block(stocked, "?range=all&window=6h&event=M1.0&least=13", {})

    assert asked["rowCount"] == HOURS // EVERY
    assert {row["m1"] for row in asked["rowData"]} == {"12\u202f%"}
    assert beyond["rowCount"] == 0


def test_the_figures_of_a_window_cover_the_whole_range_though_the_table_does_not(
    stocked: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("database.exploration.records.VIEW_LIMIT", 3)
    with reading(stocked) as connection:
        days = set(connection.scalars(sa.select(predictions.c.t_rec)))
    transact(stocked, lambda c: mark_exploration(c, {t_rec.date() for t_rec in days}))
    refresh_exploration(stocked)

    text = drawn(stocked, "?range=all&window=6h")

    assert "the figures cover all of it, and so do the files" in text
    assert f"Histogram of {HOURS // EVERY} forecasts of M1.0+ in 6 h" in text


def test_the_files_name_the_window_in_their_columns(stocked: sa.Engine) -> None:
    client = create_app(stocked, DashSettings(_env_file=None)).server.test_client()
    search = "?range=all&window=6h"

    answer = client.get(f"/export/predictions.csv{search}")
    with client.get(f"/export/predictions.parquet{search}") as file:
        table = pq.read_table(io.BytesIO(file.data))

    lines = list(csv.DictReader(io.StringIO(answer.text)))
    names = [f"{name}_6h" if name in ("c1", "m1", "m5", "x1") else name for name in COLUMNS]
    assert list(lines[0]) == table.column_names == names
    assert [line["m1_6h"] for line in lines] == ["0.12"] * (HOURS // EVERY)
    assert table["m1_6h"].to_pylist() == [0.12] * (HOURS // EVERY)
    assert "predictions_6h_" in answer.headers["Content-Disposition"]


def test_the_call_asks_for_the_window(stocked: sa.Engine) -> None:
    query = ExploreQuery.parse("?range=all&event=M1.0%2F6h&least=10")
    with reading(stocked) as connection:
        selection = resolve(connection, query).selection

    (address,) = api_call(query, selection, regions=None, base="http://api.example").addresses

    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert (asked.pop("window"), asked["event"], asked["min_probability"]) == ("6h", "M1.0", "0.1")
    assert PredictionsQuery.model_validate(asked).event == "M1.0"


def test_a_window_that_no_record_has_says_how_a_model_gets_it(stocked: sa.Engine) -> None:
    assert "only if it was trained for that window" in drawn(
        stocked, "?range=all&window=d3&event=M1.0&least=1"
    )
