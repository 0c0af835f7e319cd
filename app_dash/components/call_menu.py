"""The menu that shows the API call for the records on the page, ready to be copied."""

from __future__ import annotations

from typing import Any

from dash import html
from dash.development.base_component import Component

from app_dash.explore.api_call import LIMIT, ApiCall
from app_dash.numbers import count


def call_menu(call: ApiCall) -> Component:
    """Show the command, a button that copies it, and what it cannot ask for."""
    return html.Details(
        [html.Summary("API call", className="button"), html.Div(_content(call))],
        className="menu call-menu",
    )


def _content(call: ApiCall) -> list[Component]:
    if not call.addresses:
        return [html.P("The store has none of the regions; there is nothing to ask for.")]
    copied: dict[str, Any] = {"data-copy": call.command}
    notes = [
        f"Up to {count(LIMIT)} forecasts in one answer; its next_cursor leads to the rest.",
        *_left_out(call),
    ]
    return [
        html.Code(call.command, tabIndex=0),
        html.Button("Copy", className="button primary", type="button", **copied),
        *(html.P(note, className="caption") for note in notes),
    ]


def _left_out(call: ApiCall) -> list[str]:
    if not call.left_out:
        return []
    return [f"The API has no parameter for: {', '.join(call.left_out)}. The files hold exactly"
            " what is filtered."]  # fmt: skip
