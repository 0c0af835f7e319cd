"""Sessions over HTTP: signing in and out, invitations, and the account of who is signed in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response, request

from app.contract.bodies import read_json, read_model
from app.contract.people import (
    EndedAnswer,
    EndQuery,
    InvitationAnswer,
    NewKeyAnswer,
    NewPasswordBody,
    OwnKeyBody,
    PasswordBody,
    PersonDetail,
    RevokedAnswer,
    SignInAnswer,
    SignInBody,
    WhoAnswer,
)
from app.contract.problems import RequestError
from app.contract.responses import json_response
from app.routes.operation import operation
from app.routes.people import person_detail, person_item
from app.services import services
from app.sign_in import SignedIn, Visitor, change_password, join, sign_in, sign_in_by_proxy
from database.engine import reading, transact
from database.people.access import proxied_person
from database.people.audit import record
from database.people.invitations import invited_person
from database.people.keys import add_key, revoke_key
from database.people.people import find_person
from database.people.principal import ACCOUNT, PUBLIC, READ, Principal
from database.people.sessions import end_sessions
from solar.errors import InvalidInputError, NotFoundError

blueprint = Blueprint("sessions", __name__)


@blueprint.post("/session")
@operation("Sign in", permission=PUBLIC, body=SignInBody, answer=SignInAnswer)
def post_session() -> Response:
    body = read_model(SignInBody, read_json())
    running = services()
    signed_in = sign_in(running.engine, body.name, body.password, _visitor(), now=running.clock())
    return _signed_in(signed_in)


@blueprint.post("/session/proxy")
@operation(
    "Sign in as the person whom a listed proxy names", permission=PUBLIC, answer=SignInAnswer
)
def post_proxy_session() -> Response:
    running = services()
    named = proxied_person(running.settings, request.remote_addr, request.headers)
    if named is None:
        raise RequestError(
            "no listed proxy names anybody; see FLARE_TRUSTED_PROXIES and FLARE_PROXY_USER_HEADER",
            status=401,
            title="Not authenticated",
        )
    signed_in = sign_in_by_proxy(running.engine, *named, _visitor(), now=running.clock())
    return _signed_in(signed_in)


@blueprint.get("/session")
@operation("Who asks, and what they may do", permission=READ, answer=WhoAnswer)
def get_session() -> Response:
    guard = services().guard
    who, session = guard.principal(), guard.session()
    return json_response(
        {
            "via": who.via,
            "name": who.name,
            "login": who.login,
            "person_id": who.person_id,
            "roles": list(who.roles),
            "permissions": sorted(who.permissions),
            "session_id": session and session.session_id,
            "expires_at": session and session.expires_at,
        }
    )


@blueprint.delete("/session")
@operation("Sign out, here or everywhere", permission=ACCOUNT, query=EndQuery, answer=EndedAnswer)
def delete_session(query: EndQuery) -> Response:
    session = services().guard.session()
    one = None if query.everywhere or session is None else session.session_id
    return json_response({"ended": _end(one)})


@blueprint.get("/invitations/<token>")
@operation("Whom an invitation is for", permission=PUBLIC, answer=InvitationAnswer)
def get_invitation(token: str) -> Response:
    with reading(services().engine) as connection:
        person = invited_person(connection, token, now=services().clock())
    return json_response({"name": person.name, "display_name": person.display_name})


@blueprint.post("/invitations/<token>")
@operation(
    "Accept an invitation with a new password",
    permission=PUBLIC,
    body=PasswordBody,
    answer=SignInAnswer,
)
def post_invitation(token: str) -> Response:
    body = read_model(PasswordBody, read_json())
    running = services()
    # Hashing takes a tenth of a second, so an invitation that is not valid is refused before.
    with reading(running.engine) as connection:
        invited_person(connection, token, now=running.clock())
    return _signed_in(join(running.engine, token, body.password, _visitor(), now=running.clock()))


@blueprint.get("/account")
@operation("My sessions and keys", permission=ACCOUNT, answer=PersonDetail)
def get_account() -> Response:
    with reading(services().engine) as connection:
        return json_response(person_detail(connection, _person_id()))


@blueprint.post("/account/password")
@operation(
    "Change my password, which ends all my sessions",
    permission=ACCOUNT,
    body=NewPasswordBody,
    answer=SignInAnswer,
)
def post_password() -> Response:
    body = read_model(NewPasswordBody, read_json())
    running = services()
    with reading(running.engine) as connection:
        person = find_person(connection, _person_id())
    if person.subject is not None:
        raise InvalidInputError("you sign in through the proxy; change your password there")
    signed_in = change_password(
        running.engine, person, body.old, body.new, _visitor(), now=running.clock()
    )
    return _signed_in(signed_in)


@blueprint.delete("/account/sessions/<session_id>")
@operation("End one of my sessions", permission=ACCOUNT, answer=EndedAnswer)
def delete_own_session(session_id: str) -> Response:
    ended = _end(session_id)
    if not ended:
        raise NotFoundError("you have no such session; GET /api/v1/account lists them")
    return json_response({"ended": ended})


@blueprint.post("/account/keys")
@operation("Make a key of my own", permission=ACCOUNT, body=OwnKeyBody, answer=NewKeyAnswer)
def post_own_key() -> Response:
    body = read_model(OwnKeyBody, read_json())
    running, who, now = services(), _who(), services().clock()

    def work(connection: sa.Connection) -> str:
        return add_key(
            connection,
            who,
            body.name,
            scopes=body.scopes,
            person_id=_person_id(),
            expires_at=body.expires_at,
            now=now,
        )

    return json_response({"name": body.name, "key": transact(running.engine, work)})


@blueprint.delete("/account/keys/<name>")
@operation("Revoke a key of my own", permission=ACCOUNT, answer=RevokedAnswer)
def delete_own_key(name: str) -> Response:
    who, person_id, now = _who(), _person_id(), services().clock()
    transact(services().engine, lambda c: revoke_key(c, who, name, person_id=person_id, now=now))
    return json_response({"revoked": name})


def _who() -> Principal:
    return services().guard.principal()


def _person_id() -> str:
    """Return the person whose account it is; only people have the permission."""
    person_id = _who().person_id
    if person_id is None:
        raise NotFoundError("only a person who is signed in has an account")
    return person_id


def _end(session_id: str | None) -> int:
    who, person_id, now = _who(), _person_id(), services().clock()

    def work(connection: sa.Connection) -> int:
        ended = end_sessions(connection, person_id, session_id=session_id)
        where = "everywhere" if session_id is None else "one session"
        record(connection, who, "signed out", "session", where, now=now)
        return ended

    return transact(services().engine, work)


def _visitor() -> Visitor:
    return Visitor(services().guard.client(), request.headers.get("User-Agent", ""))


def _signed_in(signed_in: SignedIn) -> Response:
    with reading(services().engine) as connection:
        person: dict[str, Any] = person_item(connection, signed_in.person)
    expires_at: datetime = signed_in.expires_at
    return json_response({"person": person, "token": signed_in.token, "expires_at": expires_at})
