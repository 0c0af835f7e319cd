"""What every page must be in every state: readable, within its width, free of axe's findings."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect


def expect_sound(page: Page, *, theme: str, width: int) -> None:
    """Expect the theme, no sideways scrolling and no rule of axe broken."""
    expect(page.locator("html")).to_have_attribute("data-theme", theme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(page) == []


def violations(page: Page) -> list[str]:
    """Return what axe finds, with the first place of each rule."""
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{rule['id']}: {rule['nodes'][0]['html'][:200]}" for rule in found]
