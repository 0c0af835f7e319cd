"""The People page: who may come and what they may do, their sessions and keys, and the audit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import dash
import sqlalchemy as sa
from dash import html
from dash.development.base_component import Component
from flask import request

from app_dash.api_client import ask
from app_dash.frame import actions
from app_dash.frame.actions import Action, ActionPage, ActionResult
from app_dash.frame.key_form import key_body
from app_dash.frame.page import PageContext
from app_dash.frame.typed_fields import field_state, parse_leniently
from app_dash.guard import principal
from app_dash.people.audit import audit_panel, register_export, shown_fields
from app_dash.people.panels import (
    PAGE,
    invitation_form,
    key_form,
    people_panel,
    person_panel,
    roles_panel,
    service_keys_panel,
)
from app_dash.people.query import PeopleQuery, read_people
from app_dash.settings import DashSettings
from app_dash.shared.numbers import moment
from app_dash.shared.url_state import PEOPLE_PATH
from database.engine import reading
from database.people.people import ACTIVE, LEFT, LOCKED, find_person
from database.people.principal import LOCAL, PEOPLE
from solar.errors import InvalidInputError
from solar.time import parse_time

_PEOPLE = "/people"


def layout(context: PageContext, pathname: str, search: str) -> Component:
    """Draw the page of the address; an invalid one gives the defaults and the error."""
    return html.Div(content(context, pathname, search), id=actions.content_id(PAGE))


def content(context: PageContext, _pathname: str, search: str) -> Component:
    """Draw what an action draws anew."""
    query, message = parse_leniently(PeopleQuery, search)
    data = read_people(context, query)
    chosen = data.chosen(query)
    side: list[Component] = []
    if query.form == "invitation":
        side.append(invitation_form(query, context))
    if query.form == "key":
        side.append(key_form(query))
    if chosen is not None:
        side.append(person_panel(chosen, data, query, context))
    services = [key for key in data.keys if key.person_id is None]
    side += [service_keys_panel(services, context.now), roles_panel()]
    return html.Div(
        [
            field_state(shown_fields(query), message),
            people_panel(data, query, context),
            html.Div(side, className="people-side"),
            audit_panel(data.audit, query, context.now),
        ],
        className="people-page",
    )


def register(app: dash.Dash, engine: sa.Engine, *, settings: DashSettings) -> None:
    """Connect the actions, which the API does in the session of who asks."""
    register_export(app.server, engine)

    def perform(action: Action) -> ActionResult:
        return PeopleActions(engine, settings).do(action)

    page = ActionPage(PAGE, PEOPLE_PATH, PEOPLE, perform, content)
    actions.register(app, engine, page, settings=settings)


class PeopleActions:
    """What the buttons of the page do."""

    def __init__(self, engine: sa.Engine, settings: DashSettings) -> None:
        self._engine = engine
        self._settings = settings

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return ask(self._settings, method, path, body)

    def do(self, action: Action) -> ActionResult:
        """Do one action through the API; raises FlarewatchError when it is refused."""
        actions: Mapping[str, Callable[[Action], ActionResult]] = {
            "invite": self._invite,
            "reset": self._reset,
            "withdraw": self._withdraw,
            "role": self._toggle_role,
            "end-session": self._end_session,
            "end-sessions": self._end_sessions,
            "lock": lambda action: self._set_state(action, LOCKED, "Locked."),
            "remove": lambda action: self._set_state(action, LEFT, "Removed."),
            "activate": lambda action: self._set_state(action, ACTIVE, "Active again."),
            "make-key": self._make_key,
            "revoke": self._revoke,
        }
        if action.name not in actions:
            raise InvalidInputError("there is no such action; load the page again")
        return actions[action.name](action)

    def _invite(self, action: Action) -> ActionResult:
        body = {
            "name": action.text("name"),
            "display_name": action.text("display-name"),
            "email": action.text("email") or None,
            "roles": action.choices("roles"),
        }
        if not body["name"]:
            raise InvalidInputError("Write a name to sign in with.")
        answer = self._ask("POST", _PEOPLE, body)
        query = PeopleQuery.parse(action.search)
        chosen = query.changed(person=answer["person"]["person_id"], form="", find="")
        return self._invited(answer, chosen.search())

    def _reset(self, action: Action) -> ActionResult:
        return self._invited(self._ask("POST", f"{_person(action.of)}/invitation"), None)

    def _invited(self, answer: Mapping[str, Any], search: str | None) -> ActionResult:
        person, invitation = answer["person"], answer["invitation"]
        settings = self._settings
        base = settings.public_url or settings.public_dash_url or request.url_root
        withdraw = actions.button(PAGE, "withdraw", "Withdraw", of=person["person_id"], kind="link")
        note = f"Works once, until {moment(parse_time(invitation['expires_at']))} UTC."
        if principal().via == LOCAL:
            note = f"From now on everybody signs in: open it to choose your password. {note}"
        shown = actions.shown_once(
            f"Invited: {person['display_name']}",
            base.rstrip("/") + invitation["path"],
            f"{note} It is shown only now.",
            withdraw,
        )
        return ActionResult(f"{person['display_name']} is invited.", shown, search)

    def _withdraw(self, action: Action) -> ActionResult:
        self._ask("DELETE", f"{_person(action.of)}/invitation")
        return ActionResult("The invitation is withdrawn.", html.Div())

    def _toggle_role(self, action: Action) -> ActionResult:
        person_id, _, role = action.of.partition(" ")
        with reading(self._engine) as connection:
            before = find_person(connection, person_id).roles
        roles = [one for one in before if one != role]
        if role not in before:
            roles.append(role)
        if not roles:
            raise InvalidInputError("A person has at least one role; add another one first.")
        self._ask("PATCH", _person(person_id), {"roles": roles})
        return ActionResult(f"The roles are now {', '.join(roles)}.")

    def _end_session(self, action: Action) -> ActionResult:
        person_id, _, session_id = action.of.partition(" ")
        self._ask("DELETE", f"{_person(person_id)}/sessions/{quote(session_id, safe='')}")
        return ActionResult("The session has ended.")

    def _end_sessions(self, action: Action) -> ActionResult:
        self._ask("DELETE", f"{_person(action.of)}/sessions")
        return ActionResult("All sessions have ended.")

    def _set_state(self, action: Action, state: str, text: str) -> ActionResult:
        self._ask("PATCH", _person(action.of), {"state": state})
        return ActionResult(text)

    def _make_key(self, action: Action) -> ActionResult:
        answer = self._ask("POST", "/keys", key_body(action))
        shown = actions.shown_once(f"Key {answer['name']}", answer["key"], "It is shown only now.")
        search = PeopleQuery.parse(action.search).changed(form="").search()
        return ActionResult("The key is made.", shown, search)

    def _revoke(self, action: Action) -> ActionResult:
        self._ask("DELETE", f"/keys/{quote(action.of, safe='')}")
        return ActionResult("The key is revoked.")


def _person(person_id: str) -> str:
    return f"{_PEOPLE}/{quote(person_id, safe='')}"
