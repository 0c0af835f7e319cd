"""What a page asks for: nothing while it is hidden, only what has changed while it is seen."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from e2e.conftest import OpenWindow, is_drawing
from e2e.house import REFRESH_SECONDS, House
from playwright.sync_api import Page, Response, expect

from solar.time import isoformat

pytestmark = pytest.mark.e2e


def hide(page: Page, *, hidden: bool) -> None:
    page.evaluate(
        "hidden => { Object.defineProperty(document, 'hidden',"
        " {configurable: true, get: () => hidden});"
        " document.dispatchEvent(new Event('visibilitychange')); }",
        hidden,
    )


def test_a_hidden_page_asks_for_nothing_and_at_once_when_shown(
    house: House, window: OpenWindow
) -> None:
    seen = window()
    page = seen.open(house.dash)

    hide(page, hidden=True)
    page.wait_for_timeout(500)
    seen.requests.clear()
    page.wait_for_timeout(1000 * REFRESH_SECONDS + 1500)
    assert seen.requests == []

    with page.expect_request(re.compile("_dash-update-component"), timeout=2000):
        hide(page, hidden=False)


def test_new_data_travel_as_the_parts_that_changed_and_leave_the_others_open(
    house: House, window: OpenWindow
) -> None:
    page = window().page
    drawings: list[Response] = []
    page.on("response", lambda answer: drawings.append(answer) if is_drawing(answer) else None)
    page.goto(f"{house.dash}/regions/{house.some_region()}?range=24h")
    page.wait_for_load_state("networkidle")
    whole = drawings[-1].body()
    drawings.clear()
    page.get_by_label("How is this computed: Facts").click()
    opened = page.locator("details.explanation[open]")
    expect(opened).to_have_count(1)

    with page.expect_response(is_drawing):
        house.post(region=999_003, t_rec=isoformat(house.newest() + timedelta(minutes=12)))

    assert len(drawings[-1].body()) < len(whole) / 4
    expect(opened).to_have_count(1)
