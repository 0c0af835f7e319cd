"""People: who they are, what their roles are, and whether they may still come."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from database.people.access import login_of
from database.people.audit import record
from database.people.credentials import forget_password
from database.people.principal import PROGRAM, ROLES, Principal
from database.people.sessions import end_sessions
from database.schema.people_tables import (
    LONGEST_NAME,
    LONGEST_SUBJECT,
    api_keys,
    invitations,
    people,
)
from solar.errors import InvalidInputError, NotFoundError
from solar.identifiers import is_id, new_id

ACTIVE, LOCKED, LEFT = "active", "locked", "left"
STATES = (ACTIVE, LOCKED, LEFT)
MOST_PEOPLE = 10_000
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
_MAIL = re.compile(r"[!-~]+@[!-~]+")


@dataclass(frozen=True)
class Person:
    """A person; `subject` is the name that a proxy gives them, None for those with a password."""

    person_id: str
    name: str
    display_name: str
    email: str | None
    subject: str | None
    roles: tuple[str, ...]
    state: str
    created_at: datetime
    last_seen_at: datetime | None


def is_anybody_registered(connection: sa.Connection) -> bool:
    """Tell whether there is, or ever was, a person or a key."""
    exists = sa.select(sa.exists(sa.select(people.c.person_id)), sa.exists(sa.select(api_keys)))
    return any(connection.execute(exists).one())


def is_any_person(connection: sa.Connection) -> bool:
    """Tell whether there is, or ever was, a person."""
    return bool(connection.execute(sa.select(sa.exists(sa.select(people.c.person_id)))).scalar())


def add_person(
    connection: sa.Connection,
    who: Principal,
    name: str,
    *,
    roles: Sequence[str],
    display_name: str = "",
    email: str | None = None,
    subject: str | None = None,
    now: datetime,
) -> Person:
    """Register a person, who cannot sign in before they have a password or an invitation.

    Raises
    ------
    InvalidInputError
        When the name is taken, or a value is not one that can be shown.
    """
    login = name.strip().lower()
    if not _NAME.fullmatch(login):
        raise InvalidInputError(
            f"{name[:LONGEST_NAME]!r} cannot be a name to sign in with; write up to {LONGEST_NAME}"
            " of a-z 0-9 . _ - and begin with a letter or digit"
        )
    if connection.execute(sa.select(people).where(people.c.name == login)).first() is not None:
        raise InvalidInputError(f"there is a person {login!r} already; choose another name")
    person = Person(
        new_id(now),
        login,
        _checked_display_name(display_name or name),
        _checked_email(email),
        subject,
        checked_roles(roles),
        ACTIVE,
        now,
        None,
    )
    connection.execute(people.insert().values(_values(person)))
    after = {"roles": list(person.roles)}
    record(connection, who, "added", "person", login, after=after, now=now)
    return person


def checked_roles(roles: Sequence[str]) -> tuple[str, ...]:
    """Return the roles in their order, each once.

    Raises
    ------
    InvalidInputError
        When one is not known, or there is none.
    """
    unknown = sorted(set(roles) - set(ROLES))
    if unknown or not roles:
        given = unknown[0][:LONGEST_NAME] if unknown else "given"
        raise InvalidInputError(f"no role {given}; choose from {', '.join(ROLES)}")
    return tuple(role for role in ROLES if role in roles)


def _checked_display_name(given: str) -> str:
    text = given.strip()
    if not 0 < len(text) <= LONGEST_NAME or not _PRINTABLE.fullmatch(text):
        raise InvalidInputError(f"a name to show has 1 to {LONGEST_NAME} printable characters")
    return text


def _checked_email(given: str | None) -> str | None:
    text = (given or "").strip()
    if not text:
        return None
    if len(text) > 254 or not _MAIL.fullmatch(text):
        raise InvalidInputError("not a mail address; write it like ana@example.org")
    return text


def _checked_state(state: str) -> str:
    if state not in STATES:
        raise InvalidInputError(f"no state {state!r}; choose from {', '.join(STATES)}")
    return state


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "roles": checked_roles,
    "state": _checked_state,
    "display_name": _checked_display_name,
    "email": _checked_email,
}


def _values(person: Person) -> dict[str, Any]:
    return {**vars(person), "roles": ",".join(person.roles)}


def list_people(connection: sa.Connection) -> list[Person]:
    """Return everybody by name, with those who have left."""
    rows = connection.execute(sa.select(people).order_by(people.c.name).limit(MOST_PEOPLE))
    return [_person(row) for row in rows]


def find_person(connection: sa.Connection, person_id: str) -> Person:
    """Return a person by id; raises NotFoundError."""
    return _one(connection, sa.select(people).where(_has_id(person_id)))


def display_names(connection: sa.Connection, person_ids: Iterable[str]) -> dict[str, str]:
    """Return the names that people are shown with, by id; what is no person is left out."""
    wanted = sorted({person_id for person_id in person_ids if is_id(person_id)})
    if not wanted:
        return {}
    query = sa.select(people.c.person_id, people.c.display_name)
    return dict(connection.execute(query.where(people.c.person_id.in_(wanted))).all())


def person_named(connection: sa.Connection, name: str) -> Person:
    """Return a person by the name with which they sign in; raises NotFoundError."""
    login = name.strip().lower()
    is_name = people.c.name == login if _NAME.fullmatch(login) else sa.false()
    return _one(connection, sa.select(people).where(is_name))


def _has_id(person_id: str) -> sa.ColumnElement[bool]:
    return people.c.person_id == person_id if is_id(person_id) else sa.false()


def _one(connection: sa.Connection, query: sa.Select[Any]) -> Person:
    row = connection.execute(query).first()
    if row is None:
        raise NotFoundError("no such person; see `flarewatch database users list`")
    return _person(row)


def _person(row: sa.Row[Any]) -> Person:
    fields = dict(row._mapping)
    return Person(**fields | {"roles": tuple(fields["roles"].split(","))})


def change_person(
    connection: sa.Connection,
    who: Principal,
    person_id: str,
    changes: Mapping[str, Any],
    *,
    now: datetime,
) -> Person:
    """Change roles, state, display_name or email; other roles or another state end all sessions.

    Raises
    ------
    InvalidInputError
        When a value is not valid, or nobody would be left who can administrate.
    """
    before = _one(connection, sa.select(people).where(_has_id(person_id)).with_for_update())
    after = replace(before, **{name: _CHECKS[name](value) for name, value in changes.items()})
    if after == before:
        return before
    _refuse_without_admin(connection, before, after)
    values = _values(after)
    connection.execute(people.update().where(people.c.person_id == person_id).values(values))
    if (after.roles, after.state) != (before.roles, before.state):
        end_sessions(connection, person_id)
    if after.state == LEFT:
        withdraw_invitations(connection, person_id, now=now)
        forget_password(connection, person_id)
    _record_change(connection, who, before, after, now=now)
    return after


def _refuse_without_admin(connection: sa.Connection, before: Person, after: Person) -> None:
    def administrates(person: Person) -> bool:
        return person.state == ACTIVE and "admin" in person.roles

    if administrates(before) and not administrates(after):
        others = [p for p in list_people(connection) if p.person_id != before.person_id]
        if not any(administrates(person) for person in others):
            raise InvalidInputError(
                f"{before.name} is the only active admin; make somebody else one first"
            )


def _record_change(
    connection: sa.Connection, who: Principal, before: Person, after: Person, *, now: datetime
) -> None:
    verbs = {LOCKED: "locked", LEFT: "removed", ACTIVE: "unlocked"}
    action = verbs[after.state] if after.state != before.state else "changed"
    names = [name for name in _CHECKS if getattr(before, name) != getattr(after, name)]
    record(
        connection,
        who,
        action,
        "person",
        after.name,
        before={name: getattr(before, name) for name in names},
        after={name: getattr(after, name) for name in names},
        now=now,
    )


def person_from_proxy(
    connection: sa.Connection, subject: str, *, roles: Sequence[str], now: datetime
) -> Person:
    """Return the person of this name at the proxy, registered or brought up to date.

    Raises
    ------
    InvalidInputError
        When the name cannot be one here, or the person is locked or has left.
    """
    if not subject.isascii() or len(subject) > LONGEST_SUBJECT:
        raise InvalidInputError("the proxy's name for the person is not one that is kept here")
    row = connection.execute(sa.select(people).where(people.c.subject == subject)).first()
    if row is None:
        login = login_of(subject)
        return add_person(
            connection,
            PROGRAM,
            login,
            roles=roles,
            display_name=subject,
            subject=subject,
            now=now,
        )
    person = _person(row)
    if person.state != ACTIVE:
        raise InvalidInputError(f"{person.name} is {person.state}; an admin can change that")
    return change_person(connection, PROGRAM, person.person_id, {"roles": roles}, now=now)


def withdraw_invitations(connection: sa.Connection, person_id: str, *, now: datetime) -> int:
    """End the open invitations of a person and return how many there were."""
    is_open = (invitations.c.person_id == person_id) & invitations.c.used_at.is_(None)
    return connection.execute(invitations.update().where(is_open).values(used_at=now)).rowcount
