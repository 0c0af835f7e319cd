"""Whoever types faster than the pages are drawn loses nothing of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from e2e.conftest import OpenWindow
from e2e.house import House
from playwright.sync_api import Page, Route, expect

pytestmark = pytest.mark.e2e

SLOWNESS_S = 0.7
# The third of the five days that are stored at least.
DAY = "2024-05-03"
HARPS = ("96389", "96388")


@pytest.fixture(params=["page.children", "accepted.data"], ids=["drawn", "read"])
def slow_page(house: House, window: OpenWindow, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Explore on a dashboard that takes its time to draw, or to read what is typed."""
    page = window().open(f"{house.dash}/explore?range=all")

    def late(route: Route) -> None:
        if request.param in (route.request.post_data or ""):
            page.wait_for_timeout(1000 * SLOWNESS_S)
        route.continue_()

    page.route("**/_dash-update-component*", late)
    yield page
    page.unroute_all(behavior="ignoreErrors")


def test_fields_entered_before_the_first_is_drawn_all_count(slow_page: Page) -> None:
    slow_page.get_by_label("From (UTC)").fill(f"{DAY} 01:00")
    slow_page.keyboard.press("Tab")
    for label, text in (("To (UTC)", f"{DAY} 05:00"), ("Regions", HARPS[0])):
        slow_page.get_by_label(label, exact=True).fill(text)
        slow_page.keyboard.press("Enter")

    expect(slow_page).to_have_url(re.compile(f"regions={HARPS[0]}"))
    slow_page.wait_for_timeout(3000 * SLOWNESS_S)
    expect(slow_page).to_have_url(re.compile(f"start={DAY}T01.*end={DAY}T05.*regions={HARPS[0]}"))
    expect(slow_page.get_by_label("From (UTC)")).to_have_value(f"{DAY} 01:00")
    expect(slow_page.get_by_label("To (UTC)")).to_have_value(f"{DAY} 05:00")
    expect(slow_page.get_by_label("Regions", exact=True)).to_have_value(HARPS[0])


def test_what_is_half_typed_outlives_a_new_drawing_and_is_typed_on(slow_page: Page) -> None:
    slow_page.get_by_label("From (UTC)").fill(f"{DAY} 01:00")
    slow_page.keyboard.press("Enter")
    slow_page.get_by_label("Regions", exact=True).press_sequentially(HARPS[0])
    slow_page.wait_for_timeout(2000 * SLOWNESS_S)
    slow_page.keyboard.type(f", {HARPS[1]}")
    slow_page.keyboard.press("Enter")

    expect(slow_page).to_have_url(re.compile("%2C".join(HARPS)))
    expect(slow_page.get_by_label("From (UTC)")).to_have_value(f"{DAY} 01:00")
    expect(slow_page.get_by_label("Regions", exact=True)).to_have_value(", ".join(HARPS))


def test_a_key_in_the_middle_of_a_text_is_followed_by_the_next(slow_page: Page) -> None:
    regions = slow_page.get_by_label("Regions", exact=True)
    regions.press_sequentially("9689")
    for _ in "89":
        slow_page.keyboard.press("ArrowLeft")
    slow_page.keyboard.type("3")
    slow_page.keyboard.press("ArrowRight")
    slow_page.keyboard.type(".")

    expect(regions).to_have_value("9638.9")
