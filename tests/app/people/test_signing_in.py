"""Signing in: a session begins, failures lock, and an account is one's own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from database.engine import reading, writing
from database.people.audit import list_audit
from database.people.credentials import LOCKED_FOR, hash_new_password, set_password
from database.people.invitations import invite
from database.people.people import add_person, change_person
from database.people.principal import COMMAND_LINE
from database.people.sessions import IDLE, TOUCHED_EVERY, list_sessions

MakeApp = Callable[..., Flask]
PASSWORD, OTHER = "a long sentence of mine", "another sentence of mine"


class Desk:
    """A client of the API on a store with an admin, mei, and an operator, ana."""

    def __init__(self, engine: sa.Engine, app: Flask, clock: Any) -> None:
        self.client: FlaskClient = app.test_client()
        self.engine, self.clock = engine, clock
        self.ids: dict[str, str] = {}
        hashed = hash_new_password(PASSWORD)
        with writing(engine) as connection:
            for name, role in (("mei", "admin"), ("ana", "operator")):
                person = add_person(connection, COMMAND_LINE, name, roles=[role], now=clock())
                set_password(connection, person.person_id, hashed, now=clock())
                self.ids[name] = person.person_id

    def sign_in(self, name: str = "ana", password: str = PASSWORD, **options: Any) -> Any:
        body = {"name": name, "password": password}
        return self.client.post("/api/v1/session", json=body, **options)

    def call(self, token: str, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {token}"}
        return self.client.open(f"/api/v1/{path}", method=method, headers=headers, json=body)

    def token(self, name: str = "ana") -> str:
        token: str = self.sign_in(name).get_json()["token"]
        return token


@pytest.fixture
def desk(engine_sqlite: sa.Engine, make_app: MakeApp, clock: Any) -> Desk:
    return Desk(engine_sqlite, make_app(engine_sqlite), clock)


@pytest.fixture
def desk_on_both(engine: sa.Engine, make_app: MakeApp, clock: Any) -> Desk:
    return Desk(engine, make_app(engine), clock)


def test_name_and_password_begin_a_session(desk_on_both: Desk) -> None:
    answer = desk_on_both.sign_in(" Ana ", headers={"User-Agent": "Firefox"}).get_json()

    who = desk_on_both.call(answer["token"], "GET", "session").get_json()

    assert answer["person"]["name"] == "ana"
    assert (who["via"], who["login"], who["roles"]) == ("session", "ana", ["operator"])
    with reading(desk_on_both.engine) as connection:
        (session,) = list_sessions(connection, now=desk_on_both.clock())
        (entry,) = list_audit(connection, text="signed in", limit=5)
    assert session.agent == "Firefox"
    assert answer["token"] not in repr(session)
    assert (entry.actor, entry.person_id) == ("ana", desk_on_both.ids["ana"])


def test_a_wrong_name_and_a_wrong_password_are_refused_in_the_same_words(desk: Desk) -> None:
    with writing(desk.engine) as connection:
        tom = add_person(connection, COMMAND_LINE, "tom", roles=["viewer"], now=desk.clock())
        change = {"state": "locked"}
        change_person(connection, COMMAND_LINE, tom.person_id, change, now=desk.clock())

    answers = [desk.sign_in("ana", "wrong"), desk.sign_in("nobody", "wrong"), desk.sign_in("tom")]

    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.get_data() for answer in answers}) == 1


def test_five_wrong_passwords_lock_the_name_even_for_the_right_one(desk: Desk) -> None:
    wrong = [desk.sign_in("ana", f"guess {n}").status_code for n in range(5)]
    locked = desk.sign_in("ana")

    assert wrong == [401] * 5
    assert locked.status_code == 429
    assert locked.headers["Retry-After"] == str(int(LOCKED_FOR.total_seconds()))
    assert desk.sign_in("mei").status_code == 200
    with reading(desk.engine) as connection:
        (entry,) = list_audit(connection, text="locked out", limit=5)
    assert entry.object_id == "ana"
    desk.clock.now += LOCKED_FOR
    assert desk.sign_in("ana").status_code == 200


def test_a_right_password_forgives_the_wrong_ones_before(desk: Desk) -> None:
    for _ in range(2):
        for n in range(4):
            desk.sign_in("ana", f"guess {n}")
        assert desk.sign_in("ana").status_code == 200


def test_twenty_failures_lock_the_address_for_every_name(desk: Desk) -> None:
    # The dashboard on this machine tells which browser it was.
    def guess(name: str, address: str) -> int:
        status: int = desk.sign_in(name, "wrong", headers={"X-Forwarded-For": address}).status_code
        return status

    statuses = [guess(f"name{n}", "203.0.113.9") for n in range(21)]

    assert statuses == [401] * 20 + [429]
    assert guess("ana", "203.0.113.10") == 401


def test_an_invitation_lets_its_person_in(desk: Desk) -> None:
    with writing(desk.engine) as connection:
        tom = add_person(connection, COMMAND_LINE, "tom", roles=["viewer"], now=desk.clock())
        token = invite(connection, COMMAND_LINE, tom.person_id, now=desk.clock())
    url = f"/api/v1/invitations/{token}"

    assert desk.client.get(url).get_json() == {"name": "tom", "display_name": "tom"}
    short = desk.client.post(url, json={"password": "short"})
    joined = desk.client.post(url, json={"password": OTHER})

    assert (short.status_code, joined.status_code) == (422, 200)
    assert "12 to 256 characters" in short.get_json()["detail"]
    assert desk.call(joined.get_json()["token"], "GET", "alerts").status_code == 200
    assert desk.client.get(url).status_code == 404
    assert desk.client.post(url, json={"password": OTHER}).status_code == 404
    assert desk.sign_in("tom", OTHER).status_code == 200


def test_a_new_password_ends_every_session_but_the_one_it_begins(desk: Desk) -> None:
    first, second = desk.token(), desk.token()

    wrong = desk.call(first, "POST", "account/password", {"old": "no", "new": OTHER})
    changed = desk.call(first, "POST", "account/password", {"old": PASSWORD, "new": OTHER})

    assert (wrong.status_code, changed.status_code) == (422, 200)
    for token, expected in ((first, 401), (second, 401), (changed.get_json()["token"], 200)):
        assert desk.call(token, "GET", "session").status_code == expected
    assert desk.sign_in().status_code == 401
    assert desk.sign_in(password=OTHER).status_code == 200


def test_a_lock_ends_the_session_at_once(desk: Desk) -> None:
    mei, ana = desk.token("mei"), desk.token("ana")

    locked = desk.call(mei, "PATCH", f"people/{desk.ids['ana']}", {"state": "locked"})

    assert locked.get_json()["person"]["state"] == "locked"
    assert desk.call(ana, "GET", "alerts").status_code == 401
    assert desk.sign_in("ana").status_code == 401
    desk.call(mei, "PATCH", f"people/{desk.ids['ana']}", {"state": "active"})
    assert desk.sign_in("ana").status_code == 200


def test_one_signs_out_here_or_everywhere(desk: Desk) -> None:
    tokens = [desk.token() for _ in range(3)]

    assert desk.call(tokens[0], "DELETE", "session").get_json() == {"ended": 1}
    assert desk.call(tokens[0], "GET", "session").status_code == 401
    assert desk.call(tokens[1], "DELETE", "session?everywhere=true").get_json() == {"ended": 2}
    assert desk.call(tokens[2], "GET", "session").status_code == 401


def test_a_session_in_use_does_not_become_idle(desk: Desk) -> None:
    token = desk.token()
    for _ in range(4):
        desk.clock.now += IDLE / 2
        assert desk.call(token, "GET", "alerts").status_code == 200
    desk.clock.now += TOUCHED_EVERY / 2
    assert desk.call(token, "GET", "alerts").status_code == 200

    desk.clock.now += IDLE
    assert desk.call(token, "GET", "alerts").status_code == 401


def test_a_session_that_has_ended_is_not_replaced_by_the_key_beside_it(desk: Desk) -> None:
    token = desk.token("mei")
    key = desk.call(token, "POST", "keys", {"name": "dash", "scopes": ["admin"]}).get_json()["key"]
    headers = {"Authorization": f"Bearer {desk.token('ana')}x", "X-API-Key": key}

    answer = desk.client.get("/api/v1/alerts", headers=headers)

    assert answer.status_code == 401


def test_a_key_of_ones_own_acts_in_ones_name_until_it_is_revoked(desk: Desk) -> None:
    token = desk.token()
    body = {"name": "notebook", "scopes": ["read", "ingest"]}
    key = desk.call(token, "POST", "account/keys", body).get_json()["key"]
    headers = {"X-API-Key": key}

    who = desk.client.get("/api/v1/session", headers=headers).get_json()

    assert (who["via"], who["name"], who["permissions"]) == (
        "key", "ana", ["metrics", "public", "read"],
    )  # fmt: skip
    assert desk.client.get("/api/v1/account", headers=headers).status_code == 403
    assert desk.call(token, "DELETE", "account/keys/notebook").status_code == 200
    assert desk.call(token, "GET", "account").get_json()["keys"] == []


def test_the_person_whom_a_listed_proxy_names_is_signed_in(
    engine_sqlite: sa.Engine, make_app: MakeApp, clock: Any
) -> None:
    app = make_app(
        engine_sqlite,
        trusted_proxies="10.0.0.5",
        proxy_user_header="X-Forwarded-User",
        proxy_groups="flare-desk=operator",
    )
    client = app.test_client()

    def ask(peer: str, user: str = "ana@uni.example", groups: str = "staff,flare-desk") -> Any:
        headers = {"X-Forwarded-User": user, "X-Forwarded-Groups": groups}
        return client.post(
            "/api/v1/session/proxy", headers=headers, environ_overrides={"REMOTE_ADDR": peer}
        )

    named = ask("10.0.0.5").get_json()

    assert named["person"]["roles"] == ["operator"]
    assert named["person"]["signs_in_by"] == "proxy"
    assert ask("10.0.0.6").status_code == 401
    assert ask("127.0.0.1").status_code == 401
    assert ask("10.0.0.5", user="").status_code == 401
    assert ask("10.0.0.5", groups="staff").get_json()["person"]["roles"] == ["viewer"]
    assert ask("10.0.0.5", user="…").status_code == 422


def test_the_audit_can_be_read_in_pages_and_as_a_file_that_no_spreadsheet_runs(
    desk: Desk,
) -> None:
    mei = desk.token("mei")
    desk.clock.now += timedelta(minutes=1)
    desk.call(mei, "POST", "people", {"name": "tom", "display_name": "=1+1", "roles": ["viewer"]})
    desk.call(mei, "POST", "keys", {"name": "=cmd", "scopes": ["read"]})

    about_people = "audit?kind=person,key,session"
    first = desk.call(mei, "GET", f"{about_people}&limit=2").get_json()
    rest = desk.call(mei, "GET", f"{about_people}&cursor={first['next_cursor']}").get_json()
    keys = desk.call(mei, "GET", "audit?kind=key").get_json()["items"]
    file = desk.call(mei, "GET", "audit?format=csv").get_data(as_text=True)

    actions = [item["action"] for item in (*first["items"], *rest["items"])]
    assert sorted(actions) == ["added"] * 4 + ["invited", "signed in"]
    assert [(key["object_id"], key["after"]) for key in keys] == [("=cmd", {"scopes": "read"})]
    assert ",'=cmd," in file
    assert ",=cmd," not in file
