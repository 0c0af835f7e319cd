"""People and keys from the command line."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from database.__main__ import main
from database.engine import create_engine, reading, writing
from database.people.credentials import is_password, stored_password
from database.people.invitations import accept_invitation, invited_person
from database.people.people import person_named
from database.people.sessions import begin_session, list_sessions
from database.settings import DatabaseSettings
from solar.errors import NotFoundError

PASSWORD = "a long sentence of mine"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sa.Engine]:
    url = f"sqlite:///{tmp_path}/store.db"
    monkeypatch.setenv("FLARE_DATABASE_URL", url)
    main(["upgrade"])
    engine = create_engine(DatabaseSettings(database_url=url))
    yield engine
    engine.dispose()


def run(*arguments: str) -> int:
    return main(["users", *arguments])


def typed(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_keys_are_added_listed_and_revoked(
    store: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    run("add", "sender-1", "--scopes", "ingest,read", "--days", "30")
    key = capsys.readouterr().out.splitlines()[1]

    run("list")
    listed = capsys.readouterr().out
    again = run("add", "sender-1", "--scopes", "read")
    removed, missing = run("remove", "sender-1"), run("remove", "sender-1")

    assert listed.startswith("sender-1\tingest,read\tkey\tuntil 20")
    assert len(key) > 30
    assert key not in listed
    assert (again, removed, missing) == (1, 0, 1)


def test_a_person_gets_a_password_that_is_not_shown(
    store: sa.Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(PASSWORD + "\n", monkeypatch)
    assert run("add", "mei", "--role", "admin", "--role", "operator") == 0
    run("list")

    out = capsys.readouterr().out
    assert "mei can sign in (operator, admin)" in out
    assert "mei\toperator,admin\tactive\tmei" in out
    with reading(store) as connection:
        stored = stored_password(connection, person_named(connection, "mei").person_id)
    assert is_password(PASSWORD, stored)
    assert PASSWORD not in out


def test_a_password_that_is_too_short_registers_nobody(
    store: sa.Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed("short\n", monkeypatch)

    assert run("add", "mei", "--role", "admin") == 1

    assert "12 to 256 characters" in capsys.readouterr().err
    with reading(store) as connection, pytest.raises(NotFoundError):
        person_named(connection, "mei")


def test_an_invitation_is_a_link_to_the_address_that_people_use(
    store: sa.Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLARE_PUBLIC_URL", "https://flare.example/")
    run("add", "mei", "--role", "admin", "--invite", "--display-name", "Mei Tanaka")

    (link,) = [line for line in capsys.readouterr().out.splitlines() if "/join/" in line]
    address, _, token = link.rpartition("/")
    assert address == "https://flare.example/join"
    with writing(store) as connection:
        assert invited_person(connection, token, now=datetime.now(UTC)).display_name == "Mei Tanaka"


def test_lock_reset_and_remove_end_the_sessions(
    store: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    now = datetime.now(UTC)
    run("add", "mei", "--role", "admin", "--invite")
    run("add", "ana", "--role", "viewer", "--invite")

    def sessions_after(action: str) -> int:
        with writing(store) as connection:
            begin_session(connection, person_named(connection, "ana").person_id, agent="", now=now)
        assert run(action, "ana") == 0
        with reading(store) as connection:
            return len(list_sessions(connection, now=now))

    assert sessions_after("lock") == 0
    assert run("reset", "ana") == 1
    run("unlock", "ana")
    assert sessions_after("reset") == 0
    assert sessions_after("remove") == 0
    assert run("remove", "mei") == 1
    assert "mei is the only active admin" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["--role", "admin", "--scopes", "read"]], ids=str)
def test_it_is_either_a_person_or_a_key(
    store: sa.Engine, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("add", "x", *arguments) == 1
    assert "give one of them" in capsys.readouterr().err


def test_the_first_admin_is_invited_at_each_upgrade_until_somebody_has_come(
    store: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    links = []
    for _ in range(2):
        main(["upgrade", "--invite-admin"])
        links += [line for line in capsys.readouterr().out.splitlines() if "/join/" in line]
    token = links[1].rpartition("/")[2]
    with writing(store) as connection:
        person = accept_invitation(connection, token, "a hash", now=datetime.now(UTC))
        begin_session(connection, person.person_id, agent="", now=datetime.now(UTC))

    main(["upgrade", "--invite-admin"])

    assert links[0] != links[1]
    assert person.roles == ("admin",)
    assert capsys.readouterr().out == "the store has schema 0023\n"
