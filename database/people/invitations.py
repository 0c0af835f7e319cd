"""Invitations: a link, valid once and for a day, by which a person chooses a password."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

import sqlalchemy as sa

from database.people import credentials
from database.people.audit import record
from database.people.people import ACTIVE, Person, find_person, withdraw_invitations
from database.people.principal import SESSION, Principal
from database.people.sessions import end_sessions, hash_token
from database.schema.people_tables import invitations
from solar.errors import InvalidInputError, NotFoundError

INVITATION_LASTS = timedelta(hours=24)


def invite(connection: sa.Connection, who: Principal, person_id: str, *, now: datetime) -> str:
    """Return the token of a new invitation, which cannot be shown again; earlier ones end."""
    person = find_person(connection, person_id)
    if person.state != ACTIVE:
        raise InvalidInputError(f"{person.name} is {person.state}; only the active are invited")
    if person.subject is not None:
        raise InvalidInputError(f"{person.name} signs in through the proxy and needs no password")
    withdraw_invitations(connection, person_id, now=now)
    token = secrets.token_urlsafe(32)
    connection.execute(
        invitations.insert().values(
            token_sha256=hash_token(token), person_id=person_id, expires_at=now + INVITATION_LASTS
        )
    )
    record(connection, who, "invited", "person", person.name, now=now)
    return token


def invited_person(connection: sa.Connection, token: str, *, now: datetime) -> Person:
    """Return whom an invitation is for; raises NotFoundError when it is not valid, or no longer."""
    query = sa.select(invitations.c.person_id).where(
        invitations.c.token_sha256 == hash_token(token),
        invitations.c.used_at.is_(None),
        invitations.c.expires_at > now,
    )
    person_id = connection.execute(query.with_for_update()).scalar()
    person = None if person_id is None else find_person(connection, person_id)
    if person is None or person.state != ACTIVE:
        raise NotFoundError("this invitation is not valid any more; ask for a new one")
    return person


def accept_invitation(
    connection: sa.Connection, token: str, password_hash: str, *, now: datetime
) -> Person:
    """Give the invited person this password; the invitation ends, and so do their sessions."""
    person = invited_person(connection, token, now=now)
    credentials.set_password(connection, person.person_id, password_hash, now=now)
    withdraw_invitations(connection, person.person_id, now=now)
    end_sessions(connection, person.person_id)
    who = Principal(person.display_name, SESSION, frozenset(), person_id=person.person_id)
    record(connection, who, "joined", "person", person.name, now=now)
    return person


def open_invitations(connection: sa.Connection, *, now: datetime) -> dict[str, datetime]:
    """Return until when each invited person may come, by person id."""
    query = sa.select(invitations.c.person_id, invitations.c.expires_at).where(
        invitations.c.used_at.is_(None), invitations.c.expires_at > now
    )
    return {row.person_id: row.expires_at for row in connection.execute(query)}


def reset_person(
    connection: sa.Connection, who: Principal, person_id: str, *, now: datetime
) -> str:
    """Take password and sessions from a person and return the token of an invitation."""
    token = invite(connection, who, person_id, now=now)
    credentials.forget_password(connection, person_id)
    end_sessions(connection, person_id)
    return token
