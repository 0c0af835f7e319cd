"""The table of agencies under a number of the full disk: their forecasts of three days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from dash import html
from dash.development.base_component import Component

from app_dash.now.definitions import DEFINITIONS
from app_dash.shared.numbers import duration, moment, probability
from app_dash.shared.panels import aria_label, explanation
from database.agencies.outlook import Outlook
from solar.flares import Event
from solar.windows import DAYS_AHEAD


def agency_table(
    event: Event, outlooks: Sequence[Outlook], *, sun_now: datetime
) -> list[Component]:
    """Show the agencies that forecast an event; nothing where none does."""
    rows = [
        _row(event, outlook, sun_now)
        for outlook in outlooks
        if any(outlook.of(event, window) is not None for window in DAYS_AHEAD)
    ]
    if not rows:
        return []
    days = [f"d{number}" for number in range(1, len(DAYS_AHEAD) + 1)]
    head = [
        html.Th(["Agencies ", explanation(DEFINITIONS["agencies"])], scope="col"),
        *(html.Th(day, scope="col", className="number") for day in days),
        html.Th("Issued", scope="col", className="number"),
    ]
    return [
        html.Table(
            [html.Thead(html.Tr(head)), html.Tbody(rows)],
            className="data agencies",
            **aria_label(f"Forecasts of agencies, {event.label}"),
        )
    ]


def _row(event: Event, outlook: Outlook, sun_now: datetime) -> Component:
    chances = [probability(outlook.of(event, window)) for window in DAYS_AHEAD]
    age = f"{duration(sun_now - outlook.issued_at)} ago"
    return html.Tr(
        [
            html.Th(outlook.model_id, scope="row"),
            *(html.Td(text, className="number") for text in chances),
            html.Td(age, className="number", title=f"issued {moment(outlook.issued_at)}"),
        ]
    )
