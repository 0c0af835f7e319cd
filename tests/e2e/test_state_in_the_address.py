from __future__ import annotations

import re

import pytest
from e2e.conftest import OpenWindow
from e2e.house import House
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.e2e

CHOSEN = re.compile(r"\bactive\b")


def _choose(page: Page, label: str) -> None:
    choice(page, label).click()
    expect(choice(page, label)).to_have_class(CHOSEN)


def choice(page: Page, label: str) -> Locator:
    return page.locator(".region-heading").get_by_role("link", name=label, exact=True)


def test_a_reload_shows_the_same_region_range_event_and_theme(
    house: House, window: OpenWindow
) -> None:
    page = window().open(f"{house.dash}/regions/{house.some_region()}")

    _choose(page, "3 d")
    _choose(page, "C1.0+")
    page.get_by_role("button", name="Switch between light and dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()

    assert page.url.endswith("?range=3d&event=C1.0")
    expect(choice(page, "3 d")).to_have_class(CHOSEN)
    expect(choice(page, "C1.0+")).to_have_class(CHOSEN)
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


@pytest.mark.thorough
def test_a_reload_shows_now_in_the_same_window(house: House, window: OpenWindow) -> None:
    page = window().open(house.dash)
    six_hours = page.get_by_role("link", name="6 h", exact=True)

    six_hours.click()
    expect(page.get_by_text("P(M1.0+), 6 h")).to_be_visible()
    page.reload()

    assert page.url.endswith("/?window=6h")
    expect(six_hours).to_have_class(CHOSEN)
    expect(page.get_by_text("P(M1.0+), 6 h")).to_be_visible()


def test_next_and_previous_lead_through_the_regions_and_keep_the_range(
    house: House, window: OpenWindow
) -> None:
    page = window().open(house.dash)
    page.locator("tbody").get_by_role("link").first.click()
    expect(page.get_by_role("link", name="All regions")).to_be_visible()
    first = page.url
    _choose(page, "24 h")

    page.get_by_role("link", name="Next ›").click()
    expect(page).to_have_url(re.compile(r"regions/(?!" + first.rpartition("/")[2] + r"\b)"))
    page.get_by_role("link", name="‹ Previous").click()

    expect(page).to_have_url(f"{first}?range=24h")


def test_a_typed_range_is_part_of_the_address(house: House, window: OpenWindow) -> None:
    page = window().open(f"{house.dash}/explore")

    page.get_by_label("From (UTC)").fill("2024-05-02 06:00")
    page.get_by_label("From (UTC)").press("Enter")
    expect(page).to_have_url(re.compile("start=2024-05-02T06%3A00%3A00Z"))
    page.reload()

    expect(page.get_by_label("From (UTC)")).to_have_value("2024-05-02 06:00")
    expect(page.get_by_text("Custom")).to_be_visible()


def test_a_range_turned_round_says_so_and_keeps_the_view(house: House, window: OpenWindow) -> None:
    page = window().open(f"{house.dash}/explore?range=all")
    before = page.url
    drawn = page.get_by_role("heading", name="Distribution of predictions")

    page.get_by_label("From (UTC)").fill("2031-01-01 00:00")
    page.get_by_label("From (UTC)").press("Enter")

    expect(page.get_by_role("alert").filter(has_text="turned round")).to_be_visible()
    expect(drawn).to_be_visible()
    assert page.url == before
