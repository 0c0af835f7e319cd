"""The pages Account and Help, the menu of the person, and announcements above every page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from component_tree import words
from office import PASSWORD, Office, message_of

from app_dash.create_app import PAGES
from app_dash.frame import routing
from app_dash.frame.announcements import announced
from app_dash.frame.shell import person_menu
from app_dash.help.panels import band_panel
from app_dash.settings import DashSettings
from database.engine import reading, writing
from database.people.announcements import Announcement, announce, list_announcements
from database.people.feedback import list_feedback
from database.people.keys import list_keys
from database.people.principal import COMMAND_LINE, OWNER, Principal, permissions_of
from solar.version import VERSION

NEW = "another sentence of mine"


def test_a_password_is_changed_with_the_old_one_and_the_browser_stays_signed_in(
    office: Office,
) -> None:
    wrong = office.press("account", "password", by="ana", old="not hers", new=NEW, again=NEW)
    differs = office.press("account", "password", by="ana", old=PASSWORD, new=NEW, again="x")
    changed = office.press("account", "password", by="ana", old=PASSWORD, new=NEW, again=NEW)

    assert "old password is not right" in message_of(wrong)
    assert "differ" in message_of(differs)
    assert message_of(changed) == ""
    assert changed.headers["Set-Cookie"].startswith("flare=")
    # The one of the browser that changed it.
    assert office.sessions("ana") == 1
    assert "all other sessions have ended" in changed.text


def test_own_keys_and_sessions_are_made_and_ended(office: Office) -> None:
    person_id = office.people["ana"].person_id
    made = office.press(
        "account", "make-key", by="ana", **{"key-name": "notebook"}, scopes=["read"], expiry="none"
    )
    with reading(office.engine) as connection:
        (key,) = list_keys(connection, person_id=person_id)
    page = office.open("/account", of="ana")
    foreign = office.press("account", "revoke", "notebook", by="mei")
    revoked = office.press("account", "revoke", "notebook", by="ana")

    assert (message_of(made), message_of(revoked)) == ("", "")
    assert (key.scopes, key.expires_at) == (("read",), None)
    assert "notebook" in page
    assert "Firefox, Linux" in page
    # Sending records is nothing that an operator may.
    assert "ingest" not in page
    assert "no key 'notebook'" in message_of(foreign)


def test_a_bug_names_page_and_version_and_its_answer_comes_back(office: Office) -> None:
    form = office.open("/help?kind=bug&from=%2Fskill%3Fevent%3DM1.0", of="mei")
    reported = office.press(
        "help", "bug", by="mei", text="Lines overlap.", page="/skill?event=M1.0"
    )
    with reading(office.engine) as connection:
        (bug,) = list_feedback(connection)
    of_operator = office.open("/help", of="ana")
    answer = {f"answer {bug.feedback_id}": "Mended."}
    answered = office.press("help", "answer", bug.feedback_id, by="ana", **answer)

    assert "/skill?event=M1.0" in form
    assert VERSION in form
    assert (message_of(reported), message_of(answered)) == ("", "")
    assert (bug.author, bug.page, bug.version) == ("Mei Tanaka", "/skill?event=M1.0", VERSION)
    assert "Lines overlap." in of_operator
    assert "Mended." in office.open("/help", of="mei")


def test_a_viewer_sees_what_they_said_and_no_more(office: Office) -> None:
    office.add("vi", "viewer")
    office.press("help", "feedback", by="mei", text="of the admin", search="?from=%2F")
    empty = office.press("help", "feedback", by="vi")
    given = office.press("help", "feedback", by="vi", score="4", search="?from=%2Falerts")

    page = office.open("/help", of="vi")

    assert "Choose a number" in message_of(empty)
    assert message_of(given) == ""
    assert "4 of 5" in page
    assert "/alerts" in page
    assert "of the admin" not in page
    assert "shown to everybody" not in page
    refused = office.press("help", "announce", by="vi", severity="info", announcement="x",
                           until="2126-01-01 00:00")  # fmt: skip
    assert "announce" in message_of(refused)


def test_an_announcement_is_made_shown_and_ended(office: Office) -> None:
    until = (datetime.now(UTC) + timedelta(hours=2)).strftime("%Y-%m-%d %H:%M")
    early = office.press("help", "announce", by="ana", severity="urgent", announcement="Now!",
                         until="2020-01-01 00:00")  # fmt: skip
    made = office.press("help", "announce", by="ana", severity="urgent", announcement="Restart",
                        until=until)  # fmt: skip
    with reading(office.engine) as connection:
        (shown,) = list_announcements(connection, now=datetime.now(UTC))
    ended = office.press("help", "end", shown.announcement_id, by="ana")

    assert "later end" in message_of(early)
    assert (message_of(made), message_of(ended)) == ("", "")
    assert (shown.text, shown.severity, shown.author) == ("Restart", "urgent", "Ana Ruiz")
    with reading(office.engine) as connection:
        assert list_announcements(connection, now=datetime.now(UTC)) == []


def test_everybody_sees_what_is_announced_at_the_next_tick(office: Office) -> None:
    now = datetime.now(UTC)
    with writing(office.engine) as connection:
        announce(connection, COMMAND_LINE, "The store moves", severity="warning", from_at=now,
                 until_at=now + timedelta(hours=1), now=now)  # fmt: skip
    ids = {"inputs": [{"id": "tick", "property": "n_intervals", "value": 1}],
           "state": [{"id": "announcements", "property": "data-shown", "value": ""}],
           "changedPropIds": ["tick.n_intervals"]}  # fmt: skip
    output = "..announcements.children...announcements.data-shown.."
    outputs = [{"id": "announcements", "property": "children"},
               {"id": "announcements", "property": "data-shown"}]  # fmt: skip
    body = {"output": output, "outputs": outputs, **ids}

    seen = office.browser("ana").post("/_dash-update-component", json=body)
    known = seen.get_json()["response"]["announcements"]["data-shown"]
    body["state"] = [{"id": "announcements", "property": "data-shown", "value": known}]
    again = office.browser("ana").post("/_dash-update-component", json=body)

    assert "The store moves" in seen.text
    assert "strip announcement warning" in seen.text
    assert again.get_json()["response"] == {}


def test_of_many_announcements_the_first_are_shown_and_the_others_counted() -> None:
    now = datetime.now(UTC)
    rows = [Announcement(str(n), "info", f"text {n}", now, now, "mei") for n in range(5)]

    drawn = announced(rows, now=now)

    assert len(drawn) == 4
    assert "2 more" in words(drawn[-1])


def test_the_menu_offers_what_the_person_may() -> None:
    viewer = Principal("Vi Ewer", "session", permissions_of(("viewer",)), ("viewer",), "id", "vi")

    menu = person_menu(viewer, here="/skill?event=M1.0")

    assert "VE" in words(menu)
    assert "vi · viewer" in words(menu)
    assert "People" not in words(menu)
    assert "/help?from=%2Fskill%3Fevent%3DM1.0" in str(menu)
    assert "Sign out" in words(menu)


def test_on_a_machine_where_nobody_is_registered_the_menu_says_how_that_ends(
    engine_sqlite: sa.Engine,
) -> None:
    view = routing.read_context(engine_sqlite, settings=DashSettings(_env_file=None), theme=None)

    frame = routing.draw_frame(view, PAGES, pathname="/people", search="")

    menu = words(frame["person"])
    assert view.who == OWNER
    assert "Nobody is registered: everybody on this machine may do everything." in menu
    assert "users add NAME --role admin --invite" in menu
    assert "Account" not in menu
    assert "Sign out" not in menu
    assert "Begin with yourself, as an admin." in words(frame["page"])


def test_on_a_page_without_data_the_strip_is_a_mark_in_the_header(
    engine_sqlite: sa.Engine,
) -> None:
    view = routing.read_context(engine_sqlite, settings=DashSettings(_env_file=None), theme=None)

    help_page, now = (
        routing.draw_frame(view, PAGES, pathname=path, search="") for path in ("/help", "/")
    )

    assert help_page["strip"] == []
    assert "No data yet" in words(help_page["chips"])
    assert "No data yet." in words(now["strip"])
    assert "No data yet" not in words(now["chips"])


def test_the_help_says_what_the_band_of_a_probability_is_not() -> None:
    said = str(band_panel())

    assert "a change of the base rate" in said
    assert "It is no range" in said
