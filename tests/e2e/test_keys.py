from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from e2e.conftest import OpenWindow
from e2e.house import House
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.e2e

PAGES = ("Now", "Regions", "Skill", "Explore", "Pipeline", "Alerts", "Lab", "Machines")


def test_the_keys_one_to_seven_open_the_pages_in_their_order(
    house: House, window: OpenWindow
) -> None:
    page = window().open(house.dash)

    for key, title in reversed(list(enumerate(PAGES, start=1))):
        page.keyboard.press(str(key))
        expect(page.get_by_role("heading", level=1)).to_have_text(title)


def test_a_slash_leads_to_the_search_for_a_region(house: House, window: OpenWindow) -> None:
    page = window().open(f"{house.dash}/regions")
    region = str(house.some_region())
    expect(page.locator("#search")).to_be_visible()

    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    # The field puts its caret back a moment after each key.
    page.keyboard.type(region, delay=120)
    page.keyboard.press("Enter")

    expect(page).to_have_url(f"{house.dash}/regions/{region}")


def test_the_arrows_step_through_what_was_known_of_a_region(
    house: House, window: OpenWindow
) -> None:
    page = window().open(f"{house.dash}/regions/{house.some_region()}")
    expect(page.get_by_text("at the latest")).to_be_visible()

    step(page, "ArrowLeft")
    expect(page).to_have_url(re.compile("at=2024-05-"))
    earlier = page.url
    expect(page.get_by_text("at the latest")).to_have_count(0)
    step(page, "ArrowLeft")
    expect(page).not_to_have_url(earlier)
    step(page, "ArrowRight")

    expect(page).to_have_url(earlier)


def step(page: Page, key: str) -> None:
    before = page.url
    page.keyboard.press(key)
    expect(page).not_to_have_url(before)
    (at,) = parse_qs(urlsplit(page.url).query)["at"]
    # Drawn anew for that time, the page leads on from there.
    expect(page.locator("[data-key=ArrowLeft]")).to_have_attribute("data-at", at)


def test_the_key_a_acknowledges_the_first_open_alert(house: House, window: OpenWindow) -> None:
    page = window().open(house.dash)
    waiting = page.locator(".alert-item.open")
    n = waiting.count()
    page.get_by_role("heading", level=1).click()

    page.keyboard.press("a")

    expect(waiting).to_have_count(n - 1)


def test_a_digit_typed_into_a_field_opens_no_page(house: House, window: OpenWindow) -> None:
    page = window().open(f"{house.dash}/explore")

    page.get_by_label("Regions", exact=True).press_sequentially("12")

    expect(page.get_by_role("heading", level=1)).to_have_text("Explore")
