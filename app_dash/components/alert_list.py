"""The list of alerts beside the regions: those that wait for somebody, then the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.components.alert_marks import (
    acknowledge_button,
    acknowledged_text,
    grade,
    note_fields,
    outcome_mark,
)
from app_dash.components.panels import empty_message
from app_dash.numbers import duration, moment, probability, region_name
from app_dash.region.query import PATH as REGION_PATH
from app_dash.view import View
from database.alerts.alerts import CLOSED, MISSED, OPEN, Alert

_MOST_OTHERS = 6


def alert_list(
    alerts: Sequence[Alert], view: View, names: Mapping[int, str] | None = None
) -> Component:
    """List alerts, the newest first, the open ones on top.

    `names` are those of the regions; without them the regions on the disk are known.
    """
    known = _on_disk(view) | dict(names or {})
    waiting = [alert for alert in alerts if alert.state == OPEN]
    missed = [alert for alert in alerts if alert.outcome == MISSED]
    others = [alert for alert in alerts if alert.state != OPEN and alert.outcome != MISSED]
    if not alerts:
        link = dcc.Link("Look at the rules’ history", href="/alerts?range=all", className="button")
        return empty_message("No alert in this time.", link)
    parts: list[Any] = [
        _waiting(alert, _name(alert, known), view, is_first=place == 0)
        for place, alert in enumerate(waiting)
    ] or [html.P("No open alert.", className="alert-item quiet")]
    if waiting:
        parts.append(html.Details([html.Summary("Name and comment"), note_fields()],
                                  className="alert-item naming"))  # fmt: skip
    if others:
        parts.append(html.H3("Acknowledged and closed", className="alert-divider"))
    parts += [_other(alert, _name(alert, known)) for alert in others[:_MOST_OTHERS]]
    if missed:
        parts.append(_last_miss(missed[0], _name(missed[0], known)))
    return html.Div(parts, className="alert-list")


def _on_disk(view: View) -> dict[int, str]:
    return {r.region_id: region_name(r.region_id, r.noaa_ars) for r in view.state.regions}


def _name(alert: Alert, known: Mapping[int, str]) -> str:
    name = known.get(alert.region_id) or region_name(alert.region_id, ())
    return name if name.startswith("HARP") else f"AR {name}"


def _waiting(alert: Alert, name: str, view: View, *, is_first: bool) -> Component:
    link = dcc.Link("Open region", href=f"{REGION_PATH}/{alert.region_id}", className="button")
    return html.Div(
        [
            _head(alert, name),
            html.P(_course(alert)),
            html.P(_so_far(alert, view)),
            html.Div([acknowledge_button(alert, name, is_first=is_first), link],
                     className="alert-actions"),
        ],
        className="alert-item open",
    )  # fmt: skip


def _other(alert: Alert, name: str) -> Component:
    said: list[Component] = [html.Span(_end(alert)), outcome_mark(alert)]
    end = html.Div(said, className="alert-end")
    return html.Div([_head(alert, name), end], className="alert-item", title=alert.comment or "")


def _head(alert: Alert, name: str) -> Component:
    when = html.Time(moment(alert.opened_at), className="secondary")
    return html.Div([grade(alert), html.B(name), when], className="alert-head")


def _course(alert: Alert) -> str:
    first, peak, last = (
        probability(p)
        for p in (alert.opened_probability, alert.peak_probability, alert.last_probability)
    )
    return f"Crossed {probability(alert.threshold)} at {first}, peak {peak}, now {last}."


def _so_far(alert: Alert, view: View) -> list[Component | str]:
    newest = view.state.newest_t_rec
    open_for = "" if newest is None else f"Open {duration(newest - alert.opened_at)}. "
    return [open_for, outcome_mark(alert)]


def _end(alert: Alert) -> str:
    noted = acknowledged_text(alert)
    said = f"acknowledged by {noted}" if noted else "not acknowledged"
    if alert.state != CLOSED or alert.closed_at is None:
        return f"Open, peak {probability(alert.peak_probability)}, {said}."
    peak = probability(alert.peak_probability)
    return f"Closed {moment(alert.closed_at)}, peak {peak}, {said}."


def _last_miss(alert: Alert, name: str) -> Component:
    letter = (alert.outcome_class or "C")[0].lower()
    said: list[Component | str] = [
        "Last miss: ", html.B(alert.outcome_class or "", className=f"{letter}-text"),
        f" {name} {moment(alert.opened_at)}, at {probability(alert.last_probability)}",
    ]  # fmt: skip
    return html.P(said, className="last-miss")
