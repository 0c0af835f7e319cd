"""Signing in, joining and signing out by plain pages, with the real API behind them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from office import PASSWORD, Office

from app_dash.create_app import create_app
from app_dash.settings import DashSettings
from app_dash.sign_in import own_path
from database.engine import writing
from database.people.credentials import FAILURES_PER_NAME
from database.people.invitations import invite
from database.people.keys import add_key
from database.people.principal import COMMAND_LINE


def test_a_stranger_is_led_to_sign_in_and_back_to_the_page(office: Office) -> None:
    browser = office.browser()

    led = browser.get("/skill?event=M1.0")
    form = browser.get(led.location)
    entered = browser.post("/sign-in", data={"name": "Ana", "password": PASSWORD,
                                             "next": "/skill?event=M1.0"})  # fmt: skip

    assert led.location == "/sign-in?next=%2Fskill%3Fevent%3DM1.0"
    assert 'value="/skill?event=M1.0"' in form.text
    assert (entered.status_code, entered.location) == (303, "/skill?event=M1.0")
    cookie = entered.headers["Set-Cookie"]
    assert cookie.startswith("flare=")
    for part in ("HttpOnly", "SameSite=Lax", "Path=/"):
        assert part in cookie
    assert "Secure" not in cookie
    assert browser.get("/").status_code == 200
    assert browser.get("/sign-in?next=/alerts").location == "/alerts"


def test_behind_tls_the_cookie_is_of_this_host_alone(office: Office) -> None:
    settings = office.settings.model_copy(update={"public_url": "https://flare.example"})
    browser = create_app(office.engine, settings).server.test_client()

    entered = browser.post("/sign-in", data={"name": "ana", "password": PASSWORD})

    cookie = entered.headers["Set-Cookie"]
    assert cookie.startswith("__Host-flare=")
    assert "Secure" in cookie


def test_a_wrong_password_is_said_in_place_and_the_fifth_locks(office: Office) -> None:
    browser = office.browser()
    wrong = {"name": "ana", "password": "not hers", "next": "/alerts"}

    first = browser.post("/sign-in", data=wrong)
    for _ in range(FAILURES_PER_NAME - 1):
        browser.post("/sign-in", data=wrong)
    locked = browser.post("/sign-in", data={**wrong, "password": PASSWORD})

    assert first.status_code == 401
    assert "Name and password do not fit." in first.text
    assert 'value="ana"' in first.text
    assert 'value="/alerts"' in first.text
    assert locked.status_code == 429
    assert "Too many wrong passwords. Try again in 15 min" in locked.text


def test_while_the_api_is_away_the_form_says_so(office: Office) -> None:
    settings = DashSettings(_env_file=None, api_url="http://127.0.0.1:9")
    browser = create_app(office.engine, settings).server.test_client()

    answer = browser.post("/sign-in", data={"name": "ana", "password": PASSWORD})

    assert answer.status_code == 503
    assert "cannot be reached" in answer.text
    assert "Set-Cookie" not in answer.headers


def test_where_only_a_key_is_registered_the_command_for_the_first_person_is_named(
    engine_sqlite: sa.Engine,
) -> None:
    with writing(engine_sqlite) as connection:
        add_key(connection, COMMAND_LINE, "sender", scopes=["ingest"], now=datetime.now(UTC))
    browser = create_app(engine_sqlite, DashSettings(_env_file=None)).server.test_client()

    page = browser.get("/sign-in").text

    assert "flarewatch database users add NAME --role admin --invite" in page


@pytest.mark.parametrize(
    "given",
    ["", None, "alerts", "//evil.example", "/\\evil.example", "https://evil.example",
     "javascript:alert(1)", "/a\\b", "/\tevil", "/ a", "/a\nb", "\x00/"],
)  # fmt: skip
def test_after_signing_in_nobody_is_led_to_another_site(given: str | None) -> None:
    assert own_path(given) == "/"


def test_a_path_of_this_site_is_kept() -> None:
    assert own_path("/skill?event=M1.0&from=a/b//c") == "/skill?event=M1.0&from=a/b//c"


def test_an_invited_person_chooses_a_password_once(office: Office) -> None:
    person = office.people["ana"]
    with writing(office.engine) as connection:
        token = invite(connection, COMMAND_LINE, person.person_id, now=datetime.now(UTC))
    browser, path = office.browser(), f"/join/{token}"

    shown = browser.get(path)
    short = browser.post(path, data={"password": "short", "again": "short"})
    differs = browser.post(path, data={"password": PASSWORD, "again": PASSWORD + "!"})
    entered = browser.post(path, data={"password": PASSWORD, "again": PASSWORD})
    again = office.browser().get(path)

    assert "Welcome, Ana Ruiz" in shown.text
    assert (short.status_code, differs.status_code) == (422, 422)
    assert "12 to 256 characters" in short.text
    assert "The two passwords differ" in differs.text
    assert (entered.status_code, entered.location) == (303, "/")
    assert browser.get("/").status_code == 200
    assert again.status_code == 404
    assert "not valid any more" in again.text


def test_signing_out_ends_the_session_here_or_everywhere(office: Office) -> None:
    first, second = office.browser("ana"), office.browser()
    second.post("/sign-in", data={"name": "ana", "password": PASSWORD})

    out = second.post("/sign-out")
    left = office.sessions("ana")
    everywhere = first.post("/sign-out?everywhere=true")

    assert (out.status_code, out.location) == (303, "/sign-in")
    assert "flare=;" in out.headers["Set-Cookie"]
    assert left == 1
    assert everywhere.location == "/sign-in"
    assert office.sessions("ana") == 0
    assert first.get("/").status_code == 303


def test_a_page_of_another_site_signs_nobody_in_or_out(office: Office) -> None:
    foreign = {"Sec-Fetch-Site": "cross-site"}

    for path in ("/sign-in", "/sign-out"):
        assert office.browser("ana").post(path, headers=foreign).status_code == 403

    assert office.sessions("ana") == 1
