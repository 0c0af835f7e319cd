from __future__ import annotations

from datetime import timedelta

import pytest
from e2e.conftest import OpenWindow
from e2e.house import House, build
from playwright.sync_api import expect

from solar.time import isoformat, nominal, parse_time

pytestmark = pytest.mark.e2e


def test_a_new_record_comes_into_now_without_a_reload(house: House, window: OpenWindow) -> None:
    page = window().open(house.dash)
    page.evaluate("window.isSamePage = true")
    page.get_by_role("link", name="Position").focus()

    house.post(region=999_001, t_rec=_later(house))

    expect(page.locator("table").get_by_text("HARP 999001")).to_be_visible()
    expect(page.get_by_role("link", name="Position")).to_be_focused()
    assert page.evaluate("window.isSamePage")


def test_new_data_leave_an_analyst_at_work_in_peace(house: House, window: OpenWindow) -> None:
    page = window().open(f"{house.dash}/explore?range=all")
    field = page.get_by_label("Regions", exact=True)
    field.press_sequentially("9000", delay=120)
    said = page.locator("header").inner_text()

    at = _later(house)
    house.post(region=999_002, t_rec=at)

    # The header has followed the data, the half-typed number and its focus are still there.
    moment = nominal(parse_time(at))
    expect(page.locator("header")).to_contain_text(f"{moment:%H:%M} UTC")
    assert said != page.locator("header").inner_text()
    expect(field).to_have_value("9000")
    expect(field).to_be_focused()


def test_a_page_opened_before_its_store_follows_it_to_the_first_prediction(
    window: OpenWindow, tmp_path_factory: pytest.TempPathFactory
) -> None:
    empty = build(tmp_path_factory.mktemp("empty"))
    with empty.serving("app_dash", ready=f"{empty.dash}/health"):
        page = window().page
        page.goto(empty.dash)
        page.evaluate("window.isSamePage = true")
        expect(page.get_by_role("alert")).to_contain_text("The store has not answered")

        # The API of an embedded store also creates it.
        with empty.serving("app", ready=f"{empty.api}/ready"):
            expect(page.get_by_text("No SHARP record is stored yet")).to_be_visible()

            empty.simulate(days=0.2)
            expect(page.get_by_role("row").filter(has_text="%").first).to_be_visible()
        assert page.evaluate("window.isSamePage")


def _later(house: House) -> str:
    return isoformat(house.newest() + timedelta(minutes=12))
