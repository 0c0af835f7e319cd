"""Typed fields: what is typed goes into the address, or an error goes beside the fields.

The fields are drawn anew with their page, often while somebody types in them. So
``assets/typing.js`` hands a text over to a store that stands outside the page.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import dash
from dash import Input, Output, State, html, no_update
from dash.development.base_component import Component
from pydantic import BaseModel

from app_dash.frame.page import Page, page_of
from app_dash.frame.shell import Ids
from app_dash.guard import callback
from app_dash.shared.url_state import Query
from database.people.principal import READ
from solar.errors import InvalidInputError

Q = TypeVar("Q", bound=Query)

MESSAGE = "field-message"
# The two ends of a range are checked against each other.
_TOGETHER = {"start", "end"}


class TypedTexts(BaseModel):
    """What ``assets/typing.js`` hands over: texts by the name of their field, typed and shown."""

    typed: dict[str, str]
    shown: dict[str, str]


def field_id(page: str, name: str) -> str:
    """Name the input of one field of a page."""
    return f"{page}-{name}"


def field_state(shown: Mapping[str, str], message: str) -> Component:
    """Keep what the fields show, and hold the place of the message beside them."""
    data: dict[str, Any] = {"data-shown": json.dumps(dict(shown))}
    return html.Div(
        [
            html.P(message, className="field-message", role="alert"),
            html.P(id=MESSAGE, className="field-message", role="alert"),
        ],
        className="field-state",
        **data,
    )


def register(app: dash.Dash, pages: Sequence[Page]) -> None:
    """Put what is typed into the address; an invalid value changes only the message."""

    @callback(
        app,
        READ,
        Output(Ids.URL, "search", allow_duplicate=True),
        Output(Ids.ACCEPTED, "data"),
        Input(Ids.TYPED, "data"),
        State(Ids.URL, "pathname"),
        State(Ids.URL, "search"),
        prevent_initial_call=True,
    )
    def apply(entry: TypedTexts, pathname: str | None, search: str | None) -> Any:
        page = page_of(pages, pathname or "/")
        if page is None or page.query is None:
            return no_update, no_update
        try:
            changed = accept(page.query, search, typed=entry.typed, shown=entry.shown)
        except InvalidInputError as error:
            dash.set_props(MESSAGE, {"children": str(error)})
            return no_update, no_update
        dash.set_props(MESSAGE, {"children": ""})
        return changed, entry.typed


def accept(
    query_type: type[Query],
    search: str | None,
    *,
    typed: Mapping[str, str],
    shown: Mapping[str, str],
) -> str:
    """Return the address with the fields that differ from what was shown.

    One end of a range brings the other: that of the address, or else the one that was shown.

    Raises
    ------
    InvalidInputError
        When a value is invalid, with what to write instead.
    """
    query = parse_leniently(query_type, search)[0]
    fields = {name: text.strip() for name, text in typed.items()}
    changed = {name: text for name, text in fields.items() if text != shown.get(name)}
    for end in _TOGETHER if changed.keys() & _TOGETHER else ():
        changed.setdefault(end, getattr(query, end) or shown.get(end, ""))
    return query.changed(**changed).search()


def parse_leniently(query_type: type[Q], search: str | None) -> tuple[Q, str]:
    """Read the address; an invalid one gives the page's defaults and the error's text."""
    try:
        return query_type.parse(search), ""
    except InvalidInputError as error:
        return query_type(), str(error)
