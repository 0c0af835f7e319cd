"""A forecaster's shift: a region rises, the alert is acknowledged, closes, and is judged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.conftest import OpenWindow
from e2e.crafted import ACTIVE, CALM, write_hours
from e2e.house import House, build
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.e2e

RISING, VAIN, UNWARNED = 12_001, 12_002, 12_003
# Two hours pass in a second.
PACE = "7200"


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house whose three regions have been calm for half a day."""
    built = build(tmp_path_factory.mktemp("quiet"))
    with built.serving("app", ready=f"{built.api}/ready"):
        calm = dict.fromkeys((RISING, VAIN, UNWARNED), [CALM] * 12)
        replay(built, write_hours(built.folder / "calm.parquet", calm))
        with built.serving("app_dash", ready=f"{built.dash}/ready"):
            yield built


def replay(house: House, path: str, *options: str) -> None:
    house.run("data_sender", "replay", path, "--sender", Path(path).stem, *options)


def mark(*pages: Page) -> None:
    for page in pages:
        page.evaluate("window.isSamePage = true")


def expect_same(*pages: Page) -> None:
    """Expect that nobody has loaded the pages again since they were marked."""
    assert all(page.evaluate("window.isSamePage === true") for page in pages)


def history(page: Page, region: int, event: str = "M1.0+") -> Locator:
    rows = page.locator("table.alerts tbody tr").filter(has_text=str(region))
    return rows.filter(has=page.get_by_text(event, exact=True))


def acknowledge(page: Page, region: int, *, comment: str) -> None:
    page.get_by_text("Add a comment").click()
    page.get_by_label("Comment").fill(comment)
    page.get_by_role("button", name=f"Acknowledge M1.0+ of HARP {region}").click()
    # New data would wait for a pointer that rests on the alert.
    page.mouse.move(5, 5)


def flare(region: int, at: str, goes_class: str) -> dict[str, object]:
    return {"start": f"{at}:00Z", "peak": f"{at}:06Z", "end": None, "goes_class": goes_class,
            "harpnum": region, "flux_scale": "true"}  # fmt: skip


def test_an_alert_appears_is_acknowledged_closes_and_is_confirmed_without_a_reload(
    quiet: House, window: OpenWindow
) -> None:
    seen, other = window(), window()
    now, alerts = seen.open(quiet.dash), other.open(f"{quiet.dash}/alerts?range=all")
    mark(now, alerts)

    rise = write_hours(quiet.folder / "rise.parquet", {RISING: [ACTIVE] * 6}, begin="2024-05-01T12")
    replay(quiet, rise, "--speed", PACE, "--batch", "1")

    waiting = now.locator(".alert-item.open").filter(has_text=str(RISING))
    expect(waiting.filter(has=now.get_by_text("M1.0+", exact=True))).to_be_visible()
    expect(history(alerts, RISING)).to_contain_text("Open")

    acknowledge(now, RISING, comment="delta spot, calling the power grid")

    noted = now.locator(".alert-item").filter(has_text="acknowledged by local")
    expect(noted).to_contain_text(str(RISING))
    expect(history(alerts, RISING)).to_contain_text("delta spot, calling the power grid")
    expect_same(now, alerts)
    alerts.reload()
    mark(alerts)
    expect(history(alerts, RISING)).to_contain_text(re.compile("Acknowledged.*local"))

    fall = write_hours(quiet.folder / "fall.parquet", {RISING: [CALM] * 27}, begin="2024-05-01T18")
    replay(quiet, fall)
    expect(history(alerts, RISING)).to_contain_text("Closed")
    expect(history(alerts, RISING)).to_contain_text("not judged yet")

    covers = ("2024-04-01T00:00:00Z", "2024-05-10T00:00:00Z")
    quiet.post_flares([flare(RISING, "2024-05-01T20:30", "M2.6")], covers=covers)
    expect(history(alerts, RISING)).to_contain_text("Confirmed M2.6")
    expect(now.locator(".alert-item").filter(has_text="Confirmed M2.6").first).to_be_visible()
    expect_same(now, alerts)
    assert seen.complaints + other.complaints == []


def test_an_alert_in_vain_and_a_flare_without_one_are_told_apart(
    quiet: House, window: OpenWindow
) -> None:
    page = window().open(f"{quiet.dash}/alerts?range=all")
    levels = {VAIN: [ACTIVE] * 3 + [CALM] * 27, UNWARNED: [CALM] * 30}
    replay(quiet, write_hours(quiet.folder / "vain.parquet", levels, begin="2024-05-03T00"))

    covers = ("2024-04-01T00:00:00Z", "2024-05-20T00:00:00Z")
    quiet.post_flares([flare(UNWARNED, "2024-05-03T09:30", "M1.4")], covers=covers)

    expect(history(page, VAIN)).to_contain_text("False alarm")
    expect(history(page, UNWARNED)).to_contain_text("Missed M1.4")


@pytest.mark.thorough
def test_what_was_typed_stays_when_new_data_draw_the_alerts_anew(
    quiet: House, window: OpenWindow
) -> None:
    page = window().open(quiet.dash)
    again = {VAIN: [ACTIVE] * 3}
    replay(quiet, write_hours(quiet.folder / "again.parquet", again, begin="2024-05-05T00"))
    waiting = page.locator(".alert-item.open").filter(has_text=str(VAIN)).first
    expect(waiting).to_contain_text("now")
    page.get_by_text("Add a comment").click()
    page.get_by_label("Comment").press_sequentially("looking at it")
    course = waiting.locator("p").first
    said = course.inner_text()

    more = {VAIN: [ACTIVE * 2] * 2}
    replay(quiet, write_hours(quiet.folder / "more.parquet", more, begin="2024-05-05T03"))

    expect(course).not_to_have_text(said)
    expect(page.get_by_label("Comment")).to_have_value("looking at it")
    expect(page.get_by_label("Comment")).to_be_focused()
