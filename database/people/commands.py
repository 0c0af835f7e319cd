"""The commands ``flarewatch database users …``: people and keys from the command line."""

from __future__ import annotations

import argparse
import getpass
import sys
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from database.engine import reading, transact
from database.people.access import AccessSettings
from database.people.credentials import hash_new_password, set_password
from database.people.invitations import INVITATION_LASTS, invite, reset_person
from database.people.keys import add_key, list_keys, revoke_key
from database.people.people import (
    ACTIVE,
    LEFT,
    LOCKED,
    Person,
    add_person,
    change_person,
    list_people,
    person_named,
)
from database.people.principal import COMMAND_LINE, ROLES, SCOPES
from solar.errors import InvalidInputError, NotFoundError

_LOCAL_URL = "http://127.0.0.1:8050"


def add_arguments(users: argparse.ArgumentParser) -> None:
    """Describe the actions on people and keys."""
    actions = users.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser("add", help="register a person (--role), or make a key (--scopes)")
    add.add_argument("name")
    add.add_argument("--role", action="append", default=[], help=f"one of {', '.join(ROLES)}")
    add.add_argument("--invite", action="store_true", help="print a link instead of asking")
    add.add_argument("--display-name", default="", help="the name to show; NAME by default")
    add.add_argument("--email", help="where the person can be reached")
    add.add_argument("--scopes", help=f"of a key, with commas between: {', '.join(SCOPES)}")
    add.add_argument("--days", type=int, help="how long the key is valid; for ever by default")
    actions.add_parser("list", help="list people and keys")
    for action, text in (
        ("lock", "lock a person out, at once"),
        ("unlock", "let a locked person in again"),
        ("reset", "end sessions and password of a person; print a link for a new one"),
        ("remove", "remove a person, or revoke a key"),
    ):
        actions.add_parser(action, help=text).add_argument("name")


def run(engine: sa.Engine, options: argparse.Namespace) -> str:
    """Run one of the actions and return what to print."""
    message: str = _ACTIONS[options.action](engine, options)
    return message


def _add(engine: sa.Engine, options: argparse.Namespace) -> str:
    if bool(options.role) == bool(options.scopes):
        raise InvalidInputError("a person needs --role, a key needs --scopes; give one of them")
    return _add_key(engine, options) if options.scopes else _add_person(engine, options)


def _add_key(engine: sa.Engine, options: argparse.Namespace) -> str:
    now = datetime.now(UTC)
    expires_at = None if options.days is None else now + timedelta(days=options.days)
    scopes = options.scopes.split(",")
    key = transact(
        engine,
        lambda c: add_key(
            c, COMMAND_LINE, options.name, scopes=scopes, expires_at=expires_at, now=now
        ),
    )
    return f"{key}\n(the key of {options.name}; it is not stored and cannot be shown again)"


def _add_person(engine: sa.Engine, options: argparse.Namespace) -> str:
    now = datetime.now(UTC)
    password_hash = None if options.invite else hash_new_password(_ask_password(options.name))

    def work(connection: sa.Connection) -> tuple[Person, str]:
        person = add_person(
            connection,
            COMMAND_LINE,
            options.name,
            roles=options.role,
            display_name=options.display_name,
            email=options.email,
            now=now,
        )
        if password_hash is None:
            return person, invite(connection, COMMAND_LINE, person.person_id, now=now)
        set_password(connection, person.person_id, password_hash, now=now)
        return person, ""

    person, token = transact(engine, work)
    if not token:
        return f"{person.name} can sign in ({', '.join(person.roles)})"
    return _invitation(person, token)


def _ask_password(name: str) -> str:
    """Ask twice without showing it; a program gives it as one line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass(f"Password for {name}: ")
    if getpass.getpass("Again: ") != password:
        raise InvalidInputError("the two passwords differ; run the command again")
    return password


def _invitation(person: Person, token: str) -> str:
    url = AccessSettings().public_address or _LOCAL_URL
    hours = INVITATION_LASTS // timedelta(hours=1)
    return f"{url}/join/{token}\n(for {person.name}; valid once, for {hours} h; shown only now)"


def invite_first_admin(engine: sa.Engine) -> str:
    """Invite the person who registers the others; empty once somebody has signed in.

    It runs at every start of the containers, and the invitation of an earlier one may be over.
    """
    name, now = "admin", datetime.now(UTC)

    def work(connection: sa.Connection) -> tuple[Person, str] | None:
        people = list_people(connection)
        if any(person.last_seen_at is not None or person.name != name for person in people):
            return None
        person = next(iter(people), None) or add_person(
            connection, COMMAND_LINE, name, roles=["admin"], now=now
        )
        return person, invite(connection, COMMAND_LINE, person.person_id, now=now)

    invited = transact(engine, work)
    if invited is None:
        return ""
    return f"Choose the first admin's password at\n{_invitation(*invited)}"


def _list(engine: sa.Engine, _options: argparse.Namespace) -> str:
    with reading(engine) as connection:
        people, keys = list_people(connection), list_keys(connection)
    names = {person.person_id: person.name for person in people}
    lines = [f"{p.name}\t{','.join(p.roles)}\t{p.state}\t{p.display_name}" for p in people]
    for key in keys:
        owner = f"key of {names[key.person_id]}" if key.person_id else "key"
        until = f"\tuntil {key.expires_at:%Y-%m-%d}" if key.expires_at else ""
        lines.append(f"{key.name}\t{','.join(key.scopes)}\t{owner}{until}")
    return "\n".join(lines) or "nobody yet"


def _lock(engine: sa.Engine, options: argparse.Namespace) -> str:
    return f"{_changed(engine, options.name, LOCKED)} is locked; all sessions have ended"


def _unlock(engine: sa.Engine, options: argparse.Namespace) -> str:
    return f"{_changed(engine, options.name, ACTIVE)} can sign in again"


def _changed(engine: sa.Engine, name: str, state: str) -> str:
    def work(connection: sa.Connection) -> Person:
        person = person_named(connection, name)
        changes = {"state": state}
        return change_person(
            connection, COMMAND_LINE, person.person_id, changes, now=datetime.now(UTC)
        )

    return transact(engine, work).name


def _reset(engine: sa.Engine, options: argparse.Namespace) -> str:
    def work(connection: sa.Connection) -> tuple[Person, str]:
        person = person_named(connection, options.name)
        now = datetime.now(UTC)
        return person, reset_person(connection, COMMAND_LINE, person.person_id, now=now)

    return _invitation(*transact(engine, work))


def _remove(engine: sa.Engine, options: argparse.Namespace) -> str:
    try:
        return f"{_changed(engine, options.name, LEFT)} is removed; all sessions have ended"
    except NotFoundError:
        now = datetime.now(UTC)
        transact(engine, lambda c: revoke_key(c, COMMAND_LINE, options.name, now=now))
    return f"the key of {options.name} is no longer valid"


_ACTIONS = {
    "add": _add,
    "list": _list,
    "lock": _lock,
    "unlock": _unlock,
    "reset": _reset,
    "remove": _remove,
}
