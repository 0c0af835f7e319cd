from __future__ import annotations

import pytest
from e2e.conftest import OpenWindow, is_drawing
from e2e.house import House
from e2e.soundness import expect_sound, violations
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e

PAGES = {
    "Now": "/",
    "Regions": "/regions",
    "Passage": "/regions/{region}?range=passage&keywords=all",
    "Skill": "/skill?event=C1.0&range=all",
    "Explore": "/explore?range=all",
    "Pipeline": "/pipeline",
    "Alerts": "/alerts?range=all",
}
# Between them both themes, all three layouts and every page.
LOOKS = [
    (1440, "light"),
    pytest.param(1024, "dark", marks=pytest.mark.thorough),
    (390, "dark"),
]


@pytest.mark.parametrize(("width", "theme"), LOOKS)
def test_every_page_is_sound_in_every_layout_and_theme(
    house: House, window: OpenWindow, width: int, theme: str
) -> None:
    seen = window(width=width, theme=theme)
    region = house.some_region()
    page = seen.open(house.dash + PAGES["Now"])
    for path in PAGES.values():
        seen.follow(house.dash + path.format(region=region))

        expect(page.get_by_role("heading", level=2).first).to_be_visible()
        expect(page.get_by_text("Simulated data")).to_be_visible()
        expect_sound(page, theme=theme, width=width)
    assert seen.complaints == []
    assert [url for url in seen.requests if not url.startswith((house.dash, "data:"))] == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_status_page_is_sound_in_both_themes(
    house: House, window: OpenWindow, theme: str
) -> None:
    page = window(width=390, theme=theme).page

    page.goto(f"{house.dash}/status")

    expect(page.get_by_role("heading", name="Flarewatch status")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    # It is loaded anew every 30 s: of a status nobody may read an old one as the present one.
    assert [one for one in violations(page) if not one.startswith("meta-refresh")] == []


def test_a_page_with_many_figures_is_drawn_anew_in_the_other_theme(
    house: House, window: OpenWindow
) -> None:
    seen = window(width=390, theme="dark")
    page = seen.open(house.dash + PAGES["Passage"].format(region=house.some_region()))

    with page.expect_response(is_drawing):
        page.get_by_role("button", name="Switch between light and dark").click()

    page.wait_for_load_state("networkidle")
    expect_sound(page, theme="light", width=390)
    assert seen.complaints == []


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


def test_nothing_jumps_while_the_first_view_arrives(house: House, window: OpenWindow) -> None:
    seen = window()
    seen.page.add_init_script(
        "window.shift = 0; new PerformanceObserver(list => {"
        " for (const entry of list.getEntries()) window.shift += entry.value;"
        "}).observe({type: 'layout-shift', buffered: true})"
    )

    page = seen.open(house.dash)
    page.wait_for_load_state("networkidle")

    # Web vitals call a cumulative layout shift below 0.1 good.
    assert page.evaluate("window.shift") < 0.1
