"""Now with a flare in progress: its level comes first, and why all clear is withheld stays open."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from e2e.conftest import OpenWindow
from e2e.house import House, build
from e2e.soundness import expect_sound
from playwright.sync_api import expect
from stocked_store import stock

from database.engine import create_engine, writing
from database.migrations import upgrade
from database.nowcast.detection import store_minutes
from database.settings import DatabaseSettings
from solar.flare_detection import MINUTE, XrayMinute

pytestmark = [pytest.mark.e2e, pytest.mark.thorough]

# A house, its store, and the newest minute of X-rays.
Flaring = tuple[House, sa.Engine, datetime]
RISE = (6e-7, 1.2e-6, 4e-6, 1.1e-5, 3e-5, 5.2e-5, 8.2e-5)


def measure(store: sa.Engine, *flux: float, until: datetime) -> None:
    first = until - (len(flux) - 1) * MINUTE
    minutes = [XrayMinute(first + i * MINUTE, value, "G18") for i, value in enumerate(flux)]
    with writing(store) as connection:
        store_minutes(connection, minutes)


@pytest.fixture(scope="module")
def flaring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flaring]:
    """A house whose X-rays have risen to M8.2 within the last minutes."""
    built = build(tmp_path_factory.mktemp("flaring"))
    now = datetime.now(UTC).replace(second=0, microsecond=0) - 2 * MINUTE
    store = create_engine(DatabaseSettings(database_url=built.store))
    upgrade(store)
    stock(store, now=now - timedelta(minutes=20))
    measure(store, *[6e-7] * 120, *RISE, until=now)
    with built.serving("app_dash", ready=f"{built.dash}/ready"):
        yield built, store, now
    store.dispose()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_level_comes_first_and_the_page_is_sound(
    flaring: Flaring, window: OpenWindow, width: int, theme: str
) -> None:
    seen = window(width=width, theme=theme)
    page = seen.open(flaring[0].dash)

    first = page.locator("#page .panel").first
    expect(first).to_contain_text("M8.2")
    expect(first).to_contain_text("rising")
    page.locator(".checklist summary").click()
    expect(page.locator(".checklist li").first).to_be_visible()
    expect_sound(page, theme=theme, width=width)
    assert seen.complaints == []


def test_the_checklist_stays_open_while_new_minutes_change_it(
    flaring: Flaring, window: OpenWindow
) -> None:
    house, store, newest = flaring
    page = window().open(house.dash)
    page.locator(".checklist summary").click()
    line = page.locator(".checklist li").filter(has_text="in progress")
    expect(line).to_contain_text("M8.2 so far, rising")

    measure(store, 9.1e-5, until=newest + MINUTE)

    expect(line).to_contain_text("M9.1 so far, rising")
    expect(line).to_be_visible()
    expect(page.locator(".checklist summary")).to_be_focused()
