"""Whoever works on a page while data arrive is not disturbed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from e2e.conftest import OpenWindow
from e2e.crafted import ACTIVE, CALM, write_hours
from e2e.house import REFRESH_SECONDS, House, build
from playwright.sync_api import Locator, Page, expect

from solar.time import isoformat

pytestmark = [pytest.mark.e2e, pytest.mark.thorough]

RISING = 12_001
OTHERS = range(12_100, 12_124)
TICKS = 20
# Five characters a second.
PAUSE_MS = 200
ALPHABET = "abcdefghijklmnopqrstuvwxyz"


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


def type_through(page: Page, house: House, part: Locator, *, region: int) -> str:
    """Type while new records change a part of the page; return what was typed.

    The text is written from both ends, so that the caret stays in its middle.
    """
    typed, at, seen = "", house.newest(), 0
    said, last = part.inner_text(), ""
    while seen < TICKS:
        at = _one_more(house, at, region)
        for _ in range(3 * REFRESH_SECONDS * 1000 // PAUSE_MS):
            letter = ALPHABET[len(typed) % 26]
            page.keyboard.type(letter, delay=PAUSE_MS / 2)
            typed += letter
            page.wait_for_timeout(PAUSE_MS / 2)
            last = part.inner_text()
            if last != said:
                said, seen = last, seen + 1
                break
        else:
            pytest.fail(f"nothing changed within {3 * REFRESH_SECONDS} s: {said}")
    return typed


def _one_more(house: House, at: datetime, region: int) -> datetime:
    at += timedelta(hours=1)
    house.post(region=region, t_rec=isoformat(at))
    return at


def state_of(page: Page, field: Locator) -> dict[str, Any]:
    """Return the caret of a field, and what is open and scrolled to on the page."""
    seen: dict[str, Any] = field.evaluate(
        "field => ({ caret: field.selectionStart, end: field.value.length,"
        " focused: document.activeElement === field, window: scrollY,"
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

    typed = type_through(page, busy, card.locator("p").nth(1), region=RISING)

    after = state_of(page, field)
    expect(field).to_have_value(f">{typed}<")
    assert after["focused"]
    assert after["caret"] == len(typed) + 1
    assert after["open"] == before["open"]
    assert dict(after["scrolled"])["region-scroll"] == pytest.approx(120, abs=2)
    assert seen.complaints == []
