"""Users: who may call the API, identified by the hash of a key that is shown once."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from database.schema.tables import users
from solar.errors import InvalidInputError, NotFoundError

SCOPES = ("ingest", "read", "admin")
_NAME_LENGTH = 64
_MAX_USERS = 10_000


@dataclass(frozen=True)
class User:
    """A named key and its scopes; the key itself is not stored."""

    name: str
    key_sha256: str
    scopes: tuple[str, ...]
    created_at: datetime


def hash_key(key: str) -> str:
    """Return the form in which a key is stored and compared.

    A plain hash is enough: the keys are 256 random bits, which cannot be guessed.
    """
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def add_user(connection: sa.Connection, name: str, *, scopes: Sequence[str], now: datetime) -> str:
    """Create a key and return it; it cannot be shown again."""
    if not 0 < len(name) <= _NAME_LENGTH:
        raise InvalidInputError(f"a user's name has 1 to {_NAME_LENGTH} characters")
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise InvalidInputError(
            f"no scope {', '.join(unknown) or 'given'}; choose from {', '.join(SCOPES)}"
        )
    key = secrets.token_urlsafe(32)
    ordered = ",".join(scope for scope in SCOPES if scope in scopes)
    try:
        connection.execute(
            users.insert().values(
                name=name, key_sha256=hash_key(key), scopes=ordered, created_at=now
            )
        )
    except IntegrityError as error:
        raise InvalidInputError(f"there is a user {name!r} already; remove it first") from error
    return key


def list_users(connection: sa.Connection) -> list[User]:
    """Return all users by name."""
    rows = connection.execute(sa.select(users).order_by(users.c.name).limit(_MAX_USERS))
    return [User(r.name, r.key_sha256, tuple(r.scopes.split(",")), r.created_at) for r in rows]


def remove_user(connection: sa.Connection, name: str) -> None:
    """Remove a user, whose key is no longer valid."""
    removed = connection.execute(users.delete().where(users.c.name == name))
    if removed.rowcount == 0:
        raise NotFoundError(f"no user {name!r}; see `flarewatch database users list`")
