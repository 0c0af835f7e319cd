from __future__ import annotations

import pytest
import sqlalchemy as sa
from drawn_region import as_text, drawn
from stocked_store import stock

from app_dash.create_app import PAGES
from app_dash.frame import routing
from app_dash.region import page as region
from app_dash.settings import DashSettings
from solar.errors import InvalidInputError, NotFoundError


def test_the_list_offers_every_region_with_its_number(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)

    page = drawn(engine_sqlite, "/regions")

    assert all(f'"/regions/{number}"' in page for number in (3894, 3907, 3856, 3874))


def test_a_region_shows_its_forecast_and_its_outcome(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)

    page = drawn(engine_sqlite, "/regions/3894")

    assert '"AR 12017"' in page
    assert "M1.0+ flares: 1 hit." in page
    assert "M2.0, 28 Mar 20:00" in page or "C3.0, 29 Mar 13:00" in page


def test_a_withheld_forecast_says_why(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)

    page = drawn(engine_sqlite, "/regions/3856")

    assert "No forecast: beyond 70° of longitude." in page


def test_choices_are_addresses_that_keep_the_other_choices(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)

    page = drawn(engine_sqlite, "/regions/3894", "?scale=linear")

    assert '"/regions/3894?range=3d&scale=linear"' in page
    assert '"/regions/3894"' in page


@pytest.mark.parametrize("span", ["24h", "3d", "5d", "passage"])
def test_every_range_of_a_short_region_starts_at_its_first_record(
    engine_sqlite: sa.Engine, span: str
) -> None:
    stock(engine_sqlite)

    frames = {"24h": "25 of 25", "3d": "73 of 73", "5d": "80 of 80", "passage": "80 of 80"}
    assert f"{frames[span]} frames" in drawn(engine_sqlite, "/regions/3894", f"?range={span}")


def test_an_unknown_region_is_a_clear_answer(engine_sqlite: sa.Engine) -> None:
    with pytest.raises(NotFoundError, match="no region 1 is stored"):
        drawn(engine_sqlite, "/regions/1")


def test_the_error_of_an_address_is_shown_on_the_page(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)
    view = routing.read_context(engine_sqlite, settings=DashSettings(), theme="light")

    content = routing.draw_page(view, PAGES[1], pathname="/regions/3894", search="?range=7d")

    assert "range='7d'" in as_text(content)
    with pytest.raises(InvalidInputError):
        region.layout(view, "/regions/3894", "?range=7d")


def test_a_number_searched_for_opens_its_region(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)

    assert region.search_address(engine_sqlite, "3894") == "/regions/3894"
    assert region.search_address(engine_sqlite, " 99999 ") == "/regions?q=99999"
    assert region.search_address(engine_sqlite, "spot & dark") == "/regions?q=spot+%26+dark"


def test_a_search_without_result_offers_all_regions(engine_sqlite: sa.Engine) -> None:
    page = drawn(engine_sqlite, "/regions", "?q=99999")

    assert "No region 99999 is stored." in page
    assert "Show all regions" in page


def test_the_neighbours_are_those_of_the_order_of_risk(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)

    riskiest = drawn(engine_sqlite, "/regions/3894", "?range=24h")
    second = drawn(engine_sqlite, "/regions/3907", "?range=24h")

    assert "‹ Previous" not in riskiest
    assert '"href": "/regions/3907?range=24h", "title": "12024, by risk"' in riskiest
    assert '"href": "/regions/3894?range=24h", "title": "12017, by risk"' in second


def test_the_list_has_a_line_and_the_largest_flare_of_each_region(
    engine_sqlite: sa.Engine,
) -> None:
    stock(engine_sqlite)

    page = drawn(engine_sqlite, "/regions")

    assert page.count('"className": "sparkline"') == 4
    assert '"M2.0"' in page
    assert "4 most recent first, 2 of 4 on the disk with a forecast" in page


def test_an_empty_store_says_how_to_fill_it(engine_sqlite: sa.Engine) -> None:
    assert "flarewatch send simulate" in drawn(engine_sqlite, "/regions")
