"""The windows of Now: its matrix, and the disk and the regions in the window of the address."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest
import sqlalchemy as sa
from component_tree import parts, walk, words
from dash import dcc
from dash.development.base_component import Component
from stocked_leads import lead, stock_leads
from stocked_store import MODEL, NOW, stock

from app_dash.frame import routing
from app_dash.now.page import layout
from app_dash.settings import DashSettings
from app_dash.shared.numbers import percent
from database.engine import writing
from database.schema.forecast_tables import lead_forecasts
from database.schema.tables import flare_coverage, predictions
from solar.errors import InvalidInputError
from solar.flares import EVENTS, Event, event
from solar.time import isoformat
from solar.windows import DAY, WINDOWS

NARROW = "\u202f"


def _stock_without_list(engine: sa.Engine) -> None:
    """Stock a store whose flare list covers no day, so that the disk is the regions' alone."""
    stock(engine)
    with writing(engine) as connection:
        connection.execute(flare_coverage.delete())


def _drawn(engine: sa.Engine, search: str = "") -> Component:
    view = routing.read_context(engine, settings=DashSettings(), theme="light", search=search)
    return layout(view, "/", search)


def _cells(page: Component) -> list[list[str]]:
    (table,) = parts(page, "lead-matrix")
    return [[words(cell) for cell in row.children[1:]] for row in table.children[1].children]


def _regions(page: Component) -> list[list[str]]:
    rows = parts(parts(page, "region-panel")[0], "linked")
    forecast = [row for row in rows if "blind" not in row.className.split()]
    return [[words(cell) for cell in row.children[1:4]] for row in forecast]


def _spots(page: Component) -> list[list[str]]:
    (graph,) = [part for part in walk(page) if getattr(part, "id", None) == "disk"]
    assert isinstance(graph, dcc.Graph)
    (marks,) = [trace for trace in graph.figure["data"] if trace.get("name") == "regions"]
    return [[row[0], row[2]] for row in marks["customdata"]]


@pytest.mark.parametrize("hours_back", [0, 5])
def test_the_matrix_is_that_of_the_stored_forecasts_at_the_time_of_the_page(
    engine_sqlite: sa.Engine, hours_back: int
) -> None:
    _stock_without_list(engine_sqlite)
    stock_leads(engine_sqlite)
    at = NOW - timedelta(hours=hours_back)

    cells = _cells(_drawn(engine_sqlite, f"?at={isoformat(at)}"))

    assert cells == [
        [percent(_product(engine_sqlite, e.within(w), at)) for w in WINDOWS] for e in EVENTS
    ]


def _product(engine: sa.Engine, target: Event, at: datetime) -> float:
    """Combine the newest rows of the regions, in Python, of those that are not silent."""
    table = predictions if target.window == DAY else lead_forecasts
    query = sa.select(table.c.region_id, table.c[target.column]).where(
        table.c.model_id == MODEL, table.c.t_rec == at
    )
    with engine.connect() as connection:
        known = [p for _, p in connection.execute(query) if p is not None]
    assert len(known) == 2
    return float(1 - np.prod([1 - p for p in known]))


def test_without_windows_the_matrix_has_24_hours_and_dashes(engine_sqlite: sa.Engine) -> None:
    _stock_without_list(engine_sqlite)

    cells = _cells(_drawn(engine_sqlite))

    # M1.0+: 1 - 0.65 * 0.94 = 0.389.
    assert cells[1] == ["–", "–", "39", "–", "–", "–"]


def test_the_disk_and_the_regions_follow_the_window_of_the_address(
    engine_sqlite: sa.Engine,
) -> None:
    _stock_without_list(engine_sqlite)
    stock_leads(engine_sqlite)

    page = _drawn(engine_sqlite, "?window=6h")

    # M1.0+, C1.0+ and X1.0+ of 12017: 0.4 of 0.35, 0.7 and 0.035; of 12024: of 0.06, 0.12, 0.006.
    assert _regions(page) == [
        [f"14{NARROW}%", f"28{NARROW}%", f"1.4{NARROW}%"],
        [f"2.4{NARROW}%", f"4.8{NARROW}%", f"0.2{NARROW}%"],
    ]
    assert _spots(page)[:2] == [["12017", f"14{NARROW}%"], ["12024", f"2.4{NARROW}%"]]
    assert "without a record, probabilities in 6 h" in words(parts(page, "region-panel")[0])
    (disk,) = parts(page, "disk-panel")
    assert "P(M1.0+), 6 h" in words(disk)
    assert "their probability of M1.0+ in 6 h; 1 over the threshold" in str(disk)
    # All else stays: the state of the region, the change and the card are those of 24 h.
    assert [words(state) for state in parts(page, "state")] == ["▲over threshold", "◆watch"]
    assert f"39{NARROW}%" in words(parts(page, "card")[1])


def test_the_window_is_in_the_address_only_and_24_hours_are_left_out(
    engine_sqlite: sa.Engine,
) -> None:
    _stock_without_list(engine_sqlite)

    page = _drawn(engine_sqlite, "?window=6h&sort=position")

    links = {words(part): part.href for part in walk(page) if isinstance(part, dcc.Link)}
    assert links["24 h"] == "/?sort=position"
    assert links["day 2"] == "/?sort=position&window=d2"
    assert links["Change"] == "/?sort=change&window=6h"


def test_the_page_without_a_window_is_that_of_24_hours(engine_sqlite: sa.Engine) -> None:
    _stock_without_list(engine_sqlite)
    stock_leads(engine_sqlite)

    page = _drawn(engine_sqlite)

    assert _regions(page)[0] == [f"35{NARROW}%", f"70{NARROW}%", f"3.5{NARROW}%"]
    assert _spots(page)[0] == ["12017", f"35{NARROW}%"]
    assert "P(M1.0+), 24 h" in words(parts(page, "disk-panel")[0])


def test_windows_count_as_long_as_a_forecast_does(engine_sqlite: sa.Engine) -> None:
    _stock_without_list(engine_sqlite)
    stock_leads(engine_sqlite)
    with writing(engine_sqlite) as connection:
        old = lead_forecasts.delete().where(lead_forecasts.c.t_rec > NOW - timedelta(hours=4))
        connection.execute(old)

    page = _drawn(engine_sqlite, "?window=6h")

    assert _cells(page)[1] == ["–", "–", "39", "–", "–", "–"]
    assert _regions(page) == [["–", "–", "–"]] * 2


def test_an_older_record_of_the_hour_still_gives_its_windows(engine_sqlite: sa.Engine) -> None:
    _stock_without_list(engine_sqlite)
    stock_leads(engine_sqlite)
    with writing(engine_sqlite) as connection:
        connection.execute(lead_forecasts.delete().where(lead_forecasts.c.t_rec == NOW))

    page = _drawn(engine_sqlite, "?window=d3")

    main = lead(event("M1.0/d3"), 0.35, hours_back=1)
    assert _regions(page)[0][0] == f"{percent(main)}{NARROW}%"
    heads = [words(head) for head in parts(page, "lead-matrix")[0].children[0].children.children]
    assert heads[1] == "6 hto 21:00"


def test_an_unknown_window_names_the_known_ones(engine_sqlite: sa.Engine) -> None:
    _stock_without_list(engine_sqlite)

    with pytest.raises(InvalidInputError, match=r"window='7h'.*'6h', '12h', '24h'"):
        _drawn(engine_sqlite, "?window=7h")


def test_24_hours_in_the_matrix_are_the_large_number_of_the_card(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)

    page = _drawn(engine_sqlite)

    numbers = [words(number) for number in parts(page, "card-number")]
    cells = [row[2] for row in _cells(page)]
    assert numbers == [f"{cells[at]}{NARROW}%" for at in (0, 1, 3)]
