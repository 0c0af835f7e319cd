from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from e2e.conftest import OpenWindow
from e2e.house import House
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.e2e


def _opened(house: House, window: OpenWindow, search: str) -> Page:
    page = window().open(f"{house.dash}/explore{search}")
    # The grid asks for its rows when it is drawn; what is pressed before that is lost.
    expect(page.locator("#distribution-m1 .point").first).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="2024-05-0").first).to_be_attached()
    return page


def _area(page: Page) -> tuple[float, float, float]:
    """Return left end, middle height and width of what can be dragged over."""
    box = page.locator("#explore-overview .nsewdrag").first.bounding_box()
    assert box is not None
    return box["x"], box["y"] + box["height"] / 2, box["width"]


def _records(page: Page) -> int:
    text = page.locator(".summary-line .chip").first.inner_text()
    return int(re.sub(r"\D", "", text))


def _chips(page: Page) -> Locator:
    return page.locator(".chip.removable")


def test_a_stretch_dragged_over_the_overview_becomes_the_range(
    house: House, window: OpenWindow
) -> None:
    page = _opened(house, window, "?range=all")
    whole = _records(page)
    left, middle, width = _area(page)

    page.mouse.move(left + 0.4 * width, middle)
    page.mouse.down()
    page.mouse.move(left + 0.6 * width, middle, steps=5)
    page.mouse.up()

    expect(page).to_have_url(re.compile("range=all&start=2024-05-0.*&end=2024-05-0"))
    expect(page.get_by_text("Custom")).to_be_visible()
    assert 0 < _records(page) < whole / 2

    # The figure is drawn after the texts; what is pressed before belongs to the one it replaces.
    page.wait_for_function(
        "document.querySelector('#explore-overview .js-plotly-plot')"
        "._fullLayout.xaxis._rangeInitial0 >= '2024-05-03'"
    )
    page.wait_for_timeout(1000)
    left, middle, width = _area(page)
    page.mouse.dblclick(left + 0.5 * width, middle)

    expect(page).to_have_url(re.compile(r"\?range=all$"))
    expect(page.locator(".summary-line")).to_contain_text(f"{whole:,}")


def test_a_bar_filters_table_and_files_and_the_link_shows_the_same(
    house: House, window: OpenWindow, tmp_path: Path
) -> None:
    page = _opened(house, window, "?range=all")
    bar = page.locator("#distribution-m1 .points .point path").first.bounding_box()
    assert bar is not None

    place = bar["x"] + bar["width"] / 2, bar["y"] + 12
    page.mouse.move(place[0] + 1, place[1] + 1)
    page.mouse.move(*place)
    expect(page.locator("#distribution-m1 .hovertext")).to_be_visible()
    page.mouse.click(*place)

    expect(_chips(page)).to_have_text(re.compile(r"P\(M1.0\+\)"))
    shown = _records(page)
    with page.expect_download() as started:
        page.get_by_role("link", name="CSV").click()
    started.value.save_as(tmp_path / "records.csv")
    with (tmp_path / "records.csv").open() as file:
        assert sum(1 for _ in csv.DictReader(file)) == shown

    again = window().open(page.url)
    expect(_chips(again)).to_have_text(re.compile(r"P\(M1.0\+\)"))
    assert _records(again) == shown
    _chips(again).click()
    expect(_chips(again)).to_have_count(0)


def test_a_columns_filter_is_asked_of_the_store_and_kept_with_the_order(
    house: House, window: OpenWindow
) -> None:
    page = _opened(house, window, "?range=all")

    before = page.locator(".ag-root-wrapper").element_handle()
    page.locator(".ag-header-cell[col-id=m1] .ag-header-cell-text").click()
    expect(page).to_have_url(re.compile("sort=-m1"))
    # The address draws a new table; what is pressed in the old one would be lost.
    before.wait_for_element_state("hidden")
    head = page.locator(".ag-header-cell[col-id=m1]")
    expect(head).to_have_attribute("aria-sort", "descending")
    page.locator(".ag-header-cell[col-id=c1] .ag-header-cell-filter-button").click()
    page.locator(".ag-filter input:visible").nth(0).fill("1")
    page.locator(".ag-filter input:visible").nth(1).fill("100")
    page.get_by_role("button", name="Filter", exact=True).click()

    expect(_chips(page)).to_have_text(re.compile(r"P\(C1.0\+\) 1 to 100"))
    expect(page).to_have_url(re.compile("where=c1%3A1..100&sort=-m1"))
    expect(head).to_have_attribute("aria-sort", "descending")


def test_a_chosen_row_is_marked_in_the_figures(house: House, window: OpenWindow) -> None:
    page = _opened(house, window, "?range=all")
    before = page.locator("#explore-overview .shapelayer path").count()

    page.locator(".ag-center-cols-container .ag-row").nth(2).click()

    expect(page.get_by_text("Marked in the figures:")).to_be_visible()
    expect(page.locator("#explore-overview .shapelayer path")).to_have_count(before + 1)


def test_a_day_is_picked_from_the_calendar(house: House, window: OpenWindow) -> None:
    page = _opened(house, window, "?range=all")

    page.get_by_role("button", name="Pick the day: from").click()
    page.locator("input.calendar").fill("2024-05-03")

    expect(page).to_have_url(re.compile("start=2024-05-03T"))
    expect(page.get_by_label("From (UTC)")).to_have_value(re.compile("^2024-05-03 "))


def test_the_api_call_is_copied(house: House, window: OpenWindow) -> None:
    page = _opened(house, window, "?range=all&event=C1.0&least=1")

    page.get_by_text("API call").click()
    page.get_by_role("button", name="Copy").click()

    expect(page.get_by_text("event=C1.0&min_probability=0.01")).to_be_visible()
    expect(page.locator("[data-copy]")).to_have_text(re.compile("Copied"))
