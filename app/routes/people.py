"""People over HTTP: who is registered, their sessions and keys, and the audit of what was done."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from operator import attrgetter
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response

from app.contract.bodies import read_json, read_model
from app.contract.people import (
    AuditPage,
    AuditQuery,
    EndedAnswer,
    InvitedAnswer,
    KeyBody,
    KeysPage,
    NewKeyAnswer,
    PeoplePage,
    PersonAnswer,
    PersonBody,
    PersonChanges,
    PersonDetail,
    RevokedAnswer,
)
from app.contract.responses import CSV, NEXT_CURSOR, cut_page, json_response, page, read_cursor
from app.routes.operation import operation
from app.services import services
from database.engine import reading, transact
from database.people.audit import AuditEntry, list_audit, record
from database.people.invitations import (
    INVITATION_LASTS,
    invite,
    open_invitations,
    reset_person,
)
from database.people.keys import ApiKey, add_key, list_keys, revoke_key
from database.people.people import (
    Person,
    add_person,
    change_person,
    find_person,
    list_people,
    withdraw_invitations,
)
from database.people.principal import PEOPLE
from database.people.sessions import Session, end_sessions, list_sessions
from solar.errors import NotFoundError
from solar.time import isoformat

blueprint = Blueprint("people", __name__)


@blueprint.get("/people")
@operation("Everybody who is or was registered", permission=PEOPLE, answer=PeoplePage)
def get_people() -> Response:
    with reading(services().engine) as connection:
        items = person_items(connection, list_people(connection))
    return page(items, next_cursor=None)


@blueprint.post("/people")
@operation("Register and invite a person", permission=PEOPLE, body=PersonBody, answer=InvitedAnswer)
def post_people() -> Response:
    body = read_model(PersonBody, read_json())
    who, now = services().guard.principal(), services().clock()

    def work(connection: sa.Connection) -> dict[str, Any]:
        person = add_person(
            connection,
            who,
            body.name,
            roles=body.roles,
            display_name=body.display_name,
            email=body.email,
            now=now,
        )
        token = invite(connection, who, person.person_id, now=now)
        return _invited(connection, person, token, now=now)

    return json_response(transact(services().engine, work))


@blueprint.get("/people/<person_id>")
@operation("A person with sessions and keys", permission=PEOPLE, answer=PersonDetail)
def get_person(person_id: str) -> Response:
    with reading(services().engine) as connection:
        return json_response(person_detail(connection, person_id))


@blueprint.patch("/people/<person_id>")
@operation(
    "Change a person; other roles or another state end all sessions",
    permission=PEOPLE,
    body=PersonChanges,
    answer=PersonAnswer,
)
def patch_person(person_id: str) -> Response:
    changes = read_model(PersonChanges, read_json()).model_dump(exclude_none=True)
    who, now = services().guard.principal(), services().clock()

    def work(connection: sa.Connection) -> dict[str, Any]:
        person = change_person(connection, who, person_id, changes, now=now)
        return {"person": person_item(connection, person)}

    return json_response(transact(services().engine, work))


@blueprint.post("/people/<person_id>/invitation")
@operation(
    "Invite a person anew, which ends password and sessions",
    permission=PEOPLE,
    answer=InvitedAnswer,
)
def post_person_invitation(person_id: str) -> Response:
    who, now = services().guard.principal(), services().clock()

    def work(connection: sa.Connection) -> dict[str, Any]:
        token = reset_person(connection, who, person_id, now=now)
        return _invited(connection, find_person(connection, person_id), token, now=now)

    return json_response(transact(services().engine, work))


@blueprint.delete("/people/<person_id>/invitation")
@operation("Withdraw the invitation of a person", permission=PEOPLE, answer=EndedAnswer)
def delete_person_invitation(person_id: str) -> Response:
    who, now = services().guard.principal(), services().clock()

    def work(connection: sa.Connection) -> int:
        person = find_person(connection, person_id)
        ended = withdraw_invitations(connection, person_id, now=now)
        if ended:
            record(connection, who, "withdrew invitation", "person", person.name, now=now)
        return ended

    return json_response({"ended": transact(services().engine, work)})


@blueprint.delete("/people/<person_id>/sessions")
@operation("End all sessions of a person", permission=PEOPLE, answer=EndedAnswer)
def delete_person_sessions(person_id: str) -> Response:
    return json_response({"ended": _end_sessions(person_id, None)})


@blueprint.delete("/people/<person_id>/sessions/<session_id>")
@operation("End a session of a person", permission=PEOPLE, answer=EndedAnswer)
def delete_person_session(person_id: str, session_id: str) -> Response:
    ended = _end_sessions(person_id, session_id)
    if not ended:
        raise NotFoundError("there is no such session; GET /api/v1/people/… lists them")
    return json_response({"ended": ended})


def _end_sessions(person_id: str, session_id: str | None) -> int:
    who, now = services().guard.principal(), services().clock()

    def work(connection: sa.Connection) -> int:
        person = find_person(connection, person_id)
        ended = end_sessions(connection, person_id, session_id=session_id)
        if ended:
            record(connection, who, "ended sessions", "person", person.name, after=ended, now=now)
        return ended

    return transact(services().engine, work)


@blueprint.get("/keys")
@operation("Valid keys of services and people", permission=PEOPLE, answer=KeysPage)
def get_keys() -> Response:
    with reading(services().engine) as connection:
        items = [_key_item(key) for key in list_keys(connection)]
    return page(items, next_cursor=None)


@blueprint.post("/keys")
@operation("Make a key", permission=PEOPLE, body=KeyBody, answer=NewKeyAnswer)
def post_keys() -> Response:
    body = read_model(KeyBody, read_json())
    who, now = services().guard.principal(), services().clock()

    def work(connection: sa.Connection) -> str:
        if body.person_id is not None:
            find_person(connection, body.person_id)
        return add_key(
            connection,
            who,
            body.name,
            scopes=body.scopes,
            person_id=body.person_id,
            expires_at=body.expires_at,
            now=now,
        )

    return json_response({"name": body.name, "key": transact(services().engine, work)})


@blueprint.delete("/keys/<name>")
@operation("Revoke a key", permission=PEOPLE, answer=RevokedAnswer)
def delete_key(name: str) -> Response:
    who, now = services().guard.principal(), services().clock()
    transact(services().engine, lambda connection: revoke_key(connection, who, name, now=now))
    return json_response({"revoked": name})


@blueprint.get("/audit")
@operation(
    "Who did what, the newest first",
    permission=PEOPLE,
    query=AuditQuery,
    answer=AuditPage,
    also_answer=(CSV,),
)
def get_audit(query: AuditQuery) -> Response:
    with reading(services().engine) as connection:
        rows = list_audit(
            connection,
            window=query.window,
            object_kinds=[kind.strip() for kind in query.kind.split(",") if kind.strip()],
            text=query.text,
            limit=query.limit + 1,
            after=read_cursor(query.cursor, datetime, str),
        )
    rows, cursor = cut_page(rows, query.limit, attrgetter("at", "audit_id"))
    if query.format == "csv":
        return _audit_file(rows, cursor)
    return page([_audit_item(row) for row in rows], next_cursor=cursor)


def _audit_item(row: AuditEntry) -> dict[str, Any]:
    texts = {"before": row.before, "after": row.after}
    return asdict(row) | {n: None if t is None else json.loads(t) for n, t in texts.items()}


def _audit_file(rows: Iterable[AuditEntry], cursor: str | None) -> Response:
    body = io.StringIO()
    writer = csv.writer(body)
    writer.writerow(AuditEntry.__dataclass_fields__)
    writer.writerows([_cell(value) for value in vars(row).values()] for row in rows)
    response = Response(body.getvalue(), content_type=CSV)
    response.headers["Content-Disposition"] = 'attachment; filename="audit.csv"'
    if cursor is not None:
        response.headers[NEXT_CURSOR] = cursor
    return response


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return isoformat(value)
    text = "" if value is None else str(value)
    # A spreadsheet would run a text that begins so.
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def person_items(connection: sa.Connection, people: Iterable[Person]) -> list[dict[str, Any]]:
    """Return people as the API shows them."""
    now = services().clock()
    sessions = Counter(s.person_id for s in list_sessions(connection, now=now))
    keys = Counter(key.person_id for key in list_keys(connection))
    invited = open_invitations(connection, now=now)
    return [
        {
            "person_id": person.person_id,
            "name": person.name,
            "display_name": person.display_name,
            "email": person.email,
            "roles": list(person.roles),
            "state": person.state,
            "is_invited": person.person_id in invited,
            "signs_in_by": "password" if person.subject is None else "proxy",
            "created_at": person.created_at,
            "last_seen_at": person.last_seen_at,
            "sessions": sessions[person.person_id],
            "keys": keys[person.person_id],
        }
        for person in people
    ]


def person_item(connection: sa.Connection, person: Person) -> dict[str, Any]:
    """Return one person as the API shows them."""
    return person_items(connection, [person])[0]


def person_detail(connection: sa.Connection, person_id: str) -> dict[str, Any]:
    """Return a person with sessions and keys; raises NotFoundError."""
    person = find_person(connection, person_id)
    sessions = list_sessions(connection, person_id=person_id, now=services().clock())
    return {
        "person": person_item(connection, person),
        "sessions": [_session_item(session) for session in sessions],
        "keys": [_key_item(key) for key in list_keys(connection, person_id=person_id)],
    }


def _session_item(session: Session) -> dict[str, Any]:
    current = services().guard.session()
    fields = {name: value for name, value in vars(session).items() if name != "person_id"}
    is_current = current is not None and current.session_id == session.session_id
    return fields | {"is_current": is_current}


def _key_item(key: ApiKey) -> dict[str, Any]:
    names = ("name", "person_id", "scopes", "created_at", "expires_at", "last_used_at")
    return {name: getattr(key, name) for name in names}


def _invited(
    connection: sa.Connection, person: Person, token: str, *, now: datetime
) -> dict[str, Any]:
    return {
        "person": person_item(connection, person),
        "invitation": {
            "token": token,
            "path": f"/join/{token}",
            "expires_at": now + INVITATION_LASTS,
        },
    }
