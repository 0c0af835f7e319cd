"""Sessions: a random token in a cookie, of which the store holds the hash."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from database.people.principal import SESSION, Principal, permissions_of
from database.schema.people_tables import people, sessions

# The cookie; with TLS a browser takes it from this host alone.
COOKIE, COOKIE_WITH_TLS = "flare", "__Host-flare"
IDLE = timedelta(hours=12)
LONGEST = timedelta(days=7)
# How often a session that is used says so.
TOUCHED_EVERY = timedelta(minutes=5)
_LONGEST_AGENT = 255


@dataclass(frozen=True)
class Session:
    """A sign-in of a person from one browser; `session_id` is the hash of its token."""

    session_id: str
    person_id: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    agent: str


def hash_token(token: str) -> str:
    """Return the form in which a token is stored: a plain hash, since it has 256 random bits."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def begin_session(connection: sa.Connection, person_id: str, *, agent: str, now: datetime) -> str:
    """Begin a session of a person and return its token, which only the browser keeps."""
    token = secrets.token_urlsafe(32)
    connection.execute(
        sessions.insert().values(
            token_sha256=hash_token(token),
            person_id=person_id,
            created_at=now,
            last_seen_at=now,
            expires_at=now + LONGEST,
            agent=agent[:_LONGEST_AGENT],
        )
    )
    connection.execute(
        people.update().where(people.c.person_id == person_id).values(last_seen_at=now)
    )
    return token


def principal_of_session(
    connection: sa.Connection, token: str, *, now: datetime
) -> tuple[Principal, Session] | None:
    """Return who signed in with this token, None when it is not or no longer valid."""
    query = (
        sa.select(sessions, people.c.name, people.c.display_name, people.c.roles)
        .join(people, people.c.person_id == sessions.c.person_id)
        .where(
            sessions.c.token_sha256 == hash_token(token),
            sessions.c.expires_at > now,
            sessions.c.last_seen_at > now - IDLE,
            people.c.state == "active",
        )
    )
    row = connection.execute(query).first()
    if row is None:
        return None
    roles = tuple(row.roles.split(","))
    principal = Principal(
        row.display_name,
        SESSION,
        permissions_of(roles),
        roles=roles,
        person_id=row.person_id,
        login=row.name,
    )
    return principal, Session(*row[:6])


def touch_session(connection: sa.Connection, session: Session, *, now: datetime) -> None:
    """Note that a session is in use."""
    connection.execute(
        sessions.update()
        .where(sessions.c.token_sha256 == session.session_id)
        .values(last_seen_at=now)
    )
    connection.execute(
        people.update().where(people.c.person_id == session.person_id).values(last_seen_at=now)
    )


def list_sessions(
    connection: sa.Connection, *, person_id: str | None = None, now: datetime
) -> list[Session]:
    """Return the sessions that are valid, the last used first; of everybody, or of one person."""
    query = (
        sa.select(sessions)
        .where(sessions.c.expires_at > now, sessions.c.last_seen_at > now - IDLE)
        .order_by(sessions.c.last_seen_at.desc())
    )
    if person_id is not None:
        query = query.where(sessions.c.person_id == person_id)
    return [Session(*row) for row in connection.execute(query)]


def end_sessions(
    connection: sa.Connection,
    person_id: str,
    *,
    session_id: str | None = None,
    but: str | None = None,
) -> int:
    """End the sessions of a person, one of them, or all but one; return how many ended."""
    condition = sessions.c.person_id == person_id
    if session_id is not None:
        is_one = sessions.c.token_sha256 == session_id
        condition &= is_one if session_id.isascii() else sa.false()
    if but is not None:
        condition &= sessions.c.token_sha256 != but
    return connection.execute(sessions.delete().where(condition)).rowcount
