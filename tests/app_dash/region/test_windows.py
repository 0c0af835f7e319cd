"""The windows and bands of a region: its matrix, its cards and the line of its forecasts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from component_tree import parts, walk, words
from dash import dcc
from dash.development.base_component import Component
from stocked_leads import lead, stock_leads
from stocked_store import NOW, stock

from app_dash.frame import routing
from app_dash.region import page as region
from app_dash.settings import DashSettings
from app_dash.shared.numbers import percent
from solar.flares import EVENTS, TARGETS
from solar.time import isoformat
from solar.windows import DAY, WINDOWS

NARROW = "\u202f"
# The bounds are p - p/5 and p + p/5 up to 1/2.
BAND = {
    "p": [0.0, 0.5, 1.0],
    "lower": [0.0, 0.4, 1.0],
    "upper": [0.0, 0.6, 1.0],
    "kind": "model",
    "n": 60,
}
BANDS = {target.name: BAND for target in TARGETS}


def _drawn(engine: sa.Engine, search: str = "", region_id: int = 3894) -> Component:
    view = routing.read_context(engine, settings=DashSettings(), theme="light", search=search)
    return region.layout(view, f"/regions/{region_id}", search)


def _cells(page: Component) -> list[list[str]]:
    (table,) = parts(page, "lead-matrix")
    return [[words(cell) for cell in row.children[1:]] for row in table.children[1].children]


def _band(page: Component) -> list[dict[str, Any]]:
    (graph,) = [part for part in walk(page) if getattr(part, "id", None) == "timeline"]
    assert isinstance(graph, dcc.Graph)
    return [t for t in graph.figure["data"] if str(t.get("name", "")).startswith("band of")]


@pytest.mark.parametrize("hours_back", [0, 5])
def test_the_matrix_is_that_of_the_stored_forecasts_at_the_time_of_the_page(
    engine_sqlite: sa.Engine, hours_back: int
) -> None:
    stock(engine_sqlite)
    stock_leads(engine_sqlite)
    at = NOW - timedelta(hours=hours_back)

    cells = _cells(_drawn(engine_sqlite, f"?at={isoformat(at)}"))

    # What is stored: 0.7, 0.35, 0.175 and 0.035 in 24 h.
    of_day = (0.7, 0.35, 0.175, 0.035)
    assert cells == [
        [
            percent(p if window == DAY else lead(event.within(window), 0.35, hours_back))
            for window in WINDOWS
        ]
        for event, p in zip(EVENTS, of_day, strict=True)
    ]


def test_a_model_without_windows_and_bands_shows_dashes_and_no_bar(
    engine_sqlite: sa.Engine,
) -> None:
    stock(engine_sqlite)

    page = _drawn(engine_sqlite)

    assert _cells(page)[1] == ["–", "–", "35", "–", "–", "–"]
    assert parts(page, "band-bar") == []
    assert _band(page) == []


def test_a_withheld_forecast_has_no_window_either(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)
    stock_leads(engine_sqlite)

    assert _cells(_drawn(engine_sqlite, region_id=3856)) == [["–"] * 6] * 4


def test_the_cards_write_and_draw_the_band(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)
    stock_leads(engine_sqlite, bands=BANDS)

    page = _drawn(engine_sqlite)

    (cells,) = parts(page, "forecast-cells")
    # 0.35 lies between 0.28 and 0.42, 0.035 between 0.028 and 0.042.
    assert f"35{NARROW}%28 to 42{NARROW}%" in words(cells.children[1])
    assert f"3.5{NARROW}%2.8 to 4.2{NARROW}%" in words(cells.children[3])
    (bar,) = parts(cells.children[1], "band-bar")
    assert bar.children[0].style == {"left": "28.0%", "width": "14.0%"}
    # In the matrix too, with the band of M1.0+ in 6 h around 0.14.
    assert len(parts(parts(page, "lead-matrix")[0], "band-bar")) == 24
    row = parts(page, "lead-matrix")[0].children[1].children[1]
    assert row.children[1].title == (
        f"M1.0+ in 6 h: 14{NARROW}%, 11 to 17{NARROW}%, valid 16:00 to 22:00 UTC"
    )


def test_the_line_of_the_chosen_class_has_its_band(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)
    stock_leads(engine_sqlite, bands=BANDS)

    (band,) = _band(_drawn(engine_sqlite, "?range=24h&scale=linear"))

    assert band["name"] == "band of M1.0+"
    # There along the upper bounds of 25 forecasts and back along the lower ones.
    assert band["y"] == [42.0] * 25 + [28.0] * 25
    assert band["x"][:25] == band["x"][25:][::-1]


def test_the_band_breaks_where_the_line_does(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)
    stock_leads(engine_sqlite, bands=BANDS)
    with engine_sqlite.begin() as connection:
        connection.execute(
            sa.text(
                "DELETE FROM predictions WHERE t_rec BETWEEN '2014-03-29 01' AND '2014-03-29 07'"
            )
        )

    (band,) = _band(_drawn(engine_sqlite, "?range=24h"))

    # 01:00 to 06:00 are gone: 9 forecasts from 16:00 to 00:00, and 10 from 07:00 on.
    assert [i for i, y in enumerate(band["y"]) if y is None] == [18]
    assert len(band["y"]) == 18 + 1 + 20


def test_bands_known_later_are_pale(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)
    stock_leads(engine_sqlite, bands=BANDS)
    view = routing.read_context(engine_sqlite, settings=DashSettings(), theme="light")

    drawn = region.layout(view, "/regions/3894", f"?at={isoformat(NOW - timedelta(hours=6))}")

    known, later = _band(drawn)
    assert later["opacity"] < known["opacity"] < 0.2
