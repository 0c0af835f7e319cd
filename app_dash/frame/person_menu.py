"""The menu of the person's initials in the header: who is signed in, and where to go."""

from __future__ import annotations

from urllib.parse import urlencode

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.shared.panels import aria_label
from app_dash.shared.people import avatar
from app_dash.shared.url_state import ACCOUNT_PATH, HELP_PATH, PEOPLE_PATH, SIGN_OUT_PATH
from database.people.principal import ACCOUNT, FEEDBACK, LOCAL, PEOPLE, Principal

_NOBODY_REGISTERED = "Nobody is registered: everybody on this machine may do everything."
FIRST_PERSON = "flarewatch database users add NAME --role admin --invite"


def person_menu(who: Principal, *, here: str) -> Component:
    """Show who asks; `here` is the address of the page, which a report names."""
    is_local = who.via == LOCAL
    mark = (
        html.Span("local", className="avatar local") if is_local else avatar(who.name, is_me=True)
    )
    links = [
        dcc.Link(label, href=href)
        for label, href, permission in (
            ("Account", ACCOUNT_PATH, ACCOUNT),
            ("People", PEOPLE_PATH, PEOPLE),
            ("Help", _help(here), FEEDBACK),
        )
        if who.may(permission)
    ]
    opens = html.Summary(mark, title=who.name, **aria_label(f"Menu of {who.name}"))
    named = html.Nav(links, **aria_label("Person"))
    parts = [*_who(who, is_local=is_local), named, *([] if is_local else [_sign_out()])]
    return html.Details([opens, html.Div(parts)], className="person-menu")


def _who(who: Principal, *, is_local: bool) -> list[Component]:
    if is_local:
        ending = ["The first person or key ends that for ever: invite one under People, or run "]
        return [
            html.B("local"),
            html.P(_NOBODY_REGISTERED),
            html.P([*ending, html.Code(FIRST_PERSON)]),
        ]
    return [html.B(who.name), html.P(f"{who.login} · {', '.join(who.roles)}")]


def _help(here: str) -> str:
    path = here.partition("?")[0]
    return HELP_PATH if path == HELP_PATH else f"{HELP_PATH}?{urlencode({'from': here})}"


def _sign_out() -> Component:
    button = html.Button("Sign out", type="submit")
    return html.Form(button, method="post", action=SIGN_OUT_PATH)
