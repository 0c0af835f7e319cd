"""Fields that are typed into and end up in the address, or in a message beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import dash
from dash import Input, Output, State, dcc, html
from dash.development.base_component import Component

from app_dash.shell import Ids
from app_dash.url_state import Query
from solar.errors import InvalidInputError

Q = TypeVar("Q", bound=Query)

# Two ends of one range: one alone could not be checked against the other.
_TOGETHER = {"start", "end"}


def field_id(page: str, name: str) -> str:
    """Name the input of one field of a page."""
    return f"{page}-{name}"


def field_state(page: str, shown: Mapping[str, str], message: str) -> Component:
    """Remember what the fields show, and give the message its place beside them."""
    return html.Div(
        [
            dcc.Store(id=field_id(page, "shown"), data=dict(shown)),
            html.P(message, className="field-message", role="alert"),
            html.P(id=field_id(page, "message"), className="field-message", role="alert"),
        ],
        className="field-state",
    )


def register_fields(
    app: dash.Dash, page: str, *, query_type: type[Query], names: tuple[str, ...]
) -> None:
    """Send what is typed to the address; what cannot be used changes nothing but the message."""

    @app.callback(
        Output(field_id(page, "message"), "children"),
        *(Input(field_id(page, name), "value") for name in names),
        State(field_id(page, "shown"), "data"),
        State(Ids.URL, "search"),
        prevent_initial_call=True,
    )
    def apply(*given: Any) -> str:
        *values, shown, search = given
        typed = {n: str(v or "").strip() for n, v in zip(names, values, strict=True)}
        # A field that has just been drawn calls too; it differs in nothing.
        if typed == shown:
            return ""
        try:
            changed = accept(query_type, search, typed=typed, shown=shown)
        except InvalidInputError as error:
            return str(error)
        # An output would be dropped when fields drawn meanwhile call before it arrives.
        dash.set_props(Ids.URL, {"search": changed})
        return ""


def accept(
    query_type: type[Query],
    search: str | None,
    *,
    typed: Mapping[str, str],
    shown: Mapping[str, str],
) -> str:
    """Put the fields that differ from what was shown into the address.

    Raises
    ------
    InvalidInputError
        When one cannot be used, with what to write instead.
    """
    changed = {name for name, text in typed.items() if text != shown.get(name)}
    if changed & _TOGETHER:
        changed |= _TOGETHER
    fields = {name: typed[name] for name in changed}
    return parse_leniently(query_type, search)[0].changed(**fields).search()


def parse_leniently(query_type: type[Q], search: str | None) -> tuple[Q, str]:
    """Read the address; one that cannot be read gives the page's defaults and the reason."""
    try:
        return query_type.parse(search), ""
    except InvalidInputError as error:
        return query_type(), str(error)
