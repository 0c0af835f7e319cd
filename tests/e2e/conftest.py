"""What the browser tests share: a house with a simulated Sun, and windows to look into it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from e2e.house import House, build
from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
INSTALL_HINT = "Chromium is missing; install it with: apt-get install chromium"

expect.set_options(timeout=15_000)


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Five simulated days, served."""
    built = build(tmp_path_factory.mktemp("house"))
    with built.serving("app", ready=f"{built.api}/ready"):
        built.simulate(days=5)
        with built.serving("app_dash", ready=f"{built.dash}/ready"):
            yield built


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium", path="/usr/bin:/usr/local/bin")
    if program is None:
        pytest.fail(INSTALL_HINT)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=CHROMIUM)
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
        expect(self.page.locator("#status")).to_contain_text("Regions")
        self.page.wait_for_load_state("networkidle")
        return self.page


OpenWindow = Callable[..., Window]


@pytest.fixture
def window(browser: Browser) -> Iterator[OpenWindow]:
    """Open windows of a width and theme; all are closed at the end."""
    contexts = []

    def opened(*, width: int = 1440, theme: str = "light") -> Window:
        size = {"width": width, "height": 900 if width > 600 else 844}
        context = browser.new_context(viewport=size, color_scheme=theme, accept_downloads=True)
        contexts.append(context)
        return Window(context.new_page())

    yield opened
    for context in contexts:
        context.close()
