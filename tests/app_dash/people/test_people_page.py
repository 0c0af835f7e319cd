"""The People page: who is listed, what an admin may change of them, and the audit."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from office import Office, message_of

from app_dash.people.query import AUDIT_ROWS, PeopleQuery
from app_dash.shared.changes import change_text
from app_dash.shared.people import agent_name, initials, seen
from database.engine import reading, writing
from database.people.audit import record
from database.people.keys import add_key, list_keys
from database.people.people import change_person, find_person
from database.people.principal import COMMAND_LINE

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


def test_the_page_lists_everybody_with_state_and_roles(office: Office) -> None:
    paul = office.add("paul", "viewer", display_name="Paul Brandt")
    with writing(office.engine) as connection:
        change_person(
            connection, COMMAND_LINE, paul.person_id, {"state": "locked"}, now=datetime.now(UTC)
        )

    page = office.open("/people", of="mei")

    for text in ("Mei Tanaka", " you", "Ana Ruiz", "operator", "3: 2 active"):
        assert text in page
    assert "person-state locked" in page
    assert "append only, " in page


def test_who_may_not_see_people_does_not_learn_of_the_page(office: Office) -> None:
    page = office.open("/people", of="ana")

    assert "There is no page /people" in page
    assert "Mei Tanaka" not in page
    assert '"href": "/people"' not in page
    assert office.browser("ana").get("/export/audit.csv").status_code == 403


def test_the_chosen_person_and_the_search_are_in_the_address(office: Office) -> None:
    ana = office.people["ana"]

    chosen = office.open(f"/people?person={ana.person_id}", of="mei")
    found = office.open("/people?find=ruiz", of="mei")
    wrong = office.open("/people?start=yesterday", of="mei")

    assert "Firefox, Linux" in chosen
    assert "Reset password…" in chosen
    assert "row-link" in found
    assert found.count("row-link") == 1
    assert "is not a time" in wrong


def test_an_invitation_is_shown_once_and_leads_to_the_new_person(office: Office) -> None:
    answer = office.press(
        "people", "invite", by="mei", name="lena", **{"display-name": "Lena Sato"}, roles=["viewer"]
    )  # fmt: skip

    link = answer.get_json()["sideUpdate"]["shown-once"]["children"]
    assert message_of(answer) == ""
    assert "http://localhost/join/" in str(link)
    assert "?person=" in answer.get_json()["sideUpdate"]["url"]["search"]
    assert "/join/" not in office.open("/people", of="mei")


def test_what_the_api_refuses_stands_beside_the_button(office: Office) -> None:
    taken = office.press("people", "invite", by="mei", name="ana", roles=["viewer"])
    nameless = office.press("people", "invite", by="mei", roles=["viewer"])
    last_admin = office.press("people", "lock", office.people["mei"].person_id, by="mei")

    assert "there is a person 'ana' already" in message_of(taken)
    assert "Write a name" in message_of(nameless)
    assert "only active admin" in message_of(last_admin)


def test_a_role_is_given_and_taken_and_the_last_one_stays(office: Office) -> None:
    person_id = office.people["ana"].person_id

    def roles() -> tuple[str, ...]:
        with reading(office.engine) as connection:
            return find_person(connection, person_id).roles

    office.press("people", "role", f"{person_id} researcher", by="mei")
    both = roles()
    office.press("people", "role", f"{person_id} operator", by="mei")
    last = office.press("people", "role", f"{person_id} researcher", by="mei")

    assert both == ("researcher", "operator")
    assert roles() == ("researcher",)
    assert "at least one role" in message_of(last)


def test_locking_ends_the_sessions_at_once(office: Office) -> None:
    person_id = office.people["ana"].person_id

    answer = office.press("people", "lock", person_id, by="mei")

    assert message_of(answer) == ""
    assert office.sessions("ana") == 0
    assert office.browser("ana").get("/").status_code == 303
    assert message_of(office.press("people", "activate", person_id, by="mei")) == ""


def test_keys_of_services_are_made_and_revoked(office: Office) -> None:
    made = office.press(
        "people", "make-key", by="mei", **{"key-name": "grafana"}, scopes=["read"], expiry="30"
    )
    with reading(office.engine) as connection:
        (key,) = list_keys(connection)
    revoked = office.press("people", "revoke", "grafana", by="mei")

    assert (message_of(made), message_of(revoked)) == ("", "")
    assert (key.name, key.scopes, key.person_id) == ("grafana", ("read",), None)
    assert key.expires_at is not None
    assert timedelta(days=29) < key.expires_at - datetime.now(UTC) < timedelta(days=31)
    with reading(office.engine) as connection:
        assert list_keys(connection) == []


def test_an_act_needs_the_permission_whatever_the_browser_sends(office: Office) -> None:
    person_id = office.people["mei"].person_id

    answer = office.press("people", "lock", person_id, by="ana")

    assert answer.status_code == 403
    assert office.sessions("mei") == 1


def test_crafted_acts_are_refused_with_a_sentence(office: Office) -> None:
    for action, values in (
        ("no-such-action", {}),
        ("invite", {"name": ["a", "list"], "roles": "viewer"}),
        ("make-key", {"key-name": "x", "scopes": ["none"], "expiry": "30"}),
        ("make-key", {"key-name": "x", "scopes": ["read"], "expiry": "10000000"}),
    ):
        assert message_of(office.press("people", action, by="mei", **values)), action


def test_the_audit_is_filtered_and_read_page_by_page(office: Office) -> None:
    with writing(office.engine) as connection:
        for n in range(AUDIT_ROWS + 3):
            at = NOW + timedelta(seconds=n)
            record(connection, COMMAND_LINE, "changed", "setting", f"rule {n}", now=at)
        record(connection, COMMAND_LINE, "acknowledged", "alert", "M1.0-harp377-x", now=NOW)

    first = office.open("/people?kind=settings", of="mei")
    at = (NOW + timedelta(seconds=3)).isoformat().replace("+00:00", "Z")
    second = office.open(f"/people?kind=settings&after={at}_~", of="mei")

    assert f"rule {AUDIT_ROWS + 2}" in first
    assert f"Older {AUDIT_ROWS}" in first
    assert "alert" not in first.split("table")[-1] or "M1.0-harp377" not in first
    assert "rule 2" in second
    assert f"Older {AUDIT_ROWS}" not in second
    assert "M1.0-harp377" in office.open("/people?kind=alerts", of="mei")
    assert "No action matches" in office.open("/people?text=nobody-did-this", of="mei")


def test_the_audit_is_a_file_that_a_spreadsheet_does_not_run(office: Office) -> None:
    with writing(office.engine) as connection:
        record(connection, COMMAND_LINE, "changed", "setting", "=HYPERLINK()", now=NOW)
        add_key(connection, COMMAND_LINE, "sender", scopes=["ingest"], now=NOW)

    answer = office.browser("mei").get("/export/audit.csv?kind=settings")

    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert answer.headers["Content-Disposition"] == 'attachment; filename="audit.csv"'
    assert (row["actor"], row["object_id"]) == ("command line", "'=HYPERLINK()")
    assert row["at"] == "2026-11-29T12:00:00Z"


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (None, None, "–"),
        (None, '"5 wrong passwords"', "5 wrong passwords"),
        ('{"roles": ["viewer"]}', '{"roles": ["viewer", "operator"]}',
         "roles viewer → viewer, operator"),
        (None, '{"scopes": "read"}', "scopes read"),
        ("0.043", "0.05", "0.043 → 0.05"),
        (None, '{"until": "2026-12-05 07:00:00+00:00"}', "until 5 Dec 07:00"),
    ],
)  # fmt: skip
def test_a_change_is_written_in_words(before: str | None, after: str | None, text: str) -> None:
    old, new = (None if one is None else json.loads(one) for one in (before, after))

    assert change_text(old, new) == text


def test_another_filter_of_the_audit_begins_at_its_first_page() -> None:
    query = PeopleQuery(after="2026-11-29T12:00:00Z_x")

    assert query.changed(kind="alerts").after == ""
    assert query.changed(person="ABC").after == query.after


def test_browsers_names_and_times_are_written_shortly() -> None:
    windows = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537 Chrome/131.0 Safari/537 Edg/131.0"

    assert agent_name(windows) == "Edge, Windows"
    assert agent_name("curl/8.5.0") == "curl"
    assert agent_name("") == "unknown"
    assert (initials("Mei Tanaka"), initials("ana"), initials("…")) == ("MT", "AN", "?")
    assert seen(None, NOW) == "–"
    assert seen(NOW - timedelta(minutes=4), NOW) == "now"
    assert seen(NOW - timedelta(hours=2), NOW) == "10:00"
    assert seen(NOW - timedelta(days=2), NOW) == "27 Nov 12:00"
    assert seen(NOW - timedelta(days=452), NOW) == "3 Sep 2025"
