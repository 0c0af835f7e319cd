"""The history of alerts as a table, and how often they were right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.components.alert_marks import (
    acknowledge_button,
    acknowledged_text,
    grade,
    outcome_mark,
)
from app_dash.components.panels import event_badge
from app_dash.numbers import ABSENT, count, date_moment, duration, probability
from app_dash.region.query import PATH as REGION_PATH
from database.alerts.alerts import (
    CONFIRMED,
    FALSE_ALARM,
    MISSED,
    OPEN,
    OUTCOMES,
    UNKNOWN,
    Alert,
)
from solar.flares import EVENTS

_HEADINGS = (
    ("Alert", ""), ("Region", ""), ("Opened, UTC", ""), ("Peak P", "number"),
    ("Lasted", "wide"), ("State", ""), ("Acknowledged", "wide"), ("Outcome", ""),
)  # fmt: skip
# The bar of the longest ones is full.
_FULL_BAR = timedelta(days=5)

Counts = Mapping[tuple[str, str | None], int]


def alert_table(alerts: Sequence[Alert], names: Mapping[int, str]) -> Component:
    """List alerts, one row each; the first open one carries the key of the page."""
    head = html.Tr([html.Th(text, scope="col", className=kind) for text, kind in _HEADINGS])
    first = next((alert.alert_id for alert in alerts if alert.state == OPEN), None)
    rows = [_row(a, names.get(a.region_id, ""), is_first=a.alert_id == first) for a in alerts]
    return html.Table([html.Thead(head), html.Tbody(rows)], className="data alerts")


def _row(alert: Alert, name: str, *, is_first: bool) -> Component:
    link = dcc.Link(name, href=f"{REGION_PATH}/{alert.region_id}", className="link")
    cells = (
        (grade(alert), ""),
        (link, "region-name"),
        (date_moment(alert.opened_at), "when"),
        (probability(alert.peak_probability), "number"),
        (_length(alert), "wide"),
        (_state(alert, name, is_first=is_first), ""),
        (_acknowledged(alert), "wide"),
        (outcome_mark(alert), ""),
    )
    kind = "over" if alert.state == OPEN else ""
    return html.Tr([html.Td(cell, className=of) for cell, of in cells], className=kind)


def _length(alert: Alert) -> Any:
    if alert.outcome == MISSED:
        return ABSENT
    lasted = (alert.closed_at or alert.last_over_at) - alert.opened_at
    share = min(lasted / _FULL_BAR, 1.0)
    bar = html.Span(html.I(style={"width": f"{100 * share:.0f}%"}), className="length-bar")
    return [bar, f" {duration(lasted)}"]


def _state(alert: Alert, name: str, *, is_first: bool) -> Any:
    if alert.state == OPEN:
        return [html.B("Open"), acknowledge_button(alert, name, is_first=is_first)]
    if alert.outcome == MISSED:
        return html.Span("No alert", className="quiet")
    return alert.state.capitalize()


def _acknowledged(alert: Alert) -> Any:
    if alert.acknowledged_at is None:
        return html.Span(ABSENT, className="quiet")
    comment = [html.Div(alert.comment, className="comment")] if alert.comment else []
    return [acknowledged_text(alert), *comment]


def outcome_table(counts: Counts) -> Component:
    """Count outcomes by event with the share of flares announced and of alerts in vain."""
    titles = ("Event", "Raised", *(name.capitalize() for name in OUTCOMES), "Not judged",
              "POD", "FAR")  # fmt: skip
    head = html.Tr([html.Th(t, scope="col", className="number" if i else "")
                    for i, t in enumerate(titles)])  # fmt: skip
    rows = [_counted(event.name, counts) for event in EVENTS if _has_any(event.name, counts)]
    return html.Table([html.Thead(head), html.Tbody(rows)], className="data summary outcomes")


def _has_any(event: str, counts: Counts) -> bool:
    return any(name == event for name, _ in counts)


def _counted(event: str, counts: Counts) -> Component:
    n = {outcome: counts.get((event, outcome), 0) for outcome in (*OUTCOMES, None)}
    raised = sum(n.values()) - n[MISSED]
    pod = share(n[CONFIRMED], n[CONFIRMED] + n[MISSED])
    far = share(n[FALSE_ALARM], n[CONFIRMED] + n[FALSE_ALARM])
    numbers = (raised, n[CONFIRMED], n[FALSE_ALARM], n[MISSED], n[UNKNOWN], n[None])
    badge = event_badge(next(one for one in EVENTS if one.name == event))
    cells = [*(count(number) for number in numbers), pod, far]
    return html.Tr([html.Td(badge), *(html.Td(cell, className="number") for cell in cells)])


def share(part: int, whole: int) -> str:
    """Write a ratio of counts with two decimals; of nothing it is undefined."""
    return f"{part / whole:.2f}" if whole else ABSENT
