"""Whoever works on a page while data arrive is not disturbed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from e2e.conftest import OpenWindow
from e2e.crafted import ACTIVE, CALM, write_hours
from e2e.house import REFRESH_SECONDS, House, build
from e2e.soundness import expect_sound
from playwright.sync_api import Locator, Page, Route, expect

from solar.time import isoformat

pytestmark = [pytest.mark.e2e, pytest.mark.thorough]

RISING = 12_001
OTHERS = range(12_100, 12_124)
TICKS = 20
# Five characters a second.
PAUSE_MS = 200
# Digits, which both a comment and a list of regions take.
ALPHABET = "1234567890"


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house with an open alert, and more regions than its tables show at once."""
    built = build(tmp_path_factory.mktemp("busy"))
    with built.serving("app", ready=f"{built.api}/ready"):
        levels = dict.fromkeys(OTHERS, [CALM] * 18) | {RISING: [CALM] * 12 + [ACTIVE] * 6}
        path = write_hours(built.folder / "day.parquet", levels)
        built.run("data_sender", "replay", path, "--sender", "day")
        with built.serving("app_dash", ready=f"{built.dash}/ready"):
            yield built


def type_through(pages: Sequence[Page], house: House, part: Locator) -> str:
    """Type on each page while new records change a part of one; return what was typed."""
    typed, said = "", part.inner_text()
    for _ in range(TICKS):
        _one_more(house)
        for _ in range(4 * REFRESH_SECONDS * 1000 // PAUSE_MS):
            typed += ALPHABET[len(typed) % len(ALPHABET)]
            for page in pages:
                page.keyboard.type(typed[-1])
            pages[0].wait_for_timeout(PAUSE_MS)
            if part.inner_text() != said:
                break
        else:
            pytest.fail(f"nothing changed within {4 * REFRESH_SECONDS} s: {said}")
        said = part.inner_text()
    return typed


def _one_more(house: House) -> None:
    """Send the next hour of the region whose alert is open."""
    at = house.newest() + timedelta(hours=1)
    house.post(region=RISING, t_rec=isoformat(at), level=ACTIVE)


def state_of(page: Page, field: Locator) -> dict[str, Any]:
    """Return the caret of a field, and what is open and scrolled to on the page."""
    seen: dict[str, Any] = field.evaluate(
        "field => ({ caret: field.selectionStart, end: field.value.length,"
        " focused: document.activeElement === field,"
        " top: Math.round(field.getBoundingClientRect().top),"
        " open: [...document.querySelectorAll('#page details[open] > summary')]"
        "   .map(s => s.textContent),"
        " scrolled: [...document.querySelectorAll('#page *')].filter(e => e.scrollTop > 0)"
        "   .map(e => [e.className, e.scrollTop]) })"
    )
    return seen


def test_on_now_a_comment_is_typed_while_twenty_redraws_leave_all_in_place(
    busy: House, window: OpenWindow
) -> None:
    seen = window()
    page = seen.open(busy.dash)
    page.get_by_text("Add a comment").click()
    page.locator(".region-panel .explanation summary").click()
    table = page.locator(".region-scroll")
    table.evaluate("one => one.scrollTo(0, 120)")
    page.mouse.move(5, 5)
    field = page.get_by_label("Comment")
    field.focus()
    page.keyboard.type("><")
    page.keyboard.press("ArrowLeft")
    before = state_of(page, field)
    card = page.locator(".alert-item.open").filter(has_text=str(RISING)).first

    typed = type_through([page], busy, card.locator("p").nth(1))

    after = state_of(page, field)
    expect(field).to_have_value(f">{typed}<")
    assert after["focused"]
    assert after["caret"] == len(typed) + 1
    assert after["open"] == before["open"]
    assert dict(after["scrolled"])["region-scroll"] == pytest.approx(120, abs=2)
    assert seen.complaints == []


def test_on_the_other_pages_what_is_typed_open_and_scrolled_to_stays(
    busy: House, window: OpenWindow
) -> None:
    windows = [window() for _ in range(3)]
    alerts = windows[0].open(f"{busy.dash}/alerts?range=all")
    explore = windows[1].open(f"{busy.dash}/explore?range=all")
    region = windows[2].open(f"{busy.dash}/regions/{RISING}")
    fields = [alerts.get_by_label("Comment"), explore.get_by_label("Regions", exact=True)]
    alerts.get_by_role("heading", name="History").locator("..").locator(".explanation").click()
    region.locator(".export-menu summary").click()
    for page in (alerts, region):
        page.mouse.move(5, 5)
        page.evaluate("scrollTo(0, 90)")
    region.locator(".export-menu summary").focus()
    for field in fields:
        field.focus()
    before = state_of(alerts, fields[0])
    menu = region.locator(".export-menu")

    heading = region.locator(".region-heading .secondary")
    typed = type_through([alerts, explore], busy, heading)

    after = state_of(alerts, fields[0])
    # Where it is on the screen; the browser scrolls on by what is inserted above.
    assert after.pop("top") == pytest.approx(before.pop("top"), abs=2)
    assert after == before | {"caret": len(typed), "end": len(typed)}
    for field in fields:
        expect(field).to_have_value(typed)
        expect(field).to_be_focused()
    expect(menu).to_have_attribute("open", "")
    expect(menu.locator("summary")).to_be_focused()
    assert region.evaluate("scrollY") == pytest.approx(90, abs=2)
    # The header has followed the data, and the analyst's page offers them.
    expect(explore.get_by_role("button", name="Newer data: show")).to_be_visible()
    assert [one for each in windows for one in each.complaints] == []


def test_an_alert_that_opens_leaves_the_typed_comment_and_the_open_details(
    busy: House, window: OpenWindow
) -> None:
    page = window().open(busy.dash)
    cards = page.locator(".alert-item.open")
    n = cards.count()
    page.get_by_text("Add a comment").click()
    field = page.get_by_label("Comment")
    field.press_sequentially("looking")
    page.keyboard.press("ArrowLeft")
    page.mouse.move(5, 5)

    levels = {12_200: [ACTIVE] * 4}
    begin = f"{busy.newest():%Y-%m-%dT%H}"
    path = write_hours(busy.folder / "more.parquet", levels, begin=begin)
    busy.run("data_sender", "replay", path, "--sender", "more")

    expect(cards.filter(has_text="12200").first).to_be_visible()
    assert cards.count() > n
    expect(field).to_be_focused()
    page.keyboard.type("~")
    expect(field).to_have_value("lookin~g")


def test_new_data_wait_while_the_pointer_is_over_a_button_but_not_for_ever(
    busy: House, window: OpenWindow
) -> None:
    page = window().open(busy.dash)
    card = page.locator(".alert-item.open").filter(has_text=str(RISING)).first
    course = card.locator("p").nth(1)
    said = course.inner_text()
    card.get_by_role("button", name="Acknowledge").hover()

    _one_more(busy)
    page.wait_for_timeout(2_500 * REFRESH_SECONDS)
    held = course.inner_text()
    page.mouse.move(5, 5)

    assert held == said
    expect(course).not_to_have_text(said)
    card.get_by_role("button", name="Acknowledge").hover()
    said = course.inner_text()
    _one_more(busy)
    expect(course).not_to_have_text(said, timeout=15_000)


def test_a_double_press_sends_once_says_that_it_waits_and_moves_nothing(
    busy: House, window: OpenWindow
) -> None:
    page = window(width=390).open(busy.dash)
    sent: list[Route] = []

    def hold(route: Route) -> None:
        if "n_clicks" in (route.request.post_data or "") and "ack" in route.request.post_data:
            sent.append(route)
        else:
            route.continue_()

    page.route("**/_dash-update-component*", hold)
    card = page.locator(".alert-item.open").first
    name = card.get_attribute("data-part")
    button = card.get_by_role("button", name="Acknowledge")
    button.evaluate("one => one.scrollIntoView({ block: 'center' })")
    tops = "[...document.querySelectorAll('[data-part]')].map(e => e.getBoundingClientRect().top)"
    before = page.evaluate(tops)

    button.dblclick()

    expect(card.locator(".answer")).to_have_text("Acknowledging…")
    assert page.evaluate(tops) == pytest.approx(before, abs=1)
    assert len(sent) == 1
    sent[0].continue_()
    kept = page.locator(f'[data-part="{name}"]')
    expect(kept).to_contain_text("✓ Acknowledged by local")
    assert page.evaluate(tops) == pytest.approx(before, abs=1)
    # The keyboard stays in the card whose button is gone.
    expect(kept.get_by_role("link", name="Open region")).to_be_focused()


def test_the_pages_of_senders_are_sound_and_lead_to_each_other(
    busy: House, window: OpenWindow
) -> None:
    seen = window(width=390, theme="dark")
    page = seen.open(f"{busy.dash}/pipeline")

    page.get_by_role("link", name="day", exact=True).click()
    expect(page.get_by_role("heading", name="Sender day")).to_be_visible()
    expect_sound(page, theme="dark", width=390)
    seen.open(f"{busy.dash}/pipeline/senders/da")
    expect(page.get_by_text("No sender da has delivered")).to_be_visible()
    expect_sound(page, theme="dark", width=390)
    page.get_by_label("Name contains").fill("DAY")
    page.keyboard.press("Enter")

    expect(page).to_have_url(f"{busy.dash}/pipeline/senders?q=DAY")
    expect(page.get_by_role("link", name="day", exact=True)).to_be_visible()
    assert seen.complaints == []
