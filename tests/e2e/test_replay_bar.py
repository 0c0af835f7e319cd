"""The bar of a replay in the browser: played, paused, sped up, jumped in and left alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import requests
from e2e.conftest import OpenWindow, is_drawing
from e2e.house import REFRESH_SECONDS, House, build
from e2e.soundness import expect_sound
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.e2e, pytest.mark.thorough]

NOW, LAST = "2024-05-06T00:05:00Z", "2024-05-12T00:00:00Z"
EARLIER = "2024-05-03 12:00"
AS_OF = "at=2024-05-03T12%3A00%3A00Z"


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Five simulated days as a replay, which has six more before it."""
    built = build(tmp_path_factory.mktemp("replay"))
    with built.serving("app", ready=f"{built.api}/ready"):
        span = {"starts": "2024-05-01T00:00:00Z", "ends": LAST, "speed": 600}
        begun = requests.post(
            f"{built.api}/api/v1/clock", json={"sender": "by-hand", **span}, timeout=10
        )
        assert begun.status_code == 200, begun.text
        built.simulate(days=5)
        put(built, action="jump", to=NOW)
        with built.serving("app_dash", ready=f"{built.dash}/ready"):
            yield built


@pytest.fixture
def house(replayed: House) -> House:
    """Paused, at a speed of 600."""
    put(replayed, action="speed", speed=600)
    put(replayed, action="pause")
    return replayed


def put(house: House, **act: object) -> None:
    answer = requests.put(f"{house.api}/api/v1/clock", json=act, timeout=10)
    assert answer.status_code == 200, answer.text


def event_time(page: Page) -> datetime:
    return datetime.strptime(page.locator("#replay-now").inner_text() + "Z", "%d %b %Y %H:%M:%S%z")


def at_rest(page: Page) -> None:
    """Have the keyboard nowhere in particular."""
    page.get_by_role("heading", level=1).click()


def jump(page: Page, to: str) -> None:
    page.get_by_label("Jump to a time, UTC").fill(to)
    page.keyboard.press("Enter")


def test_space_plays_and_pauses_and_the_time_passes_by_the_speed_between(
    house: House, window: OpenWindow
) -> None:
    page = window().open(house.dash)
    expect(page.locator("#replay-state")).to_contain_text("paused")
    at_rest(page)
    before = event_time(page)

    page.keyboard.press("Space")
    expect(page.locator("#replay-bar [aria-busy=true]")).to_have_count(1)
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(page.locator("#replay-state")).to_contain_text("playing 600×")
    page.wait_for_timeout(2500)
    page.get_by_role("button", name="60×", exact=True).click()
    expect(page.locator("#replay-state")).to_contain_text("playing 60×")
    page.get_by_role("button", name="Pause").focus()
    page.keyboard.press("Space")
    expect(page.locator("#replay-state")).to_contain_text("paused")

    passed = event_time(page) - before
    assert timedelta(minutes=20) < passed < timedelta(hours=4)
    assert page.locator(".chip.mode").inner_text() == "Replay"


def test_a_paused_replay_redraws_no_panel(house: House, window: OpenWindow) -> None:
    seen = window()
    page = seen.open(house.dash)
    expect(page.locator("#replay-state")).to_contain_text("paused")
    # The first ticks tell the page the version that it was drawn with, and have it drawn again.
    page.wait_for_timeout(3000 * REFRESH_SECONDS)
    page.wait_for_load_state("networkidle")
    at, panels = event_time(page), page.locator("#page table").all_text_contents()
    drawings: list[str] = []
    page.on("response", lambda one: drawings.append(one.url) if is_drawing(one) else None)

    page.wait_for_timeout(10_000)

    assert (event_time(page), page.locator("#page table").all_text_contents()) == (at, panels)
    assert drawings == []


def test_what_is_typed_into_the_bar_stays_while_the_replay_plays(
    house: House, window: OpenWindow
) -> None:
    page = window().open(house.dash)
    field = page.get_by_label("Jump to a time, UTC")
    page.get_by_role("button", name="Play").click()
    field.press_sequentially("2024-05-07 1", delay=300)
    with page.expect_response(is_drawing):
        page.wait_for_timeout(100)

    expect(field).to_have_value("2024-05-07 1")
    expect(field).to_be_focused()
    # A space in the field is a space.
    expect(page.locator("#replay-state")).to_contain_text("playing")


def test_a_time_after_the_last_record_is_refused_beside_the_field(
    house: House, window: OpenWindow
) -> None:
    page = window().open(house.dash)

    jump(page, "2030-01-01")

    expect(page.locator("#replay-message")).to_contain_text("is after the last record")
    expect(page.get_by_label("Jump to a time, UTC")).to_have_value("2030-01-01")


def test_a_jump_back_shows_every_page_as_of_then_until_one_goes_back_to_now(
    house: House, window: OpenWindow
) -> None:
    page = window().open(house.dash)
    expect(page.get_by_role("button", name="Next alert")).to_be_disabled()

    jump(page, EARLIER)
    expect(page.locator(".as-of-banner", has_text="As of 3 May 2024 12:00 UTC")).to_be_visible()
    at_rest(page)
    drawn = page.locator("#page")
    for key, name in enumerate(("regions", "skill", "explore", "pipeline", "alerts"), 2):
        page.keyboard.press(str(key))
        expect(drawn).to_have_attribute("data-address", re.compile(f"^/{name}[?]{AS_OF}"))
        expect(page.locator(".as-of-banner", has_text="As of 3 May 2024 12:00 UTC")).to_be_visible()
    page.get_by_title("Flarewatch").click()
    expect(page).to_have_url(f"{house.dash}/?{AS_OF}")
    expect(drawn).to_have_attribute("data-address", f"/?{AS_OF}")
    expect(page.get_by_role("button", name="Next alert")).to_be_enabled()
    page.get_by_role("link", name="Back to now").click()

    expect(page).to_have_url(f"{house.dash}/")
    expect(page.locator(".as-of-banner", has_text="As of 3 May 2024 12:00 UTC")).to_have_count(0)


def test_keys_lead_from_alert_to_alert_of_an_earlier_time(house: House, window: OpenWindow) -> None:
    page = window().open(f"{house.dash}/alerts?at=2024-05-01T00:00:00Z")
    at_rest(page)

    page.keyboard.press("k")
    expect(page).not_to_have_url(re.compile("at=2024-05-01T00:00:00Z"))
    first = page.url
    page.keyboard.press("k")

    expect(page).not_to_have_url(first)
    expect(page).to_have_url(re.compile("at=2024-05-0"))


def test_digits_open_pages_while_a_slider_has_the_keyboard_which_is_read_as_a_time(
    house: House, window: OpenWindow
) -> None:
    page = window().open(f"{house.dash}/regions/{house.some_region()}")
    slider = page.get_by_label("Time as of which the page is shown")
    slider.focus()
    assert re.fullmatch(
        r"\d\d May 2024 \d\d:\d\d UTC", slider.get_attribute("aria-valuetext") or ""
    )

    page.keyboard.press("4")

    expect(page).to_have_title("Explore · Flarewatch")


def test_a_slash_leads_anywhere_from_a_page_without_a_search(
    house: House, window: OpenWindow
) -> None:
    page = window().open(f"{house.dash}/pipeline")
    region = house.some_region()

    for typed, address in (("skill", "/skill"), (f"HARP {region}", f"/regions/{region}")):
        at_rest(page)
        page.keyboard.press("/")
        expect(page.get_by_label("Go to a page or region")).to_be_focused()
        page.keyboard.type(typed, delay=60)
        page.keyboard.press("Enter")
        expect(page).to_have_url(house.dash + address)
        expect(page.get_by_label("Go to a page or region")).to_be_hidden()
        expect(page.get_by_role("heading", level=2).first).to_be_visible()


@pytest.mark.parametrize(
    ("width", "theme"), [(1440, "light"), (1440, "dark"), (1024, "light"), (390, "dark")]
)
def test_the_bar_is_sound_in_every_layout_and_theme(
    house: House, window: OpenWindow, width: int, theme: str
) -> None:
    seen = window(width=width, theme=theme)
    page = seen.open(f"{house.dash}/?at=2024-05-03T12:00:00Z")
    expect(page.locator("#replay-state")).to_contain_text("paused")

    expect_sound(page, theme=theme, width=width)

    bar = page.locator("#replay-bar")
    assert bar.evaluate("bar => bar.scrollWidth <= bar.clientWidth")
    assert bar.locator("time").evaluate("time => parseFloat(getComputedStyle(time).fontSize)") >= 20
    heights = bar.get_by_role("button").evaluate_all("all => all.map(one => one.offsetHeight)")
    assert len(heights) == 9
    assert min(heights) >= (40 if width < 768 else 26)
    assert seen.complaints == []
