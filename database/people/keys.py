"""API keys: those of services, and those of people; the store holds their hashes."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from database.people.audit import record
from database.people.principal import KEY, PUBLIC, SCOPES, Principal, permissions_of
from database.schema.people_tables import LONGEST_NAME, api_keys, people
from solar.errors import InvalidInputError, NotFoundError

_MOST_KEYS = 10_000


@dataclass(frozen=True)
class ApiKey:
    """A key by its hash; one of a person may do no more than its scopes and they may."""

    key_sha256: str
    name: str
    person_id: str | None
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


def hash_key(key: str) -> str:
    """Return the form in which a key is stored and compared.

    A plain hash is enough: the keys are 256 random bits, which cannot be guessed.
    """
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def add_key(
    connection: sa.Connection,
    who: Principal,
    name: str,
    *,
    scopes: Sequence[str],
    person_id: str | None = None,
    expires_at: datetime | None = None,
    now: datetime,
) -> str:
    """Create a key and return it; it cannot be shown again."""
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise InvalidInputError(f"a key's name has 1 to {LONGEST_NAME} printable characters")
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise InvalidInputError(
            f"no scope {', '.join(unknown) or 'given'}; choose from {', '.join(SCOPES)}"
        )
    if expires_at is not None and expires_at <= now:
        raise InvalidInputError("the key would expire in the past; name a later time")
    is_taken = sa.select(api_keys.c.name).where(
        api_keys.c.name == name, api_keys.c.revoked_at.is_(None)
    )
    if connection.execute(is_taken).first() is not None:
        raise InvalidInputError(f"there is a key {name!r} already; remove it first")
    key = secrets.token_urlsafe(32)
    ordered = ",".join(scope for scope in SCOPES if scope in scopes)
    connection.execute(
        api_keys.insert().values(
            key_sha256=hash_key(key),
            name=name,
            person_id=person_id,
            scopes=ordered,
            created_at=now,
            expires_at=expires_at,
        )
    )
    record(connection, who, "added", "key", name, after={"scopes": ordered}, now=now)
    return key


def list_keys(
    connection: sa.Connection, *, person_id: str | None = None, with_revoked: bool = False
) -> list[ApiKey]:
    """Return keys by name, of everybody or of one person."""
    query = sa.select(api_keys).order_by(api_keys.c.name, api_keys.c.created_at).limit(_MOST_KEYS)
    if person_id is not None:
        query = query.where(api_keys.c.person_id == person_id)
    if not with_revoked:
        query = query.where(api_keys.c.revoked_at.is_(None))
    return [_key(row) for row in connection.execute(query)]


def _key(row: sa.Row[Any]) -> ApiKey:
    fields = dict(row._mapping)
    return ApiKey(**fields | {"scopes": tuple(fields["scopes"].split(","))})


def revoke_key(
    connection: sa.Connection,
    who: Principal,
    name: str,
    *,
    person_id: str | None = None,
    now: datetime,
) -> None:
    """Revoke the key of this name, one of the person if they are given; raises NotFoundError."""
    condition = (api_keys.c.name == name) & api_keys.c.revoked_at.is_(None)
    if person_id is not None:
        condition &= api_keys.c.person_id == person_id
    revoked = connection.execute(api_keys.update().where(condition).values(revoked_at=now))
    if revoked.rowcount == 0:
        raise NotFoundError(f"no key {name!r}; see `flarewatch database users list`")
    record(connection, who, "revoked", "key", name, now=now)


def key_principals(connection: sa.Connection) -> dict[str, tuple[Principal, datetime | None]]:
    """Return who asks with each valid key and until when, by the hash of the key."""
    query = (
        sa.select(api_keys, people.c.display_name, people.c.roles, people.c.state)
        .outerjoin(people, people.c.person_id == api_keys.c.person_id)
        .where(api_keys.c.revoked_at.is_(None))
        .where(sa.or_(api_keys.c.person_id.is_(None), people.c.state == "active"))
        .limit(_MOST_KEYS)
    )
    rows = connection.execute(query)
    return {row.key_sha256: (_principal(row), row.expires_at) for row in rows}


def _principal(row: sa.Row[Any]) -> Principal:
    permissions = scope_permissions(row.scopes.split(","))
    if row.person_id is None:
        return Principal(row.name, KEY, permissions)
    roles = tuple(row.roles.split(","))
    allowed = permissions & permissions_of(roles)
    return Principal(row.display_name, KEY, allowed, roles=roles, person_id=row.person_id)


def scope_permissions(scopes: Sequence[str]) -> frozenset[str]:
    """Return what a key with these scopes may do."""
    return frozenset({PUBLIC}).union(*(SCOPES[scope] for scope in scopes))


def touch_keys(connection: sa.Connection, hashes: Collection[str], *, now: datetime) -> None:
    """Note that keys were used."""
    connection.execute(
        api_keys.update().where(api_keys.c.key_sha256.in_(list(hashes))).values(last_used_at=now)
    )
