from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from e2e.conftest import OpenWindow
from e2e.house import House
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.e2e

PAGES = {
    "Now": "/",
    "Regions": "/regions",
    "Passage": "/regions/{region}?range=passage&keywords=all",
    "Skill": "/skill?event=C1.0&range=all",
    "Explore": "/explore?range=all",
}
GRAVE = {"serious", "critical"}


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_sound_in_every_width_and_theme(
    house: House, window: OpenWindow, name: str, width: int
) -> None:
    seen = window(width=width)
    page = seen.open(house.dash + PAGES[name].format(region=house.some_region()))

    _expect_sound(page, theme="light", width=width)
    with page.expect_response(lambda answer: "page.children" in (answer.request.post_data or "")):
        page.get_by_role("button", name="Switch between light and dark").click()
    _expect_sound(page, theme="dark", width=width)

    assert seen.complaints == []
    assert [url for url in seen.requests if not url.startswith((house.dash, "data:"))] == []


def _expect_sound(page: Page, *, theme: str, width: int) -> None:
    expect(page.get_by_role("heading", level=2).first).to_be_visible()
    expect(page.get_by_text("Simulated data")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("data-theme", theme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(page).response["violations"]
    assert [rule["id"] for rule in found if rule["impact"] in GRAVE] == []


@pytest.mark.parametrize("width", [1440, 390])
def test_the_table_of_records_shows_its_rows(house: House, window: OpenWindow, width: int) -> None:
    page = window(width=width).open(f"{house.dash}/explore?range=all")

    page.get_by_role("heading", name="Records").scroll_into_view_if_needed()

    # A row of the grid reads: region, NOAA number, time, probabilities.
    expect(page.get_by_role("row").filter(has_text="2024-05-0").first).to_be_visible()


def test_the_theme_of_the_machine_is_the_first_choice(house: House, window: OpenWindow) -> None:
    page = window(theme="dark").page

    page.goto(house.dash, wait_until="commit")

    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


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
