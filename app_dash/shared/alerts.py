"""The parts of an alert on a page: its severity, its outcome, the button to acknowledge it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from dash import dcc, html
from dash.development.base_component import Component

from app_dash.shared.numbers import moment, region_name
from app_dash.shared.panels import aria_label, event_badge
from database.alerts.alerts import (
    CLOSED,
    CONFIRMED,
    FALSE_ALARM,
    MISSED,
    OPEN,
    UNKNOWN,
    Alert,
)
from database.notifications import noaa_ars_of
from database.people.principal import ACKNOWLEDGE, Principal
from solar.alerting import ALERTED
from solar.flares import Event
from solar.flares import event as find_event
from solar.windows import DAY, WINDOWS, ForecastWindow

BUTTON, ANSWER = "acknowledge", "acknowledge-answer"
COMMENT = "alert-comment"
LONGEST_COMMENT = 1000
# For so long, by the clock on the wall, an acknowledged alert stays where it was pressed.
KEPT_FOR = timedelta(minutes=1)

_SHAPES = {CONFIRMED: "hit", FALSE_ALARM: "false-alarm", MISSED: "miss", UNKNOWN: "unknown"}


def alert_grade(alert: Alert) -> Component:
    """Show the severity on the radio blackout scale beside the event."""
    badge = html.Span(alert.severity, className=f"severity {alert.severity.lower()}")
    return html.Span([badge, event_badge(find_event(alert.event))], className="grade")


def events_by_region(alerts: Iterable[Alert]) -> dict[int, tuple[Event, ...]]:
    """Return the events of alerts by region, the rarest first."""
    events: dict[int, set[str]] = defaultdict(set)
    for alert in alerts:
        events[alert.region_id].add(alert.event)
    return {
        region_id: tuple(event for event in reversed(ALERTED) if event.name in names)
        for region_id, names in events.items()
    }


def in_windows(events: Iterable[Event]) -> str:
    """Name events, each class once with its windows: ``M1.0+ · 6 h, 24 h; C1.0+ in 12 h``.

    Of a class in the next 24 h alone the window is not named.
    """
    windows: dict[str, set[ForecastWindow]] = defaultdict(set)
    for event in events:
        windows[event.goes_class].add(event.window)
    names = [_in_windows(goes_class, given) for goes_class, given in windows.items()]
    return ("; " if any(given != {DAY} for given in windows.values()) else " ").join(names)


def _in_windows(goes_class: str, given: Set[ForecastWindow]) -> str:
    if len(given) == 1:
        return find_event(goes_class).within(*given).label
    return f"{goes_class}+ · {', '.join(window.label for window in WINDOWS if window in given)}"


def outcome_mark(alert: Alert) -> Component:
    """Show the outcome of an alert as word, shape and colour, with the class of the flare."""
    if alert.outcome is None:
        pending = "not judged yet" if alert.state == CLOSED else "no such flare yet"
        return html.Span(pending, className="quiet")
    parts: list[Any] = [alert.outcome.capitalize()]
    if alert.outcome_class and alert.outcome_at:
        letter = alert.outcome_class[0].lower()
        parts += [" ", html.B(alert.outcome_class, className=f"{letter}-text")]
        parts += [f" {moment(alert.outcome_at)}"] if alert.outcome == CONFIRMED else []
    return html.Span([html.I(), html.Span(parts)], className=f"legend {_SHAPES[alert.outcome]}")


def is_in_place(alert: Alert, now: datetime) -> bool:
    """Tell whether an alert is open, or was acknowledged too recently to move."""
    at = alert.acknowledged_at
    return alert.state == OPEN or (at is not None and now - at < KEPT_FOR)


def part(alert: Alert) -> dict[str, Any]:
    """Name what is drawn of an alert, so that the browser knows it again after a redraw."""
    return {"data-part": alert.alert_id}


def acknowledge_button(
    alert: Alert, name: str, *, who: Principal, is_first: bool = False
) -> Component:
    """Offer to acknowledge an open alert, or say who has; the first one has a keyboard key."""
    if alert.acknowledged_at is not None:
        text = f"✓ Acknowledged by {acknowledged_text(alert)}"
        return html.Span(text, className="acknowledging done")
    if alert.state != OPEN:
        return html.Span("Closed, not acknowledged", className="quiet")
    if not who.may(ACKNOWLEDGE):
        return html.Span("Operators acknowledge", className="quiet")
    key: dict[str, Any] = {"data-key": "a"} if is_first else {}
    button = html.Button(
        "Acknowledge",
        id={"type": BUTTON, "alert": alert.alert_id},
        className="button primary",
        title="Key A" if is_first else "",
        **aria_label(f"Acknowledge {find_event(alert.event).label} of {name}"),
        **key,
    )
    response = html.Span(
        id={"type": ANSWER, "alert": alert.alert_id}, className="answer", role="status"
    )
    return html.Span([button, response], className="acknowledging")


def not_acknowledged(reason: str) -> list[Component]:
    """Say beside the button why an acknowledgement failed, and offer to try again."""
    again = html.Button("Retry", type="button", className="link again")
    return [html.Span(f"Not acknowledged: {reason}"), again]


def comment_field() -> Component:
    """Ask for a comment on what is acknowledged next."""
    comment = dcc.Input(
        id=COMMENT,
        type="text",
        className="field grow",
        placeholder="Comment, if any",
        maxLength=LONGEST_COMMENT,
        debounce=False,
        autoComplete="off",
    )
    label = html.Label([html.Span("Comment"), comment], className="labelled grow")
    return html.Div(label, className="note-fields")


def acknowledged_text(alert: Alert) -> str:
    """Say who acknowledged an alert and when; empty while nobody has."""
    if alert.acknowledged_at is None:
        return ""
    return f"{alert.acknowledged_by}, {moment(alert.acknowledged_at)}"


def region_names(connection: sa.Connection, alerts: Sequence[Alert]) -> dict[int, str]:
    """Return the names of the alerts' regions by region id."""
    region_ids = {alert.region_id for alert in alerts}
    noaa_ars = noaa_ars_of(connection, region_ids)
    return {r: region_name(r, tuple(noaa_ars.get(r, ()))) for r in region_ids}
