"""Two people at one desk: invited, signed in, acknowledging under their own names, locked out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Literal

import pytest
from e2e.conftest import Window
from e2e.crafted import ACTIVE, write_hours
from e2e.house import House, build
from e2e.soundness import expect_sound
from playwright.sync_api import BrowserContext, Page, expect

from database.engine import create_engine, writing
from database.people.credentials import hash_new_password, set_password
from database.people.people import add_person, is_any_person
from database.people.principal import COMMAND_LINE
from database.settings import DatabaseSettings

pytestmark = pytest.mark.e2e

REGION = 12_001
PASSWORD = "a long sentence of mine"
# Their name, how they are shown, and their role.
MEI, ANA = ("mei", "Mei Tanaka", "admin"), ("ana", "Ana Ruiz", "operator")

OpenBrowser = Callable[..., Window]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house with an open alert, where nobody is registered yet."""
    built = build(tmp_path_factory.mktemp("desk"))
    with built.serving("app", ready=f"{built.api}/ready"):
        path = write_hours(built.folder / "active.parquet", {REGION: [ACTIVE] * 4})
        built.run("data_sender", "replay", path, "--sender", "active")
        with built.serving("app_dash", ready=f"{built.dash}/ready"):
            yield built


@pytest.fixture
def staffed_desk(desk: House) -> House:
    """The desk with two people, unless a test before has invited them."""
    engine, now = create_engine(DatabaseSettings(database_url=desk.store)), datetime.now(UTC)
    with writing(engine) as connection:
        if not is_any_person(connection):
            for name, shown_as, role in (MEI, ANA):
                person = add_person(
                    connection, COMMAND_LINE, name, roles=[role], display_name=shown_as, now=now
                )
                set_password(connection, person.person_id, hash_new_password(PASSWORD), now=now)
    engine.dispose()
    return desk


@pytest.fixture
def open_browser(browser: BrowserContext) -> Iterator[OpenBrowser]:
    """Open browsers, each with cookies of its own."""
    contexts: list[BrowserContext] = []
    assert browser.browser is not None
    chromium = browser.browser

    def opened(*, width: int = 1440, theme: Literal["light", "dark"] = "light") -> Window:
        contexts.append(chromium.new_context(color_scheme=theme))
        page = contexts[-1].new_page()
        page.set_viewport_size({"width": width, "height": 900})
        return Window(page)

    yield opened
    for context in contexts:
        context.close()


def invite(page: Page, desk: House, person: tuple[str, str, str]) -> str:
    """Invite a person on the People page and return the link that is shown once."""
    name, shown_as, role = person
    page.goto(f"{desk.dash}/people?form=invitation")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Shown as").fill(shown_as)
    for box in page.get_by_role("group", name="Roles").get_by_role("checkbox").all():
        box.uncheck()
    page.get_by_role("checkbox", name=role).check()
    page.get_by_role("button", name="Make the link").click()
    return page.locator(".shown-once code").inner_text()


def join(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("The same once more").fill(PASSWORD)
    page.get_by_role("button", name="Join").click()
    expect(page.locator(".person-menu")).to_be_visible()


def try_to_sign_in(page: Page, password: str) -> None:
    page.get_by_label("Name").fill("ana")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_two_people_work_under_their_own_names_and_a_lock_ends_a_session_at_once(
    desk: House, open_browser: OpenBrowser
) -> None:
    first, second = open_browser(), open_browser()
    mei, ana = first.page, second.page

    join(mei, invite(mei, desk, MEI))
    first.complaints.clear()
    join(ana, invite(mei, desk, ANA))
    mei.goto(f"{desk.dash}/alerts?range=all")
    expect(mei.get_by_role("button", name=re.compile("^Acknowledge M1.0")).first).to_be_visible()
    ana.get_by_role("button", name=re.compile("^Acknowledge M1.0")).first.click()

    # The other sees it at the next tick.
    expect(ana.locator(".alert-item").filter(has_text="acknowledged by Ana Ruiz")).to_be_visible()
    expect(mei.locator("table.alerts")).to_contain_text("Ana Ruiz")

    mei.goto(f"{desk.dash}/people?find=ruiz")
    mei.get_by_role("link", name="Ana Ruiz").click()
    mei.locator("summary").filter(has_text="Lock").click()
    mei.get_by_role("button", name="Lock Ana Ruiz").click()
    expect(mei.locator(".person-state.locked")).to_be_visible()
    expect(ana).to_have_url(f"{desk.dash}/sign-in?next=%2F")
    try_to_sign_in(ana, PASSWORD)
    expect(ana.get_by_role("alert")).to_contain_text("do not fit")

    mei.get_by_role("button", name="Unlock").click()
    expect(mei.locator("table.people .person-state.active")).to_be_visible()
    for _ in range(4):
        try_to_sign_in(ana, "not it")
        expect(ana.get_by_role("alert")).to_contain_text("do not fit")
    try_to_sign_in(ana, PASSWORD)
    expect(ana.get_by_role("alert")).to_contain_text(re.compile(r"Try again in 1\d min"))
    first.follow(f"{desk.dash}/people?kind=people")
    expect(mei.locator("table.audit")).to_contain_text("locked out")
    assert first.complaints == []


@pytest.mark.thorough
@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (390, "dark")])
def test_the_pages_of_people_are_sound(
    staffed_desk: House, open_browser: OpenBrowser, width: int, theme: Literal["light", "dark"]
) -> None:
    seen = open_browser(width=width, theme=theme)
    page = seen.page
    page.goto(f"{staffed_desk.dash}/sign-in?next=/people")
    expect_sound(page, theme=theme, width=width)
    page.get_by_label("Name").fill("mei")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()

    page.get_by_role("link", name="Ana Ruiz").click()
    expect(page.get_by_role("heading", name="Ana Ruiz")).to_be_visible()
    expect_sound(page, theme=theme, width=width)
    for path in ("/people?form=key", "/account", "/help?kind=bug&from=%2Fskill"):
        seen.follow(staffed_desk.dash + path)
        expect(page.get_by_role("heading", level=2).first).to_be_visible()
        page.get_by_label("Menu of Mei Tanaka").click()
        expect_sound(page, theme=theme, width=width)
    assert seen.complaints == []
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{staffed_desk.dash}/sign-in")
