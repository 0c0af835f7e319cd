"""Signing in: a password or a proxy begins a session; failures slow down and lock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app.contract.problems import RequestError
from app.security import too_many_failures
from database.engine import reading, transact
from database.people.audit import record
from database.people.credentials import (
    FAILURES_PER_ADDRESS,
    FAILURES_PER_NAME,
    address_bucket,
    forgive,
    hash_new_password,
    is_password,
    locked_for,
    name_bucket,
    record_failure,
    set_password,
    stored_password,
)
from database.people.invitations import accept_invitation
from database.people.people import ACTIVE, Person, person_from_proxy, person_named
from database.people.principal import PROGRAM, SESSION, Principal
from database.people.sessions import LONGEST, begin_session, end_sessions
from solar.errors import InvalidInputError, NotFoundError

_BUCKETS = (FAILURES_PER_NAME, FAILURES_PER_ADDRESS)


@dataclass(frozen=True)
class Visitor:
    """The browser that somebody signs in with: its address and what it calls itself."""

    address: str
    agent: str


@dataclass(frozen=True)
class SignedIn:
    """A session that has begun; its token goes into the cookie and is stored nowhere."""

    person: Person
    token: str
    expires_at: datetime


def sign_in(
    engine: sa.Engine, name: str, password: str, visitor: Visitor, *, now: datetime
) -> SignedIn:
    """Begin a session by name and password.

    Raises
    ------
    RequestError
        401 when they do not fit, in the same words and time for names that are not known;
        429 after five failures of the name or twenty from the address in 15 minutes.
    """
    buckets = (name_bucket(name), address_bucket(visitor.address))
    with reading(engine) as connection:
        waits = [
            locked_for(connection, bucket, most, now=now)
            for bucket, most in zip(buckets, _BUCKETS, strict=True)
        ]
        person = _active_person(connection, name)
        stored = stored_password(connection, None if person is None else person.person_id)
    if any(waits):
        raise too_many_failures(max(waits))
    # Outside of any transaction: it takes a tenth of a second.
    if not is_password(password, stored) or person is None:
        transact(engine, lambda c: _fail(c, buckets, person, now=now))
        raise RequestError(
            "name and password do not fit; try again, or ask an admin for a new invitation",
            status=401,
            title="Not authenticated",
        )
    known = person
    return transact(engine, lambda c: _begin(c, known, visitor, now=now, forgiven=buckets[0]))


def _active_person(connection: sa.Connection, name: str) -> Person | None:
    try:
        person = person_named(connection, name)
    except NotFoundError:
        return None
    return person if person.state == ACTIVE else None


def _fail(
    connection: sa.Connection, buckets: tuple[str, str], person: Person | None, *, now: datetime
) -> None:
    for bucket in buckets:
        record_failure(connection, bucket, now=now)
    if person is not None and locked_for(connection, buckets[0], FAILURES_PER_NAME, now=now):
        after = f"{FAILURES_PER_NAME} wrong passwords in 15 min"
        record(connection, PROGRAM, "locked out", "person", person.name, after=after, now=now)


def _begin(
    connection: sa.Connection,
    person: Person,
    visitor: Visitor,
    *,
    now: datetime,
    forgiven: str | None = None,
) -> SignedIn:
    token = begin_session(connection, person.person_id, agent=visitor.agent, now=now)
    if forgiven is not None:
        forgive(connection, forgiven)
    who = Principal(person.display_name, SESSION, frozenset(), person_id=person.person_id)
    record(connection, who, "signed in", "session", visitor.agent, now=now)
    return SignedIn(person, token, now + LONGEST)


def join(
    engine: sa.Engine, invitation: str, password: str, visitor: Visitor, *, now: datetime
) -> SignedIn:
    """Accept an invitation with a new password, and begin a session."""
    hashed = hash_new_password(password)

    def work(connection: sa.Connection) -> SignedIn:
        person = accept_invitation(connection, invitation, hashed, now=now)
        bucket = name_bucket(person.name)
        return _begin(connection, person, visitor, now=now, forgiven=bucket)

    return transact(engine, work)


def change_password(
    engine: sa.Engine, person: Person, old: str, new: str, visitor: Visitor, *, now: datetime
) -> SignedIn:
    """Change a person's password; all sessions end, and a new one begins."""
    bucket = name_bucket(person.name)
    with reading(engine) as connection:
        wait = locked_for(connection, bucket, FAILURES_PER_NAME, now=now)
        stored = stored_password(connection, person.person_id)
    if wait:
        raise too_many_failures(wait)
    if not is_password(old, stored):
        transact(engine, lambda c: record_failure(c, bucket, now=now))
        raise InvalidInputError("the old password is not right")
    hashed = hash_new_password(new)

    def work(connection: sa.Connection) -> SignedIn:
        set_password(connection, person.person_id, hashed, now=now)
        end_sessions(connection, person.person_id)
        who = Principal(person.display_name, SESSION, frozenset(), person_id=person.person_id)
        record(connection, who, "changed password", "person", person.name, now=now)
        return _begin(connection, person, visitor, now=now, forgiven=bucket)

    return transact(engine, work)


def sign_in_by_proxy(
    engine: sa.Engine,
    subject: str,
    roles: tuple[str, ...],
    visitor: Visitor,
    *,
    now: datetime,
) -> SignedIn:
    """Begin a session of the person whom a listed proxy names."""

    def work(connection: sa.Connection) -> SignedIn:
        person = person_from_proxy(connection, subject, roles=roles, now=now)
        return _begin(connection, person, visitor, now=now)

    return transact(engine, work)
