from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from e2e.conftest import OpenWindow
from e2e.house import House
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e

PAGES = {
    "Now": "/",
    "Regions": "/regions",
    "Passage": "/regions/{region}?range=passage&keywords=all",
    "Skill": "/skill?event=C1.0&range=all",
    "Explore": "/explore?range=all",
}
GRAVE = {"serious", "critical"}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_sound_in_every_width_and_theme(
    house: House, window: OpenWindow, name: str, width: int, theme: str
) -> None:
    seen = window(width=width, theme=theme)

    page = seen.open(house.dash + PAGES[name].format(region=house.some_region()))

    expect(page.get_by_role("heading", level=2).first).to_be_visible()
    expect(page.get_by_text("Simulated data")).to_be_visible()
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(page).response["violations"]
    assert [rule["id"] for rule in found if rule["impact"] in GRAVE] == []
    assert seen.complaints == []
    assert [url for url in seen.requests if not url.startswith((house.dash, "data:"))] == []


def test_the_keys_one_to_four_open_the_pages(house: House, window: OpenWindow) -> None:
    page = window().open(house.dash)

    for key, title in (("2", "Regions"), ("3", "Skill"), ("4", "Explore"), ("1", "Now")):
        page.keyboard.press(key)
        expect(page.get_by_role("heading", level=1)).to_have_text(title)


def test_nothing_jumps_while_the_first_view_arrives(house: House, window: OpenWindow) -> None:
    seen = window()
    seen.page.add_init_script(
        "window.shift = 0; new PerformanceObserver(list => {"
        " for (const entry of list.getEntries()) window.shift += entry.value;"
        "}).observe({type: 'layout-shift', buffered: true})"
    )

    page = seen.open(house.dash)

    # Web vitals call a cumulative layout shift below 0.1 good.
    assert page.evaluate("window.shift") < 0.1
