"""A menu of links behind one button, for choices too many or too long to stand in a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component


def menu(name: str, chosen: str, choices: Sequence[tuple[str, str, bool]]) -> Component:
    """Offer (label, address, is active); the button shows what is chosen now."""
    links = [
        dcc.Link(label, href=href, className="active" if active else "")
        for label, href, active in choices
    ]
    button = html.Summary([html.Span(f"{name} "), html.B(chosen)], className="button")
    named: dict[str, Any] = {"aria-label": name}
    return html.Details([button, html.Nav(links, **named)], className="menu")
