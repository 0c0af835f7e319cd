"""Every page without data, with one region, and while store or API are away."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass

import mariadb_server
import pytest
import sqlalchemy as sa
from e2e.conftest import OpenWindow
from e2e.crafted import ACTIVE, write_hours
from e2e.house import House, build
from e2e.soundness import expect_sound
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.e2e

REGION = 12_017
EMPTY = ("/", "/regions", "/skill", "/explore", "/pipeline", "/alerts")
FILLED = (*EMPTY, f"/regions/{REGION}")


class Switch:
    """A service that a test can stop and start again."""

    def __init__(self, service: Callable[[], AbstractContextManager[object]]) -> None:
        self._service = service
        self._running = ExitStack()

    def start(self) -> None:
        self._running.enter_context(self._service())

    def stop(self) -> None:
        self._running.close()


@dataclass(frozen=True)
class Frail:
    """A house of which the store and the API can be stopped."""

    house: House
    store: Switch
    api: Switch


@pytest.fixture(scope="module")
def frail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Frail]:
    """A house on a MariaDB of its own, without any data."""
    if not mariadb_server.is_installed():
        pytest.fail(mariadb_server.INSTALL_HINT)
    folder, port = tmp_path_factory.mktemp("frail"), mariadb_server.free_port()
    mariadb_server.install(folder)
    address = f"mysql+mysqlconnector://flare:flare@127.0.0.1:{port}/"
    house = build(folder, store=f"{address}flarewatch")
    options = mariadb_server.WITHOUT_SYNC
    store = Switch(lambda: mariadb_server.running(folder, *options, port=port))
    api = Switch(lambda: house.serving("app", ready=f"{house.api}/ready"))
    with ExitStack() as cleanup:
        store.start()
        cleanup.callback(store.stop)
        server = sa.create_engine(address)
        with server.begin() as connection:
            connection.exec_driver_sql("CREATE DATABASE flarewatch CHARACTER SET utf8mb4")
        server.dispose()
        house.run("database", "upgrade")
        api.start()
        cleanup.callback(api.stop)
        cleanup.enter_context(house.serving("app_dash", ready=f"{house.dash}/ready"))
        yield Frail(house, store, api)


def test_without_data_every_page_says_what_to_do(frail: Frail, window: OpenWindow) -> None:
    seen = window(width=390, theme="dark")
    page = seen.open(frail.house.dash)
    for path in EMPTY:
        seen.follow(frail.house.dash + path)

        expect(page.locator("#page")).to_contain_text(re.compile("Start|No "))
        expect_sound(page, theme="dark", width=390)
    assert seen.complaints == []


@pytest.fixture(scope="module")
def one_region(frail: Frail) -> House:
    path = write_hours(frail.house.folder / "one.parquet", {REGION: [ACTIVE] * 30})
    frail.house.run("data_sender", "replay", path, "--sender", "one")
    return frail.house


@pytest.mark.thorough
def test_with_one_region_every_page_is_sound(one_region: House, window: OpenWindow) -> None:
    seen = window(width=390, theme="dark")
    page = seen.open(one_region.dash)
    for path in FILLED:
        seen.follow(one_region.dash + path)

        expect_sound(page, theme="dark", width=390)
    assert seen.complaints == []


def test_while_the_api_is_away_the_pages_stand_and_what_needs_it_says_so(
    frail: Frail, one_region: House, window: OpenWindow
) -> None:
    now, region = window().open(one_region.dash), window().page
    frail.api.stop()
    try:
        region.goto(f"{one_region.dash}/regions/{REGION}")
        expect(region.locator(".why")).to_contain_text("cannot be reached")
        expect(region.get_by_role("heading", name="Forecast", exact=True)).to_be_visible()

        now.get_by_role("button", name=re.compile("Acknowledge M1.0")).click()
        refused = now.locator(".answer").filter(has_text="Not acknowledged")
        expect(refused).to_contain_text("flarewatch api serve")
        expect(now.locator("#api-status")).to_contain_text("down")
        expect(now.locator("#states-line")).to_contain_text("What the pages show may not be")
        for width in (390, 1024, 1440):
            now.set_viewport_size({"width": width, "height": 900})
            expect(now.locator("#states")).to_contain_text("API down")
            expect(now.locator("#states .chip")).to_be_in_viewport()
    finally:
        frail.api.start()
    expect(now.locator("#api-status")).to_contain_text("up")


def test_while_the_store_is_away_every_page_says_so_and_an_open_one_comes_back_by_itself(
    frail: Frail, one_region: House, window: OpenWindow
) -> None:
    open_page = window().open(one_region.dash)
    open_page.evaluate("window.isSamePage = true")
    seen = window()

    frail.store.stop()
    try:
        expect_store_away(open_page)
        expect(open_page.get_by_role("heading", name="Regions", level=2)).to_be_visible()
        for path in FILLED:
            seen.page.goto(one_region.dash + path)
            expect_store_away(seen.page)
            expect_sound(seen.page, theme="light", width=1440)
    finally:
        frail.store.start()

    expect(seen.page.get_by_text("has not answered")).to_have_count(0)
    expect(seen.page.locator("#page .panel").first).to_be_visible()
    assert seen.complaints == []
    expect(open_page.get_by_text("has not answered")).to_have_count(0)
    assert open_page.evaluate("window.isSamePage")


def expect_store_away(page: Page) -> None:
    expect(page.locator("#strip")).to_contain_text("The store has not answered")
