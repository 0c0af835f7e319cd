"""The marks of an alert: its grade, its state, what came of it, and the button to take note."""

from __future__ import annotations

from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.components.aria import labelled
from app_dash.components.panels import event_badge
from app_dash.numbers import moment
from database.alerts.alerts import (
    CLOSED,
    CONFIRMED,
    FALSE_ALARM,
    MISSED,
    OPEN,
    UNKNOWN,
    Alert,
)
from solar.flares import event as find_event

BUTTON, ANSWER = "acknowledge", "acknowledge-answer"
NAME, COMMENT = "alert-name", "alert-comment"
LONGEST_NAME, LONGEST_COMMENT = 64, 1000

_SHAPES = {CONFIRMED: "hit", FALSE_ALARM: "false-alarm", MISSED: "miss", UNKNOWN: "unknown"}


def grade(alert: Alert) -> Component:
    """Show the step of the blackout scale beside the event."""
    badge = html.Span(alert.severity, className=f"severity {alert.severity.lower()}")
    return html.Span([badge, event_badge(find_event(alert.event))], className="grade")


def outcome_mark(alert: Alert) -> Component:
    """Say what came of an alert, as word, shape and colour; the class with its letter."""
    if alert.outcome is None:
        pending = "not judged yet" if alert.state == CLOSED else "no such flare yet"
        return html.Span(pending, className="quiet")
    said: list[Any] = [alert.outcome.capitalize()]
    if alert.outcome_class and alert.outcome_at:
        letter = alert.outcome_class[0].lower()
        said += [" ", html.B(alert.outcome_class, className=f"{letter}-text")]
        said += [f" {moment(alert.outcome_at)}"] if alert.outcome == CONFIRMED else []
    return html.Span([html.I(), html.Span(said)], className=f"legend {_SHAPES[alert.outcome]}")


def acknowledge_button(alert: Alert, name: str, *, is_first: bool = False) -> Component:
    """Offer to take note of an open alert; the first one on the page has a key."""
    if alert.state != OPEN:
        return html.Span()
    key: dict[str, Any] = {"data-key": "a"} if is_first else {}
    button = html.Button(
        "Acknowledge",
        id={"type": BUTTON, "alert": alert.alert_id},
        className="button primary",
        title="Key A" if is_first else "",
        **labelled(f"Acknowledge {alert.event}+ of {name}"),
        **key,
    )
    answer = html.Span(
        id={"type": ANSWER, "alert": alert.alert_id}, className="answer", role="status"
    )
    return html.Span([button, answer], className="acknowledging")


def note_fields() -> Component:
    """Ask who takes note, remembered by the browser, and what there is to say."""
    name = dcc.Input(
        id=NAME, type="text", className="field alert-field", placeholder="Your name",
        maxLength=LONGEST_NAME,
        persistence=True, persistence_type="local", debounce=False, autoComplete="name",
    )  # fmt: skip
    comment = dcc.Input(
        id=COMMENT, type="text", className="field grow", placeholder="Comment, if any",
        maxLength=LONGEST_COMMENT, debounce=False, autoComplete="off",
    )  # fmt: skip
    return html.Div(
        [
            html.Label([html.Span("Acknowledge as"), name], className="labelled"),
            html.Label([html.Span("Comment"), comment], className="labelled grow"),
        ],
        className="note-fields",
    )


def acknowledged_text(alert: Alert) -> str:
    """Say who has taken note of an alert and when, on the clock."""
    if alert.acknowledged_at is None:
        return ""
    return f"{alert.acknowledged_by}, {moment(alert.acknowledged_at)}"
