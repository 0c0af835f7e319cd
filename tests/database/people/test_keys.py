"""Keys: one is shown once, only its hash is kept, and a revoked one still locks the door."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from database.engine import reading, writing
from database.people.keys import (
    add_key,
    hash_key,
    key_principals,
    list_keys,
    revoke_key,
    touch_keys,
)
from database.people.people import add_person, change_person, is_anybody_registered
from database.people.principal import COMMAND_LINE
from solar.errors import InvalidInputError, NotFoundError

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_key_is_kept_by_its_hash(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        key = add_key(connection, COMMAND_LINE, "desk", scopes=["read", "ingest"], now=NOW)

    with reading(engine) as connection:
        (known,) = list_keys(connection)
    assert len(key) >= 43
    assert key not in repr(known)
    assert known.key_sha256 == hash_key(key)
    assert (known.name, known.scopes, known.created_at) == ("desk", ("ingest", "read"), NOW)


def test_a_name_is_given_once_until_its_key_is_revoked(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        add_key(connection, COMMAND_LINE, "desk", scopes=["read"], now=NOW)
    with writing(engine) as connection, pytest.raises(InvalidInputError, match="already"):
        add_key(connection, COMMAND_LINE, "desk", scopes=["read"], now=NOW)

    with writing(engine) as connection:
        revoke_key(connection, COMMAND_LINE, "desk", now=NOW)
        with pytest.raises(NotFoundError, match="no key 'desk'"):
            revoke_key(connection, COMMAND_LINE, "desk", now=NOW)
        assert list_keys(connection) == []
        assert is_anybody_registered(connection)
        add_key(connection, COMMAND_LINE, "desk", scopes=["read"], now=NOW)


def test_a_persons_key_may_no_more_than_the_person_and_ends_when_they_are_locked(
    engine: sa.Engine,
) -> None:
    with writing(engine) as connection:
        add_person(connection, COMMAND_LINE, "mei", roles=["admin"], now=NOW)
        ana = add_person(connection, COMMAND_LINE, "ana", roles=["viewer"], now=NOW)
        scopes = ["admin", "ingest"]
        key = add_key(
            connection, COMMAND_LINE, "nb", scopes=scopes, person_id=ana.person_id, now=NOW
        )
        principal, _ = key_principals(connection)[hash_key(key)]
        change_person(connection, COMMAND_LINE, ana.person_id, {"state": "locked"}, now=NOW)
        after = key_principals(connection)

    assert principal.name == "ana"
    assert principal.permissions == {"public", "read", "metrics", "lab-read"}
    assert after == {}


def test_the_last_use_of_a_key_is_noted(engine: sa.Engine) -> None:
    later = NOW + timedelta(hours=1)
    with writing(engine) as connection:
        key = add_key(connection, COMMAND_LINE, "desk", scopes=["read"], now=NOW)
        touch_keys(connection, {hash_key(key)}, now=later)
        (known,) = list_keys(connection)

    assert known.last_used_at == later


@pytest.mark.parametrize(
    ("name", "scopes", "words"),
    [
        ("", ["read"], "1 to 64 printable"),
        ("x" * 65, ["read"], "1 to 64 printable"),
        ("a\nb", ["read"], "1 to 64 printable"),
        ("desk", [], "choose from ingest, read, lab, work, admin"),
        ("desk", ["write"], "no scope write"),
    ],
)
def test_what_cannot_be_a_key_is_refused(
    engine_sqlite: sa.Engine, name: str, scopes: list[str], words: str
) -> None:
    with writing(engine_sqlite) as connection, pytest.raises(InvalidInputError, match=words):
        add_key(connection, COMMAND_LINE, name, scopes=scopes, now=NOW)


def test_a_key_that_would_expire_in_the_past_is_refused(engine_sqlite: sa.Engine) -> None:
    with writing(engine_sqlite) as connection, pytest.raises(InvalidInputError, match="past"):
        add_key(connection, COMMAND_LINE, "desk", scopes=["read"], expires_at=NOW, now=NOW)
