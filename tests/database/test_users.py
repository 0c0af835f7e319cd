"""Users: a key is shown once and only its hash is kept."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from database.engine import reading, writing
from database.users import add_user, hash_key, list_users, remove_user
from solar.errors import InvalidInputError, NotFoundError

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_user_is_kept_by_the_hash_of_the_key(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        key = add_user(connection, "desk", scopes=["read", "ingest"], now=NOW)

    with reading(engine) as connection:
        (user,) = list_users(connection)
    assert len(key) >= 43
    assert key not in repr(user)
    assert user.key_sha256 == hash_key(key)
    assert (user.name, user.scopes, user.created_at) == ("desk", ("ingest", "read"), NOW)


def test_a_name_is_given_once_until_it_is_removed(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        add_user(connection, "desk", scopes=["read"], now=NOW)
    with writing(engine) as connection, pytest.raises(InvalidInputError, match="already"):
        add_user(connection, "desk", scopes=["read"], now=NOW)

    with writing(engine) as connection:
        remove_user(connection, "desk")
        with pytest.raises(NotFoundError, match="no user 'desk'"):
            remove_user(connection, "desk")
        assert list_users(connection) == []


@pytest.mark.parametrize(
    ("name", "scopes", "words"),
    [
        ("", ["read"], "1 to 64 characters"),
        ("x" * 65, ["read"], "1 to 64 characters"),
        ("desk", [], "choose from ingest, read, admin"),
        ("desk", ["write"], "no scope write"),
    ],
)
def test_what_cannot_be_a_user_is_refused(
    engine_sqlite: sa.Engine, name: str, scopes: list[str], words: str
) -> None:
    with writing(engine_sqlite) as connection, pytest.raises(InvalidInputError, match=words):
        add_user(connection, name, scopes=scopes, now=NOW)
