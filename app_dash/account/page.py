"""The Account page: one's own sessions, keys and password."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import dash
import sqlalchemy as sa
from dash import ctx, html
from dash.development.base_component import Component

from app_dash.api_client import ask
from app_dash.frame import actions
from app_dash.frame.actions import Action, ActionPage, ActionResult
from app_dash.frame.key_form import key_body, key_rows
from app_dash.frame.page import PageContext
from app_dash.guard import Guard, token
from app_dash.settings import DashSettings
from app_dash.shared.numbers import count
from app_dash.shared.panels import facts, panel
from app_dash.shared.people import key_list, role_tags, session_list
from app_dash.shared.url_state import ACCOUNT_PATH, SIGN_OUT_PATH
from database.engine import reading
from database.people.credentials import SHORTEST_PASSWORD
from database.people.keys import ApiKey, list_keys
from database.people.people import Person, find_person
from database.people.principal import ACCOUNT, PUBLIC, SCOPES, Principal
from database.people.sessions import Session, hash_token, list_sessions
from solar.errors import InvalidInputError

PAGE = "account"
_SCOPE_HINTS = {
    "ingest": "send records",
    "read": "read the API",
    "lab": "use the Lab",
    "work": "execute runs, as workers do",
    "admin": "all that you may",
}


@dataclass(frozen=True)
class AccountData:
    """A person with what they have open."""

    person: Person
    sessions: list[Session]
    keys: list[ApiKey]


def layout(context: PageContext, pathname: str, search: str) -> Component:
    """Draw the page."""
    return html.Div(content(context, pathname, search), id=actions.content_id(PAGE))


def content(context: PageContext, _pathname: str, _search: str) -> Component:
    """Draw what an action draws anew."""
    data = _read(context)
    return html.Div(
        [
            html.Div(
                [_me(data, context.who), _sessions(data, context), _password(data.person)],
                className="stack span-6",
            ),
            html.Div([_keys(data, context), _new_key(context.who)], className="stack span-6"),
        ],
        className="grid account-page",
    )


def _read(context: PageContext) -> AccountData:
    person_id = context.who.person_id or ""
    with reading(context.engine) as connection:
        return AccountData(
            find_person(connection, person_id),
            list_sessions(connection, person_id=person_id, now=context.now),
            list_keys(connection, person_id=person_id),
        )


def _me(data: AccountData, who: Principal) -> Component:
    person = data.person
    rows = [
        ("Name to sign in with", person.name),
        ("Mail", person.email or "–"),
        ("Roles", role_tags(person.roles)),
        ("May", ", ".join(sorted(who.permissions - {PUBLIC}))),
    ]
    return panel(person.display_name, facts(rows), subtitle="an admin can change this")


def _sessions(data: AccountData, context: PageContext) -> Component:
    here = hash_token(token() or "")

    def end(session: Session) -> Component:
        if session.session_id == here:
            return html.Span("here", className="quiet")
        return actions.button(
            PAGE, "end", "End", of=session.session_id, kind="link", name="End this session"
        )

    return panel(
        "Sessions",
        session_list(data.sessions, now=context.now, end=end),
        html.Div(_sign_out_everywhere(), className="person-buttons"),
        subtitle=count(len(data.sessions)),
        class_name="flush",
    )


def _sign_out_everywhere() -> Component:
    button = html.Button("Sign out everywhere", type="submit", className="button danger")
    return html.Details(
        [
            html.Summary("Sign out everywhere", className="button"),
            html.Form(
                [html.P("All your sessions end, this one too."), button],
                method="post",
                action=f"{SIGN_OUT_PATH}?everywhere=true",
            ),
        ],
        className="asking",
    )


def _password(person: Person) -> Component:
    if person.subject is not None:
        text = "You sign in through your institute’s proxy; your password is changed there."
        return panel("Password", html.P(text, className="secondary"))
    secret: dict[str, Any] = {"type": "password", "maxLength": 256}
    new = {**secret, "autoComplete": "new-password"}
    hint = f"at least {SHORTEST_PASSWORD} characters; a sentence is easy to remember"
    rows = [
        actions.text_input(
            PAGE, "old", "Until now", **secret | {"autoComplete": "current-password"}
        ),
        actions.text_input(PAGE, "new", "New", hint=hint, **new),
        actions.text_input(PAGE, "again", "Once more", **new),
        actions.button(PAGE, "password", "Change password", kind="button primary"),
    ]
    return panel(
        "Password",
        html.Div(rows, className="form note-fields"),
        subtitle="your other sessions end",
    )


def _keys(data: AccountData, context: PageContext) -> Component:
    def revoke(key: ApiKey) -> Component:
        return actions.asked(
            PAGE,
            "revoke",
            "Revoke",
            question=f"What uses the key {key.name} is refused from now on. This cannot be undone.",
            sure="Revoke the key",
            of=key.name,
            kind="link",
            name=f"Revoke the key {key.name}",
        )

    return panel(
        "Keys",
        key_list(data.keys, now=context.now, revoke=revoke),
        subtitle="programs that action for you send one in the header X-API-Key",
        class_name="flush",
    )


def _new_key(who: Principal) -> Component:
    # A key may do what both its scopes and its owner may.
    useful = [scope for scope in SCOPES if (SCOPES[scope] - {PUBLIC}) & who.permissions]
    hints = {scope: _SCOPE_HINTS[scope] for scope in useful}
    rows = key_rows(PAGE, hints, chosen="read", hint="where you will use it")
    return panel("New key", html.Div(rows, className="form note-fields"))


def register(app: dash.Dash, engine: sa.Engine, guard: Guard, *, settings: DashSettings) -> None:
    """Connect the actions, which the API does in the session of who asks."""

    def perform(action: Action) -> ActionResult:
        if action.name == "end":
            ask(settings, "DELETE", f"/account/sessions/{quote(action.of, safe='')}")
            return ActionResult("The session has ended.")
        if action.name == "make-key":
            answer = ask(settings, "POST", "/account/keys", key_body(action))
            title, note = f"Key {answer['name']}", "It is shown only now."
            return ActionResult("The key is made.", actions.shown_once(title, answer["key"], note))
        if action.name == "revoke":
            ask(settings, "DELETE", f"/account/keys/{quote(action.of, safe='')}")
            return ActionResult("The key is revoked.")
        if action.name == "password":
            return _change_password(action)
        raise InvalidInputError("there is no such action; load the page again")

    def _change_password(action: Action) -> ActionResult:
        if action.secret("new") != action.secret("again"):
            raise InvalidInputError("The new passwords differ; type the same one twice.")
        body = {"old": action.secret("old"), "new": action.secret("new")}
        answer = ask(settings, "POST", "/account/password", body)
        # The old session has ended with the old password.
        guard.enter(ctx.response, answer["token"])
        return ActionResult("The password is changed; all other sessions have ended.")

    page = ActionPage(PAGE, ACCOUNT_PATH, ACCOUNT, perform, content)
    actions.register(app, engine, page, settings=settings)
