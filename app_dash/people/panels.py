"""The panels of the People page: everybody, the chosen person, the forms, keys and roles."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.frame import actions
from app_dash.frame.key_form import checklist, choice_row, key_rows
from app_dash.frame.page import PageContext
from app_dash.frame.typed_fields import field_id
from app_dash.people.query import INVITED, MOST_ROWS, PeopleData, PeopleQuery, found
from app_dash.shared.numbers import ABSENT, count, moment
from app_dash.shared.panels import aria_label, empty_message, panel
from app_dash.shared.people import avatar, day, key_list, role_tags, seen, session_list
from app_dash.shared.url_state import PEOPLE_PATH
from database.people.keys import ApiKey
from database.people.people import ACTIVE, LEFT, LOCKED, Person
from database.people.principal import (
    ACCOUNT,
    ACKNOWLEDGE,
    ANNOUNCE,
    FEEDBACK,
    LAB,
    LOCAL,
    OPERATE,
    PEOPLE,
    ROLES,
)
from database.people.sessions import Session

PAGE = "people"

_HEADINGS = (
    ("Name", ""),
    ("Roles", ""),
    ("State", ""),
    ("Signs in by", "wide"),
    ("Last seen", "number"),
    ("Sessions", "number wide"),
)
_MAY = (
    ("Read what is shown, write feedback", FEEDBACK),
    ("Own sessions and keys", ACCOUNT),
    ("Acknowledge alerts", ACKNOWLEDGE),
    ("Own data sets, recipes and runs in the Lab", LAB),
    ("Stop any run, drain workers", OPERATE),
    ("Announce, answer feedback", ANNOUNCE),
    ("People, keys, audit", PEOPLE),
)
ROLE_HINTS = {
    "viewer": "reads",
    "researcher": "reads, and has runs in the Lab",
    "operator": "acknowledges, announces, answers",
    "admin": "all, with people and keys",
}
SCOPE_HINTS = {
    "ingest": "send records",
    "read": "read the API",
    "lab": "use the Lab",
    "work": "execute runs, as workers do",
    "admin": "all but people’s accounts",
}


def people_panel(data: PeopleData, query: PeopleQuery, context: PageContext) -> Component:
    """List everybody; a row opens the person."""
    rows = found(data, query, context.who.person_id)
    shown = rows[:MOST_ROWS]
    active = sum(data.state(person) == ACTIVE for person in data.people)
    table = html.Table(
        [
            html.Thead(html.Tr([html.Th(t, scope="col", className=kind) for t, kind in _HEADINGS])),
            html.Tbody([_row(person, data, query, context) for person in shown]),
        ],
        className="data people",
    )
    limited = (
        [
            html.P(
                f"{count(MOST_ROWS)} of {count(len(rows))}; find the others by name.",
                className="listed quiet",
            )
        ]
        if len(rows) > MOST_ROWS
        else []
    )
    return panel(
        "People",
        *([table, *limited] if rows else [_nobody(data, query, context)]),
        subtitle=f"{count(len(data.people))}: {count(active)} active",
        actions=[_find(query), *_openers(query)],
        class_name="flush people-panel",
    )


def _nobody(data: PeopleData, query: PeopleQuery, context: PageContext) -> Component:
    if data.people:
        everybody = PEOPLE_PATH + query.changed(find="").search()
        return empty_message(
            f"Nobody is called “{query.find}”.",
            dcc.Link("Show everybody", href=everybody, className="button"),
        )
    if context.who.via == LOCAL:
        return empty_message(
            "Nobody is registered: everybody on this machine may do everything. With the first"
            " person or key that ends for ever, and everybody signs in. Begin with yourself, as"
            " an admin."
        )
    return empty_message("Nobody is registered, only keys. Invite the first person, as an admin.")


def _find(query: PeopleQuery) -> Component:
    entry = dcc.Input(
        id=field_id(PAGE, "find"),
        value=query.find,
        type="text",
        debounce=True,
        placeholder="Find a person",
        autoComplete="off",
        className="field find-field",
    )
    return html.Label([html.Span("Find a person", className="visually-hidden"), entry])


def _openers(query: PeopleQuery) -> list[Component]:
    return [
        dcc.Link(
            label,
            href=PEOPLE_PATH + query.changed(form=form).search(),
            className=kind,
        )
        for label, form, kind in (
            ("New service key", "key", "button"),
            ("Invite", "invitation", "button primary"),
        )
    ]


def _row(person: Person, data: PeopleData, query: PeopleQuery, context: PageContext) -> Component:
    is_me = person.person_id == context.who.person_id
    is_chosen = person.person_id == query.person
    target = "" if is_chosen else person.person_id
    you = [html.Span(" you", className="quiet")] if is_me else []
    link = dcc.Link(
        person.display_name,
        href=PEOPLE_PATH + query.changed(person=target, form="").search(),
        className="row-link",
    )
    name = html.Div(
        [
            avatar(person.display_name, is_me=is_me),
            html.Div([html.Div([link, *you]), html.Div(person.name, className="login")]),
        ],
        className="person-cell",
    )
    cells = (
        (name, "person-name"),
        (role_tags(person.roles), ""),
        (state_mark(data.state(person)), ""),
        (data.signs_in_by(person) or ABSENT, "wide"),
        (seen(person.last_seen_at, context.now), "number"),
        (count(data.session_counts[person.person_id]), "number wide"),
    )
    gone = " gone" if data.state(person) in (LEFT, INVITED) else ""
    return html.Tr(
        [html.Td(cell, className=kind) for cell, kind in cells],
        className=f"linked{' over' if is_chosen else ''}{gone}",
    )


def state_mark(state: str) -> Component:
    """Show a state as shape and word, with its colour third."""
    return html.Span([html.I(), state], className=f"person-state {state}")


def person_panel(
    person: Person, data: PeopleData, query: PeopleQuery, context: PageContext
) -> Component:
    """Show one person, and what may be changed of them."""
    sessions = [s for s in data.sessions if s.person_id == person.person_id]
    keys = [key for key in data.keys if key.person_id == person.person_id]
    about = [person.name, *([person.email] if person.email else [])]
    parts: list[Component] = (
        [_invited(person, data.invited[person.person_id])]
        if (person.person_id in data.invited and person.state == ACTIVE)
        else []
    )
    if person.state != LEFT:
        parts += [_roles(person, context)]
    parts += [
        _heading("Sessions", len(sessions)),
        session_list(sessions, now=context.now, end=_end),
        _heading("Keys", len(keys)),
        key_list(keys, now=context.now, revoke=_revoke),
        _buttons(person, len(sessions), context),
    ]
    return panel(
        person.display_name,
        *parts,
        subtitle=f"{' · '.join(about)} · since {day(person.created_at)}",
        actions=dcc.Link(
            "Close", href=PEOPLE_PATH + query.changed(person="").search(), className="link"
        ),
        class_name="flush person-panel",
    )


def _invited(person: Person, until: datetime) -> Component:
    return html.Div(
        [
            html.Span(["Invited; the link works until ", html.B(f"{moment(until)} UTC")]),
            actions.button(PAGE, "withdraw", "Withdraw", of=person.person_id, kind="link"),
        ],
        className="listed invited-line",
    )


def _heading(text: str, number: int) -> Component:
    return html.H3([text, " ", html.Span(count(number), className="quiet")], className="part")


def _roles(person: Person, context: PageContext) -> Component:
    toggles = [_role_toggle(person, role, context) for role in ROLES]
    hint = html.P("Another role ends the person’s sessions.", className="hint")
    return html.Div(
        [
            html.Div("Roles", className="secondary"),
            html.Div(toggles, className="toggles", role="group", **aria_label("Roles")),
            hint,
        ],
        className="role-part",
    )


def _role_toggle(person: Person, role: str, context: PageContext) -> Component:
    has_it = role in person.roles
    if has_it and role == "admin" and person.person_id == context.who.person_id:
        return actions.asked(
            PAGE,
            "role",
            "✓ admin",
            question="You would no longer see this page, and have to sign in again.",
            sure="Give up admin",
            of=f"{person.person_id} {role}",
            kind="toggle pressed",
        )
    pressed: dict[str, Any] = {"aria-pressed": "true" if has_it else "false"}
    return actions.button(
        PAGE,
        "role",
        f"✓ {role}" if has_it else role,
        of=f"{person.person_id} {role}",
        kind="toggle",
        title=ROLE_HINTS[role],
        **pressed,
    )


def _end(session: Session) -> Component:
    of = f"{session.person_id} {session.session_id}"
    return actions.button(PAGE, "end-session", "End", of=of, kind="link", name="End this session")


def _revoke(key: ApiKey) -> Component:
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


def _buttons(person: Person, sessions: int, context: PageContext) -> Component:
    of, is_me = person.person_id, person.person_id == context.who.person_id
    has_come = person.last_seen_at is not None
    name = person.display_name
    shown: list[Component] = []
    if sessions:
        shown.append(
            actions.asked(
                PAGE,
                "end-sessions",
                "End all sessions",
                question=f"{name} is signed out everywhere{', you here too' if is_me else ''}.",
                sure="End them",
                of=of,
            )
        )
    if person.state == ACTIVE and person.subject is None:
        shown.append(
            actions.asked(
                PAGE,
                "reset",
                "Reset password…" if has_come else "New invitation…",
                question=f"Password and sessions of {name} end. You get a link to send, with"
                " which they choose a new one."
                if has_come
                else "You get a new link to send; an earlier one ends.",
                sure="Reset" if has_come else "Make the link",
                of=of,
            )
        )
    if not is_me:
        shown += _state_buttons(person)
    return html.Div(shown, className="person-buttons")


def _state_buttons(person: Person) -> list[Component]:
    name = person.display_name
    if person.state == LEFT:
        return [actions.button(PAGE, "activate", "Take back", of=person.person_id)]
    unlock = actions.button(PAGE, "activate", "Unlock", of=person.person_id)
    lock = actions.asked(
        PAGE,
        "lock",
        "Lock",
        kind="button danger",
        question=f"{name} is signed out at once and cannot come in until you unlock them.",
        sure=f"Lock {name}",
        of=person.person_id,
    )
    remove = actions.asked(
        PAGE,
        "remove",
        "Remove",
        kind="button danger",
        question=f"{name} is signed out; password and invitation end. What they did stays in the"
        " audit under their name.",
        sure=f"Remove {name}",
        of=person.person_id,
    )
    return [unlock if person.state == LOCKED else lock, remove]


def invitation_form(query: PeopleQuery, context: PageContext) -> Component:
    """Ask who is to come."""
    first = "admin" if context.who.via == LOCAL else "viewer"
    return _form(
        "Invite a person",
        query,
        actions.text_input(
            PAGE, "name", "Name", hint="to sign in with: a-z 0-9 . _ -", maxLength=64
        ),
        actions.text_input(PAGE, "display-name", "Shown as", hint="such as Ana Ruiz", maxLength=64),
        actions.text_input(PAGE, "email", "Mail", hint="may stay empty", maxLength=254),
        choice_row("Roles", checklist(PAGE, "roles", ROLE_HINTS, first)),
        actions.button(PAGE, "invite", "Make the link", kind="button primary"),
    )


def key_form(query: PeopleQuery) -> Component:
    """Ask what a service may do."""
    rows = key_rows(PAGE, SCOPE_HINTS, chosen="ingest", hint="which service uses it")
    return _form("New service key", query, *rows)


def _form(title: str, query: PeopleQuery, *rows: Component) -> Component:
    close = dcc.Link("Cancel", href=PEOPLE_PATH + query.changed(form="").search(), className="link")
    return panel(
        title, html.Div(rows, className="form note-fields"), actions=close, class_name="form-panel"
    )


def service_keys_panel(keys: Sequence[ApiKey], now: datetime) -> Component:
    """List the keys that belong to no person."""
    return panel(
        "Service keys",
        key_list(keys, now=now, revoke=_revoke),
        subtitle="of senders and other programs",
        class_name="flush",
    )


def roles_panel() -> Component:
    """Tell what each role may do."""
    head = html.Tr([html.Th("May", scope="col"), *(html.Th(role, scope="col") for role in ROLES)])
    rows = [
        html.Tr(
            [
                html.Th(text, scope="row"),
                *(html.Td(_yes() if may in ROLES[role] else ABSENT) for role in ROLES),
            ]
        )
        for text, may in _MAY
    ]
    table = html.Table([html.Thead(head), html.Tbody(rows)], className="data summary roles")
    return panel("Roles", table, subtitle="what each may do", class_name="flush")


def _yes() -> Component:
    return html.Span(html.Span("yes", className="visually-hidden"), className="yes")
