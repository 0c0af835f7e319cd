"""People: their roles, how they come in, and what ends when they go."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from database.engine import reading, writing
from database.people.announcements import announce, end_announcement, list_announcements
from database.people.audit import count_audit, list_audit, record, record_settings
from database.people.credentials import (
    FAILURES_PER_NAME,
    LOCKED_FOR,
    hash_new_password,
    hash_password,
    is_password,
    locked_for,
    name_bucket,
    record_failure,
    set_password,
    stored_password,
)
from database.people.feedback import answer_feedback, give_feedback, list_feedback
from database.people.invitations import (
    INVITATION_LASTS,
    accept_invitation,
    invite,
    invited_person,
    reset_person,
)
from database.people.people import (
    Person,
    add_person,
    change_person,
    find_person,
    is_anybody_registered,
    person_from_proxy,
    person_named,
)
from database.people.principal import COMMAND_LINE, OWNER, Principal
from database.people.sessions import (
    IDLE,
    LONGEST,
    begin_session,
    end_sessions,
    list_sessions,
    principal_of_session,
    touch_session,
)
from solar.errors import InvalidInputError, NotFoundError
from solar.identifiers import new_id

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PASSWORD = "a long sentence of mine"


def added(connection: sa.Connection, name: str, *roles: str) -> Person:
    return add_person(connection, COMMAND_LINE, name, roles=roles, now=NOW)


def test_an_identifier_sorts_by_its_time_and_has_26_characters() -> None:
    # The first ten digits of the specification's example are the milliseconds 1469918176385.
    at = datetime.fromtimestamp(1469918176.385, UTC)

    first, later = new_id(at), new_id(at + timedelta(milliseconds=1))

    assert first[:10] == "01ARYZ6S41"
    assert len(first) == 26
    assert first < later


def test_an_invited_person_chooses_a_password_once(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        mei = added(connection, "Mei", "admin")
        token = invite(connection, COMMAND_LINE, mei.person_id, now=NOW)
        hashed = hash_new_password(PASSWORD)
        accept_invitation(connection, token, hashed, now=NOW)

        with pytest.raises(NotFoundError, match="not valid any more"):
            accept_invitation(connection, token, hashed, now=NOW)
        stored = stored_password(connection, mei.person_id)

    assert mei.name == "mei"
    assert is_password(PASSWORD, stored)
    assert not is_password(PASSWORD + "!", stored)


def test_a_hash_of_a_password_is_the_one_of_werkzeug() -> None:
    from werkzeug.security import check_password_hash

    assert check_password_hash(hash_password(PASSWORD), PASSWORD)


def test_no_password_fits_a_name_that_is_not_known(engine: sa.Engine) -> None:
    with reading(engine) as connection:
        stored = stored_password(connection, None)

    assert not is_password("", stored)
    assert not is_password("-", stored)


def test_an_invitation_is_valid_for_a_day_and_ends_with_the_next_one(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        mei = added(connection, "mei", "admin")
        first = invite(connection, COMMAND_LINE, mei.person_id, now=NOW)
        second = invite(connection, COMMAND_LINE, mei.person_id, now=NOW)

        assert invited_person(connection, second, now=NOW + INVITATION_LASTS / 2) == mei
        for token, at in ((first, NOW), (second, NOW + INVITATION_LASTS), ("x", NOW)):
            with pytest.raises(NotFoundError):
                invited_person(connection, token, now=at)


def test_a_session_ends_when_it_is_idle_or_a_week_old(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        mei = added(connection, "mei", "admin")
        token = begin_session(connection, mei.person_id, agent="Firefox", now=NOW)

        def is_valid(at: datetime) -> bool:
            return principal_of_session(connection, token, now=at) is not None

        assert is_valid(NOW + IDLE - timedelta(seconds=1))
        assert not is_valid(NOW + IDLE)
        (session,) = list_sessions(connection, now=NOW)
        touch_session(connection, session, now=NOW + LONGEST - timedelta(hours=1))
        assert is_valid(NOW + LONGEST - timedelta(seconds=1))
        assert not is_valid(NOW + LONGEST)


@pytest.mark.parametrize(
    "change", [{"state": "locked"}, {"state": "left"}, {"roles": ["viewer"]}], ids=str
)
def test_other_roles_or_another_state_end_all_sessions(
    engine: sa.Engine, change: dict[str, object]
) -> None:
    with writing(engine) as connection:
        added(connection, "mei", "admin")
        ana = added(connection, "ana", "operator")
        token = begin_session(connection, ana.person_id, agent="", now=NOW)
        change_person(connection, COMMAND_LINE, ana.person_id, change, now=NOW)

        assert principal_of_session(connection, token, now=NOW) is None


def test_a_reset_takes_password_and_sessions(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        ana = added(connection, "ana", "viewer")
        set_password(connection, ana.person_id, hash_new_password(PASSWORD), now=NOW)
        token = begin_session(connection, ana.person_id, agent="", now=NOW)
        reset_person(connection, COMMAND_LINE, ana.person_id, now=NOW)

        assert not is_password(PASSWORD, stored_password(connection, ana.person_id))
        assert principal_of_session(connection, token, now=NOW) is None


def test_one_session_ends_alone_and_all_but_one_together(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        ana = added(connection, "ana", "viewer")
        for agent in ("a", "b", "c"):
            begin_session(connection, ana.person_id, agent=agent, now=NOW)
        first, second, third = list_sessions(connection, person_id=ana.person_id, now=NOW)

        assert end_sessions(connection, ana.person_id, session_id=first.session_id) == 1
        assert end_sessions(connection, "somebody else", session_id=second.session_id) == 0
        assert end_sessions(connection, ana.person_id, but=third.session_id) == 1
        assert list_sessions(connection, now=NOW) == [third]


def test_the_only_admin_stays_one(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        mei = added(connection, "mei", "admin")
        tom = added(connection, "tom", "viewer")
        for change in ({"state": "locked"}, {"state": "left"}, {"roles": ["operator"]}):
            with pytest.raises(InvalidInputError, match="only active admin"):
                change_person(connection, COMMAND_LINE, mei.person_id, change, now=NOW)
        change_person(connection, COMMAND_LINE, tom.person_id, {"roles": ["admin"]}, now=NOW)
        change_person(connection, COMMAND_LINE, mei.person_id, {"state": "left"}, now=NOW)

        assert find_person(connection, mei.person_id).state == "left"


def test_one_who_has_left_still_counts_as_registered(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        assert not is_anybody_registered(connection)
        ana = added(connection, "ana", "viewer")
        change_person(connection, COMMAND_LINE, ana.person_id, {"state": "left"}, now=NOW)
        assert is_anybody_registered(connection)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "Ana Ruiz"}, "cannot be a name to sign in with"),
        ({"name": ""}, "cannot be a name"),
        ({"name": "mei"}, "already"),
        ({"name": "MEI"}, "already"),
        ({"roles": ["king"]}, "no role king"),
        ({"roles": []}, "no role given"),
        ({"display_name": "\u202etxet"}, "printable"),
        ({"display_name": "x" * 65}, "1 to 64"),
        ({"email": "not an address"}, "not a mail address"),
    ],
)
def test_what_cannot_be_a_person_is_refused(
    engine: sa.Engine, fields: dict[str, object], words: str
) -> None:
    with writing(engine) as connection:
        added(connection, "mei", "admin")
        given: dict[str, Any] = {"name": "ana", "roles": ["viewer"], "now": NOW, **fields}
        with pytest.raises(InvalidInputError, match=words):
            add_person(connection, COMMAND_LINE, **given)


def test_five_failures_lock_a_name_for_a_quarter_of_an_hour(engine: sa.Engine) -> None:
    bucket = name_bucket("Ana")

    def wait(at: datetime) -> timedelta:
        return locked_for(connection, bucket, FAILURES_PER_NAME, now=at)

    with writing(engine) as connection:
        for minute in range(FAILURES_PER_NAME):
            at = NOW + timedelta(minutes=minute)
            assert not wait(at)
            record_failure(connection, bucket, now=at)

        assert bucket == name_bucket(" ana ")
        assert wait(at) == LOCKED_FOR - timedelta(minutes=FAILURES_PER_NAME - 1)
        assert not wait(NOW + LOCKED_FOR)


def test_a_person_from_the_proxy_is_registered_once_and_keeps_up_with_the_groups(
    engine: sa.Engine,
) -> None:
    subject = "Ana.Ruiz@uni.example"
    with writing(engine) as connection:
        ana = person_from_proxy(connection, subject, roles=("viewer",), now=NOW)
        again = person_from_proxy(connection, subject, roles=("operator",), now=NOW)
        added(connection, "mei", "admin")
        change_person(connection, COMMAND_LINE, ana.person_id, {"state": "locked"}, now=NOW)

        with pytest.raises(InvalidInputError, match="locked"):
            person_from_proxy(connection, subject, roles=("viewer",), now=NOW)
        with pytest.raises(InvalidInputError, match="already"):
            person_from_proxy(connection, "mei", roles=("admin",), now=NOW)
    assert (ana.name, ana.display_name) == ("ana.ruiz-uni.example", subject)
    assert (again.person_id, again.roles) == (ana.person_id, ("operator",))


def test_the_audit_tells_who_did_what_and_what_changed(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        added(connection, "mei", "admin")
        ana = added(connection, "ana", "viewer")
        later = NOW + timedelta(minutes=1)
        change_person(connection, OWNER, ana.person_id, {"state": "locked"}, now=later)
        newest, *_ = list_audit(connection, limit=10)
        about_mei = list_audit(connection, text="MEI", limit=10)

        assert count_audit(connection) == 3
        assert list_audit(connection, object_kinds=["key"], limit=10) == []
        place = (newest.at, newest.audit_id)
        assert len(list_audit(connection, limit=10, after=place)) == 2
    assert (newest.actor, newest.via, newest.action) == ("local", "local", "locked")
    assert (newest.object_kind, newest.object_id) == ("person", "ana")
    assert json.loads(newest.after or "") == {"state": "locked"}
    assert [entry.object_id for entry in about_mei] == ["mei"]


def test_a_setting_is_in_the_audit_when_it_differs_from_the_last_start(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        for value in ({"M1.0": 0.05}, {"M1.0": 0.05}, {"M1.0": 0.1}):
            record_settings(connection, {"alert rules": value}, now=NOW)
        entries = list_audit(connection, limit=10)

    assert [(e.before, e.after) for e in sorted(entries, key=lambda e: e.before or "")] == [
        (None, '{"M1.0": 0.05}'),
        ('{"M1.0": 0.05}', '{"M1.0": 0.1}'),
    ]


def test_a_long_name_of_an_object_is_cut_in_the_audit(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        record(connection, COMMAND_LINE, "ended", "session", "x" * 500, now=NOW)
        (entry,) = list_audit(connection, limit=10)

    assert len(entry.object_id) == 128


def test_announcements_are_shown_in_their_time_the_most_severe_first(engine: sa.Engine) -> None:
    hour = timedelta(hours=1)
    with writing(engine) as connection:
        for severity, start in (("info", NOW), ("urgent", NOW), ("warning", NOW + hour)):
            announce(
                connection,
                COMMAND_LINE,
                severity,
                severity=severity,
                from_at=start,
                until_at=start + 2 * hour,
                now=NOW,
            )
        first = list_announcements(connection, now=NOW)
        end_announcement(connection, COMMAND_LINE, first[0].announcement_id, now=NOW)
        then = list_announcements(connection, now=NOW + hour)
        everything = list_announcements(connection, now=NOW, with_past=True)

    assert [a.text for a in first] == ["urgent", "info"]
    assert [a.text for a in then] == ["warning", "info"]
    assert len(everything) == 3


def test_feedback_is_answered_and_seen_by_whoever_gave_it(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        ana = principal(connection, "ana", "viewer")
        tom = principal(connection, "tom", "operator")
        given = give_feedback(connection, ana, kind="bug", text="broken", page="/skill", now=NOW)
        give_feedback(connection, tom, kind="feedback", text="", score=5, now=NOW)
        answer_feedback(connection, tom, given.feedback_id, "mended", now=NOW)

        (mine,) = list_feedback(connection, of=ana)
        assert len(list_feedback(connection)) == 2
        for kind, text, score in (("bug", "", 3), ("feedback", "", None), ("praise", "x", None)):
            with pytest.raises(InvalidInputError):
                give_feedback(connection, ana, kind=kind, text=text, score=score, now=NOW)
    assert (mine.text, mine.answer, mine.answered_by) == ("broken", "mended", "tom")


def principal(connection: sa.Connection, name: str, *roles: str) -> Principal:
    person = added(connection, name, *roles)
    token = begin_session(connection, person.person_id, agent="", now=NOW)
    found = principal_of_session(connection, token, now=NOW)
    assert found is not None
    assert person_named(connection, name).last_seen_at == NOW
    return found[0]
