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
from app_dash.frame import acts
from app_dash.frame.acts import Act, ActPage, Done
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


def layout(context: PageContext, _pathname: str, search: str) -> Component:
    """Draw the page of the address; an invalid one gives the defaults and the error."""
    return html.Div(content(context, search), id=acts.content_id(PAGE))


def content(context: PageContext, search: str) -> Component:
    """Draw what an act draws anew."""
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
    """Connect the acts, which the API does in the session of who asks."""
    register_export(app.server, engine)

    def perform(act: Act) -> Done:
        return PeopleActs(engine, settings).do(act)

    page = ActPage(PAGE, PEOPLE_PATH, PEOPLE, perform, content)
    acts.register(app, engine, page, settings=settings)


class PeopleActs:
    """What the buttons of the page do."""

    def __init__(self, engine: sa.Engine, settings: DashSettings) -> None:
        self._engine = engine
        self._settings = settings

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return ask(self._settings, method, path, body)

    def do(self, act: Act) -> Done:
        """Do one act through the API; raises FlarewatchError when it is refused."""
        acts: Mapping[str, Callable[[Act], Done]] = {
            "invite": self._invite,
            "reset": self._reset,
            "withdraw": self._withdraw,
            "role": self._toggle_role,
            "end-session": self._end_session,
            "end-sessions": self._end_sessions,
            "lock": lambda act: self._set_state(act, LOCKED, "Locked."),
            "remove": lambda act: self._set_state(act, LEFT, "Removed."),
            "activate": lambda act: self._set_state(act, ACTIVE, "Active again."),
            "make-key": self._make_key,
            "revoke": self._revoke,
        }
        if act.name not in acts:
            raise InvalidInputError("there is no such act; load the page again")
        return acts[act.name](act)

    def _invite(self, act: Act) -> Done:
        body = {
            "name": act.text("name"),
            "display_name": act.text("display-name"),
            "email": act.text("email") or None,
            "roles": act.choices("roles"),
        }
        if not body["name"]:
            raise InvalidInputError("Write a name to sign in with.")
        answer = self._ask("POST", _PEOPLE, body)
        query = PeopleQuery.parse(act.search)
        chosen = query.changed(person=answer["person"]["person_id"], form="", find="")
        return self._invited(answer, chosen.search())

    def _reset(self, act: Act) -> Done:
        return self._invited(self._ask("POST", f"{_person(act.of)}/invitation"), None)

    def _invited(self, answer: Mapping[str, Any], search: str | None) -> Done:
        person, invitation = answer["person"], answer["invitation"]
        settings = self._settings
        base = settings.public_url or settings.public_dash_url or request.url_root
        withdraw = acts.button(PAGE, "withdraw", "Withdraw", of=person["person_id"], kind="link")
        note = f"Works once, until {moment(parse_time(invitation['expires_at']))} UTC."
        if principal().via == LOCAL:
            note = f"From now on everybody signs in: open it to choose your password. {note}"
        shown = acts.shown_once(
            f"Invited: {person['display_name']}",
            base.rstrip("/") + invitation["path"],
            f"{note} It is shown only now.",
            withdraw,
        )
        return Done(f"{person['display_name']} is invited.", shown, search)

    def _withdraw(self, act: Act) -> Done:
        self._ask("DELETE", f"{_person(act.of)}/invitation")
        return Done("The invitation is withdrawn.", html.Div())

    def _toggle_role(self, act: Act) -> Done:
        person_id, _, role = act.of.partition(" ")
        with reading(self._engine) as connection:
            before = find_person(connection, person_id).roles
        roles = [one for one in before if one != role]
        if role not in before:
            roles.append(role)
        if not roles:
            raise InvalidInputError("A person has at least one role; add another one first.")
        self._ask("PATCH", _person(person_id), {"roles": roles})
        return Done(f"The roles are now {', '.join(roles)}.")

    def _end_session(self, act: Act) -> Done:
        person_id, _, session_id = act.of.partition(" ")
        self._ask("DELETE", f"{_person(person_id)}/sessions/{quote(session_id, safe='')}")
        return Done("The session has ended.")

    def _end_sessions(self, act: Act) -> Done:
        self._ask("DELETE", f"{_person(act.of)}/sessions")
        return Done("All sessions have ended.")

    def _set_state(self, act: Act, state: str, text: str) -> Done:
        self._ask("PATCH", _person(act.of), {"state": state})
        return Done(text)

    def _make_key(self, act: Act) -> Done:
        answer = self._ask("POST", "/keys", key_body(act))
        shown = acts.shown_once(f"Key {answer['name']}", answer["key"], "It is shown only now.")
        search = PeopleQuery.parse(act.search).changed(form="").search()
        return Done("The key is made.", shown, search)

    def _revoke(self, act: Act) -> Done:
        self._ask("DELETE", f"/keys/{quote(act.of, safe='')}")
        return Done("The key is revoked.")


def _person(person_id: str) -> str:
    return f"{_PEOPLE}/{quote(person_id, safe='')}"
