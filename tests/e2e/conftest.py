"""What the browser tests share: a house with a simulated Sun, and windows to look into it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

import pytest
from e2e.house import House, build
from playwright.sync_api import BrowserContext, Page, Response, expect, sync_playwright

CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
INSTALL_HINT = "Chromium is missing; install it with: apt-get install chromium"

PATIENCE_MS = 15_000
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Five simulated days, served."""
    built = build(tmp_path_factory.mktemp("house"))
    with built.serving("app", ready=f"{built.api}/ready"):
        built.simulate(days=5)
        with built.serving("app_dash", ready=f"{built.dash}/ready"):
            yield built


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """Chromium with one profile, in whose cache the scripts of the pages stand compiled."""
    program = shutil.which("chromium", path="/usr/bin:/usr/local/bin")
    if program is None:
        pytest.fail(INSTALL_HINT)
    profile = tmp_path_factory.mktemp("profile")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch_persistent_context(
            profile, executable_path=program, args=CHROMIUM
        )
        yield running
        running.close()


@dataclass
class Window:
    """A page in a window of its own, and what it should not have done."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on(
            "console",
            lambda said: self.complaints.append(said.text) if said.type == "error" else None,
        )

    def open(self, address: str) -> Page:
        """Go to an address and wait until its first drawing stands."""
        self.page.goto(address)
        return self._drawn(address)

    def follow(self, address: str) -> Page:
        """Go on to an address as a link of the product does, without loading the program anew."""
        self.page.evaluate(
            "address => { history.pushState(null, '', address);"
            " dispatchEvent(new PopStateEvent('popstate')); }",
            address,
        )
        return self._drawn(address)

    def _drawn(self, address: str) -> Page:
        expect_drawn_for(self.page, address)
        expect(self.page.locator("#page .dash-graph:not(:has(.main-svg))")).to_have_count(0)
        return self.page


def expect_drawn_for(page: Page, address: str) -> None:
    """Expect that the page shown is that of an address."""
    parts = urlsplit(address)
    drawn_for = parts.path + (f"?{parts.query}" if parts.query else "")
    expect(page.locator("#page")).to_have_attribute("data-address", drawn_for or "/")


def is_drawing(answer: Response) -> bool:
    """Tell whether an answer of the dashboard draws a page."""
    return "page.children" in (answer.request.post_data or "")


OpenWindow = Callable[..., Window]


@pytest.fixture
def window(browser: BrowserContext) -> Iterator[OpenWindow]:
    """Open windows of a width and theme; at the end all are closed and what they stored is gone."""
    pages: list[Page] = []

    def opened(*, width: int = 1440, theme: Literal["light", "dark"] = "light") -> Window:
        page = browser.new_page()
        pages.append(page)
        page.set_viewport_size({"width": width, "height": 900 if width > 600 else 844})
        page.emulate_media(color_scheme=theme)
        return Window(page)

    yield opened
    for page in pages:
        stored = {"origin": "*", "storageTypes": "cookies,local_storage"}
        browser.new_cdp_session(page).send("Storage.clearDataForOrigin", stored)
        page.close()
    browser.clear_permissions()
