from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from dash.development.base_component import Component
from plotly.utils import PlotlyJSONEncoder
from stocked_store import HOURS, MODEL, NOW, stock

from app_dash.explore import page as explore
from app_dash.explore import query as explore_query
from app_dash.explore.columns import keyword_value
from app_dash.explore.query import ExploreQuery
from app_dash.explore.record_table import cells, sort_of
from app_dash.frame import routing
from app_dash.frame.page import PageContext
from app_dash.region import page as region
from app_dash.settings import DashSettings
from app_dash.shared.chart import epoch
from app_dash.skill import page as skill
from database.engine import reading, transact
from database.exploration import records as exploration
from database.exploration.records import Sort, page
from database.exploration.rollup import refresh_exploration
from database.rollup_days import mark_exploration
from solar.sharp import BY_NAME


@pytest.fixture
def stocked(engine_sqlite: sa.Engine) -> sa.Engine:
    stock(engine_sqlite)
    return engine_sqlite


def drawn(engine: sa.Engine, search: str) -> str:
    view = routing.read_context(engine, settings=DashSettings(), theme="light")
    return json.dumps(explore.layout(view, "/explore", search), cls=PlotlyJSONEncoder)


def test_a_query_selects_the_live_models_records(stocked: sa.Engine) -> None:
    query = ExploreQuery(regions="12017", event="M1.0", least=5)

    with reading(stocked) as connection:
        found = explore_query.resolve(connection, query).selection

    assert found.model_id == MODEL
    assert found.window.end_at == NOW + timedelta(seconds=1)
    assert found.region_ids is not None
    assert {12017, -12017} <= set(found.region_ids)
    assert found.min_probability == 0.05


def test_the_page_counts_what_the_filters_select(stocked: sa.Engine) -> None:
    # Four regions over 80 hours; AR 12010 has no forecast.
    text = drawn(stocked, "?range=all")

    assert f"{4 * HOURS:,}" in text
    assert f'"children": "{HOURS}"' in text


def test_an_unreadable_address_shows_the_defaults_and_the_reason(stocked: sa.Engine) -> None:
    text = drawn(stocked, "?start=2014-03-29T00:00:00Z&end=2014-03-01T00:00:00Z")

    assert "turned round" in text
    assert "Distribution of predictions" in text


def test_an_empty_selection_says_so_and_offers_everything(stocked: sa.Engine) -> None:
    text = drawn(stocked, "?regions=99999")

    assert "No stored forecast matches" in text
    assert "/explore?range=all" in text


def test_a_store_without_a_model_says_what_is_missing(engine_sqlite: sa.Engine) -> None:
    assert "no model is live" in drawn(engine_sqlite, "")


def test_a_limited_view_says_that_it_is_limited(
    stocked: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "cover the newest" not in drawn(stocked, "?range=all")

    monkeypatch.setattr(exploration, "VIEW_LIMIT", 100)

    assert "cover the newest" in drawn(stocked, "?range=all")


def test_figures_cover_the_whole_range_when_its_days_are_counted(
    stocked: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    hours = [NOW - timedelta(hours=back) for back in range(HOURS + 11)]
    transact(stocked, lambda c: mark_exploration(c, {at.date() for at in hours}))
    refresh_exploration(stocked)
    monkeypatch.setattr(exploration, "VIEW_LIMIT", 100)

    text = drawn(stocked, "?range=all")

    assert "the figures cover all of it" in text
    assert f'"children": "{4 * HOURS}"' in text
    assert "Figures and table cover" in drawn(stocked, "?range=all&where=m1:5..")


def test_a_filter_of_the_table_narrows_everything_and_can_be_removed(stocked: sa.Engine) -> None:
    text = drawn(stocked, "?range=all&where=m1:30..40&event=C1.0&least=5")
    found = explore.block(stocked, "?range=all&where=m1:30..40", {"startRow": 0})

    # AR 12017 alone has 35 %.
    assert f'"children": "{HOURS}"' in text
    assert found["rowCount"] == HOURS
    assert "Remove the filter P(M1.0+) 30 to 40" in text
    assert '"href": "/explore?range=all&event=C1.0&least=5.0"' in text


def test_filters_that_leave_nothing_can_still_be_removed(stocked: sa.Engine) -> None:
    text = drawn(stocked, "?range=all&where=m1:99..")

    assert "No stored forecast matches" in text
    assert "Remove the filter" in text


def test_the_api_call_can_be_copied(stocked: sa.Engine) -> None:
    text = drawn(stocked, "?range=all&regions=12017")

    assert "curl 'http://127.0.0.1:8000/api/v1/predictions?model=gradient-boosting@1.0.0" in text
    assert "region=3894" in text


@pytest.mark.parametrize(
    ("layout", "address"),
    [(explore.layout, "/explore"), (skill.layout, "/skill"), (region.layout, "/regions/3894")],
)
def test_a_call_names_the_api_as_the_reader_reaches_it(
    stocked: sa.Engine, layout: Callable[[PageContext, str, str], Component], address: str
) -> None:
    settings = DashSettings(api_url="http://app:8000", public_api_url="http://127.0.0.1:9000/")
    view = routing.read_context(stocked, settings=settings, theme="light")

    text = json.dumps(layout(view, address, ""), cls=PlotlyJSONEncoder)

    assert "http://127.0.0.1:9000/api/v1/" in text
    assert "app:8000" not in text


def test_a_row_knows_where_the_figures_mark_it(stocked: sa.Engine) -> None:
    found = explore.block(stocked, "?range=all&regions=12017", {"startRow": 0})

    # 70, 35, 17.5 and 3.5 %: bins of 5 % from 10 % on, the tenth and later.
    assert found["rowData"][0]["mark"] == [epoch(NOW), 22, 15, 11, 3]
    assert len({row["id"] for row in found["rowData"]}) == HOURS


def test_a_block_of_the_table_is_sorted_and_counted(stocked: sa.Engine) -> None:
    request: dict[str, Any] = {"startRow": 0, "sortModel": [{"colId": "m1", "sort": "desc"}]}

    found = explore.block(stocked, "?range=all", request)

    assert found["rowCount"] == 4 * HOURS
    assert found["rowData"][0]["m1"] == "35\u202f%"
    assert found["rowData"][0]["noaa_ars"] == "12017"


def test_without_a_sort_the_newest_comes_first() -> None:
    assert sort_of({"sortModel": []}) == Sort("t_rec", is_descending=True)


def test_a_record_without_a_forecast_gives_its_reason(stocked: sa.Engine) -> None:
    with reading(stocked) as connection:
        found = explore_query.resolve(connection, ExploreQuery(regions="3856")).selection
        row = cells(page(connection, found, sort=Sort(), start=0, limit=1)[0])

    assert row["m1"] == "–"
    assert row["rung"] == "beyond 70° of longitude"


def test_keywords_are_written_in_their_unit_for_display() -> None:
    assert keyword_value(1.28e22, BY_NAME["USFLUX"]) == "12.8"
    assert keyword_value(None, BY_NAME["USFLUX"]) == "–"
    assert keyword_value(0.0, BY_NAME["R_VALUE"]) == "0.00"
    assert keyword_value(-4.2e23, BY_NAME["TOTFX"]) == "\u22124.2e23"
    assert keyword_value(0.000031, BY_NAME["MEANJZH"]) == "3.1e\u22125"
