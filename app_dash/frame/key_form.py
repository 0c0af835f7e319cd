"""The form of a new key, on the pages of people and of one's account."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.frame import actions
from app_dash.frame.actions import Action
from app_dash.shared.panels import aria_label
from solar.errors import InvalidInputError
from solar.time import isoformat

EXPIRIES = {"30": "30 days", "90": "90 days", "365": "1 year", "none": "no end"}
NAME, SCOPES, EXPIRY = "key-name", "scopes", "expiry"


def key_rows(page: str, scopes: Mapping[str, str], *, chosen: str, hint: str) -> list[Component]:
    """Ask for a name, for what the key may do (the hints by scope), and until when."""
    expiry = dcc.RadioItems(
        id=actions.input_id(page, EXPIRY),
        options=[{"label": label, "value": days} for days, label in EXPIRIES.items()],
        value="365",
        className="choices inline",
    )
    return [
        actions.text_input(page, NAME, "Name", hint=hint, maxLength=64),
        choice_row("It may", checklist(page, SCOPES, scopes, chosen)),
        choice_row("Valid for", expiry),
        actions.button(page, "make-key", "Make the key", kind="button primary"),
    ]


def checklist(page: str, name: str, hints: Mapping[str, str], chosen: str) -> Component:
    """Offer boxes to tick, each with what it means."""
    return dcc.Checklist(
        id=actions.input_id(page, name),
        options=[
            {"label": html.Span([one, html.Span(f" {hint}", className="hint")]), "value": one}
            for one, hint in hints.items()
        ],
        value=[chosen],
        className="choices",
    )


def choice_row(label: str, entry: Component) -> Component:
    """Set a label before several choices."""
    return html.Div(
        [html.Span(label, className="form-label"), entry],
        className="form-row",
        role="group",
        **aria_label(label),
    )


def key_body(action: Action) -> dict[str, Any]:
    """Return the body of the request for a new key; raises InvalidInputError."""
    name, days, scopes = action.text(NAME), action.text(EXPIRY), action.choices(SCOPES)
    if not name:
        raise InvalidInputError("Write a name for the key.")
    if days not in EXPIRIES:
        raise InvalidInputError("Choose how long the key is valid.")
    if not scopes:
        raise InvalidInputError("Choose what the key may do.")
    expires_at = None
    if days.isdecimal():
        expires_at = isoformat(datetime.now(UTC) + timedelta(days=int(days)))
    return {"name": name, "scopes": scopes, "expires_at": expires_at}
