"""The printed briefing: without what can only be clicked, and light whatever the screen."""

from __future__ import annotations

import re

import pytest
from e2e.conftest import OpenWindow
from e2e.house import House
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e

SHEET = re.compile(rb"/Type\s*/Page\b")


def test_now_is_printed_on_two_sheets_without_its_controls(
    house: House, window: OpenWindow
) -> None:
    page = window().open(house.dash)

    page.emulate_media(media="print")

    for control in ("nav", ".print-button", ".theme-toggle", ".segmented", "#page button"):
        expect(page.locator(control).locator("visible=true")).to_have_count(0)
    expect(page.get_by_role("heading", name="Regions", level=2)).to_be_visible()
    assert len(SHEET.findall(page.pdf(prefer_css_page_size=True))) <= 2


def test_a_dark_page_is_printed_in_light_and_is_dark_again_after(
    house: House, window: OpenWindow
) -> None:
    page = window(theme="dark").open(house.dash)
    page.evaluate(
        "() => { const root = document.documentElement.dataset;"
        " window.print = () => { root.printed = root.theme; }; }"
    )

    page.get_by_role("button", name="Print this page as a briefing").click()

    expect(page.locator("html")).to_have_attribute("data-printed", "light")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
