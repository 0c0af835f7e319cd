"""The panels of the Alerts page: its filters, the history as a table, the outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.alerts.query import AlertHistory, AlertQuery
from app_dash.frame.page import PageContext
from app_dash.frame.typed_fields import field_id, field_state
from app_dash.shared.alerts import (
    acknowledge_button,
    acknowledged_text,
    alert_grade,
    is_in_place,
    outcome_mark,
    part,
)
from app_dash.shared.definitions import Definition
from app_dash.shared.numbers import ABSENT, count, date_moment, duration, probability
from app_dash.shared.panels import (
    event_badge,
    segmented,
)
from app_dash.shared.range_picker import presets
from app_dash.shared.url_state import ALERTS_PATH, REGIONS_PATH
from database.alerts.alerts import (
    ACKNOWLEDGED,
    CONFIRMED,
    FALSE_ALARM,
    MISSED,
    OPEN,
    OUTCOMES,
    STATES,
    UNKNOWN,
    Alert,
)
from solar.alerting import ALERTED
from solar.flares import EVENTS, Event
from solar.windows import DAY, ForecastWindow

PAGE = "alerts"

DEFINITIONS: dict[str, Definition] = {
    "alert": Definition(
        "Alert",
        "Raised only by the live model. An alert opens once the probability of an event has been at"
        " the threshold for 24 min, and closes 24 h after the last one above 0.6 of the threshold."
        " One of another window closes when that window has passed."
        " R0 to R3 is the radio blackout level that the event reaches.",
        "open: P ≥ on for 24 min; close: P < 0.6 on for 24 h; 6 h of rest, unless P ≥ 2 on",
        "The rules file FLARE_ALERT_RULES may change these values; NOAA Space Weather Scales",
    ),
    "alert-outcomes": Definition(
        "Outcomes of alerts",
        "Confirmed: a flare of the class peaked in the region between opening and close; an alert"
        " of day 2 begins to count a day after it opened, one of day 3 two days. False"
        " alarm: none did, and the flare list is complete. Missed: such a flare without an alert,"
        " though the region had a forecast. Unknown: the list has a gap, or a flare without its"
        " region.",
        "POD = confirmed/(confirmed + missed), FAR = false alarms/(confirmed + false alarms)",
        "Counted by alert, missed ones by flare: not the scores of the Skill page, whose cases"
        " are single forecasts",
    ),
}


def filters(query: AlertQuery, windows: Sequence[ForecastWindow], *, message: str) -> Component:
    """Show every filter with its state; each is a link or a typed field.

    Windows are offered where an alert of another one than the next 24 h is shown.
    """
    first = query.changed(after="")
    row = [
        presets(first, ALERTS_PATH),
        segmented(
            "State",
            [
                ("Any state", ALERTS_PATH + first.changed(state="").search(), not query.state),
                *(
                    (
                        name.capitalize(),
                        ALERTS_PATH + first.changed(state=name).search(),
                        query.state == name,
                    )
                    for name in STATES
                ),
            ],
        ),
        segmented(
            "Event",
            [
                ("Any event", ALERTS_PATH + first.changed(event="").search(), not query.event),
                *(
                    (
                        one.label,
                        ALERTS_PATH + first.changed(event=one.name).search(),
                        query.event == one.name,
                    )
                    for one in EVENTS
                ),
            ],
        ),
        *([_window(first, windows)] if set(windows) - {DAY} else []),
        _region(query.region),
    ]
    return html.Div(
        [html.Div(row, className="filters"), field_state({"region": query.region}, message)],
        className="filter-bar",
    )


def _window(query: AlertQuery, windows: Sequence[ForecastWindow]) -> Component:
    choices = [("Any window", ""), *((window.words, window.name) for window in windows)]
    links = [
        (words, ALERTS_PATH + query.changed(window=name).search(), query.window == name)
        for words, name in choices
    ]
    return segmented("Window", links)


def _region(text: str) -> Component:
    field = dcc.Input(
        id=field_id(PAGE, "region"),
        value=text,
        type="text",
        debounce=True,
        autoComplete="off",
        placeholder="all; HARP or NOAA",
        className="field alert-field",
    )
    return html.Label([html.Span("Region"), field], className="labelled")


_HEADINGS = (
    ("Alert", ""),
    ("Region", ""),
    ("Opened, UTC", ""),
    ("Peak P", "number"),
    ("Lasted", "wide"),
    ("State", ""),
    ("Acknowledged", "wide"),
    ("Outcome", ""),
)
# The duration of a full bar.
_FULL_BAR = timedelta(days=5)

Counts = Mapping[tuple[str, str | None], int]


def alert_table(history: AlertHistory, context: PageContext) -> Component:
    """List alerts, one row each; the first open one has the keyboard key."""
    alerts, names = history.rows, history.names
    head = html.Tr([html.Th(text, scope="col", className=kind) for text, kind in _HEADINGS])
    first = next((alert.alert_id for alert in alerts if alert.state == OPEN), None)
    rows = [
        _row(alert, names.get(alert.region_id, ""), context, is_first=alert.alert_id == first)
        for alert in alerts
    ]
    body = html.Tbody(rows, className="parts")
    return html.Table([html.Thead(head), body], className="data alerts parts")


def _row(alert: Alert, name: str, context: PageContext, *, is_first: bool) -> Component:
    link = dcc.Link(name, href=f"{REGIONS_PATH}/{alert.region_id}", className="link")
    cells = (
        (alert_grade(alert), ""),
        (link, "region-name"),
        (date_moment(alert.opened_at), "when"),
        (probability(alert.peak_probability), "number"),
        (_length(alert), "wide"),
        (_state(alert, name, context, is_first=is_first), "alert-state"),
        (_acknowledged(alert), "wide"),
        (outcome_mark(alert), ""),
    )
    kinds = ["over"] if alert.state == OPEN else []
    if is_in_place(alert, context.now):
        # What is said beside its button outlives a change of the other cells.
        kinds.append("parts")
    drawn = [html.Td(cell, className=of) for cell, of in cells]
    return html.Tr(drawn, className=" ".join(kinds), **part(alert))


def _length(alert: Alert) -> Any:
    if alert.outcome == MISSED:
        return ABSENT
    lasted = (alert.closed_at or alert.last_over_at) - alert.opened_at
    share = min(lasted / _FULL_BAR, 1.0)
    bar = html.Span(html.I(style={"width": f"{100 * share:.0f}%"}), className="length-bar")
    return [bar, f" {duration(lasted)}"]


def _state(alert: Alert, name: str, context: PageContext, *, is_first: bool) -> Any:
    if is_in_place(alert, context.now):
        button = acknowledge_button(alert, name, who=context.who, is_first=is_first)
        is_said = alert.state == ACKNOWLEDGED
        return button if is_said else [html.B(alert.state.capitalize()), " ", button]
    if alert.outcome == MISSED:
        return html.Span("No alert", className="quiet")
    return alert.state.capitalize()


def _acknowledged(alert: Alert) -> Any:
    if alert.acknowledged_at is None:
        return html.Span(ABSENT, className="quiet")
    comment = [html.Div(alert.comment, className="comment")] if alert.comment else []
    return [acknowledged_text(alert), *comment]


def outcome_table(counts: Counts) -> Component:
    """Count outcomes by event, with POD and FAR."""
    titles = (
        "Event",
        "Raised",
        *(name.capitalize() for name in OUTCOMES),
        "Not judged",
        "POD",
        "FAR",
    )
    head = html.Tr(
        [html.Th(t, scope="col", className="number" if i else "") for i, t in enumerate(titles)]
    )
    rows = [_outcome_row(event, counts) for event in ALERTED if _has_any(event.name, counts)]
    return html.Table([html.Thead(head), html.Tbody(rows)], className="data summary outcomes")


def _has_any(event: str, counts: Counts) -> bool:
    return any(name == event for name, _ in counts)


def _outcome_row(event: Event, counts: Counts) -> Component:
    n = {outcome: counts.get((event.name, outcome), 0) for outcome in (*OUTCOMES, None)}
    raised = sum(n.values()) - n[MISSED]
    pod = share(n[CONFIRMED], n[CONFIRMED] + n[MISSED])
    far = share(n[FALSE_ALARM], n[CONFIRMED] + n[FALSE_ALARM])
    numbers = (raised, n[CONFIRMED], n[FALSE_ALARM], n[MISSED], n[UNKNOWN], n[None])
    cells = [*(count(number) for number in numbers), pod, far]
    return html.Tr(
        [html.Td(event_badge(event)), *(html.Td(cell, className="number") for cell in cells)]
    )


def share(part: int, whole: int) -> str:
    """Write a ratio of counts with two decimals; without a whole it is a dash."""
    return f"{part / whole:.2f}" if whole else ABSENT
