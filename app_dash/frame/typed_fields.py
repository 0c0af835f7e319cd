"""Typed fields: what is typed goes into the address, or an error goes beside the field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import dash
from dash import Input, Output, State, dcc, html
from dash.development.base_component import Component

from app_dash.frame.shell import Ids
from app_dash.shared.url_state import Query
from solar.errors import InvalidInputError

Q = TypeVar("Q", bound=Query)

# The two ends of a range are checked against each other.
_TOGETHER = {"start", "end"}


def field_id(page: str, name: str) -> str:
    """Name the input of one field of a page."""
    return f"{page}-{name}"


def field_state(page: str, shown: Mapping[str, str], message: str) -> Component:
    """Store what the fields show, and hold the place of the message beside them."""
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
    """Put what is typed into the address; an invalid value changes only the message."""

    @app.callback(
        Output(field_id(page, "message"), "children"),
        *(Input(field_id(page, name), "value") for name in names),
        State(field_id(page, "shown"), "data"),
        State(Ids.URL, "search"),
        prevent_initial_call=True,
    )
    def apply(*states: Any) -> str:
        *values, shown, search = states
        typed = {n: str(v or "").strip() for n, v in zip(names, values, strict=True)}
        # A field that has just been drawn calls too, without a change.
        if typed == shown:
            return ""
        try:
            changed = accept(query_type, search, typed=typed, shown=shown)
        except InvalidInputError as error:
            return str(error)
        # Dash drops an output when fields drawn meanwhile call before it arrives.
        dash.set_props(Ids.URL, {"search": changed})
        return ""


def accept(
    query_type: type[Query],
    search: str | None,
    *,
    typed: Mapping[str, str],
    shown: Mapping[str, str],
) -> str:
    """Return the address with the fields that differ from what was shown.

    Raises
    ------
    InvalidInputError
        When a value is invalid, with what to write instead.
    """
    changed = {name for name, text in typed.items() if text != shown.get(name)}
    if changed & _TOGETHER:
        changed |= _TOGETHER
    fields = {name: typed[name] for name in changed}
    return parse_leniently(query_type, search)[0].changed(**fields).search()


def parse_leniently(query_type: type[Q], search: str | None) -> tuple[Q, str]:
    """Read the address; an invalid one gives the page's defaults and the error's text."""
    try:
        return query_type.parse(search), ""
    except InvalidInputError as error:
        return query_type(), str(error)
