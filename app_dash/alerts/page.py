"""The Alerts page: what was raised, who acknowledged it, and what came of it."""

from __future__ import annotations

from typing import Any

import dash
import sqlalchemy as sa
from dash import MATCH, ClientsideFunction, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component

from app_dash import api_client
from app_dash.alerts.figures import AlertBar, FlareTick, alert_figure, height
from app_dash.alerts.panels import DEFINITIONS, alert_table, filters, outcome_table
from app_dash.alerts.query import MOST_SPANS, PAGE_ROWS, AlertHistory, AlertQuery, read_history
from app_dash.frame import routing
from app_dash.frame.page import PageContext
from app_dash.frame.shell import Ids
from app_dash.frame.typed_fields import parse_leniently
from app_dash.guard import callback
from app_dash.settings import DashSettings
from app_dash.shared.alerts import (
    ANSWER,
    BUTTON,
    COMMENT,
    comment_field,
    not_acknowledged,
)
from app_dash.shared.numbers import count, date_moment, duration, probability
from app_dash.shared.panels import (
    aria_label,
    empty_message,
    graph,
    legend,
    panel,
)
from app_dash.shared.url_state import ALERTS_PATH
from database.alerts.alerts import MISSED, OPEN, Alert
from database.people.principal import ACKNOWLEDGE
from solar.errors import FlarewatchError
from solar.flares import event as find_event

_OUTCOME_KEYS = (
    ("hit", "confirmed"),
    ("false-alarm", "false alarm"),
    ("miss", "missed"),
    ("unknown", "unknown"),
    ("pending", "not judged yet"),
)


def layout(context: PageContext, _pathname: str, search: str) -> Component:
    """Draw the alerts of the address; an invalid one gives the defaults and the error."""
    query, message = parse_leniently(AlertQuery, search)
    history = read_history(context, query)
    bar = filters(query, () if history is None else history.windows, message=message)
    if history is None or not (history.rows or history.bars):
        return html.Div([bar, panel("Alerts", _no_alerts(history, query))], className="stack")
    return html.Div([bar, *_panels(context, query, history)], className="stack")


def register(app: dash.Dash, engine: sa.Engine, *, settings: DashSettings) -> None:
    """Connect the typed region, and the acknowledge buttons of every page."""

    @callback(
        app,
        ACKNOWLEDGE,
        Output({"type": ANSWER, "alert": MATCH}, "children"),
        Input({"type": BUTTON, "alert": MATCH}, "n_clicks"),
        State(COMMENT, "value"),
        prevent_initial_call=True,
    )
    def acknowledge(clicks: int | None, comment: str | None) -> object:
        # A button that has just been drawn calls too.
        if not clicks or not isinstance(ctx.triggered_id, dict):
            return no_update
        alert_id = str(ctx.triggered_id["alert"])
        return acknowledge_alert(settings, engine, alert_id, comment=comment)

    _register_pending(app)


def _register_pending(app: Any) -> None:  # dash leaves clientside_callback untyped
    app.clientside_callback(
        ClientsideFunction("alerts", "pending"),
        Output({"type": ANSWER, "alert": MATCH}, "children", allow_duplicate=True),
        Input({"type": BUTTON, "alert": MATCH}, "n_clicks"),
        prevent_initial_call=True,
    )


def acknowledge_alert(
    settings: DashSettings,
    engine: sa.Engine,
    alert_id: str,
    *,
    comment: str | None,
) -> str | list[Component]:
    """Acknowledge through the API and redraw the page; return what to say beside the button."""
    try:
        api_client.acknowledge(settings, alert_id, comment=(comment or "").strip())
    except FlarewatchError as error:
        return not_acknowledged(str(error))
    dash.set_props(COMMENT, {"value": ""})
    dash.set_props(Ids.LIVE_MESSAGE, {"children": "Acknowledged."})
    dash.set_props(Ids.VERSION, {"data": routing.version(engine)})
    return "Acknowledged."


def _panels(context: PageContext, query: AlertQuery, history: AlertHistory) -> list[Component]:
    waiting = sum(alert.state == OPEN for alert in history.rows)
    asks = waiting > 0 and context.who.may(ACKNOWLEDGE)
    table = panel(
        "History",
        *([comment_field()] if asks else []),
        html.Div([alert_table(history, context)], className="scrolled parts"),
        _paging(query, history),
        subtitle=f"{count(len(history.rows))} on this page, {count(waiting)} open",
        class_name="flush parts",
        definition=DEFINITIONS["alert"],
    )
    return [_timeline(context, query, history), _outcomes(history), table]


def _timeline(context: PageContext, query: AlertQuery, history: AlertHistory) -> Component:
    bars = [_alert_bar(alert, history.names[alert.region_id]) for alert in history.bars]
    flares = [FlareTick(f.peak_at, f.goes_class, str(f.noaa_ar or "")) for f in history.flares]
    missed = sum(bar.outcome == MISSED for bar in bars)
    text = (
        f"{count(len(bars) - missed)} alerts and {count(missed)} missed flares between"
        f" {date_moment(history.shown.start_at)} and {date_moment(history.shown.end_at)}"
    )
    limited = f", the newest {count(MOST_SPANS)}" if len(bars) == MOST_SPANS else ""
    return panel(
        "Timeline",
        html.Div(
            graph(
                "alert-spans",
                alert_figure(bars, flares, history.shown, context.tokens),
                text=text,
                height=height(bars, history.shown),
            ),
            className="alert-timeline",
            tabIndex=0,
            role="region",
            **aria_label("Timeline of alerts"),
        ),
        subtitle=f"flares {query.event or 'M1.0'}+ above{limited}",
        actions=[legend(kind, label) for kind, label in _OUTCOME_KEYS],
    )


def _alert_bar(alert: Alert, name: str) -> AlertBar:
    end_at = alert.closed_at or alert.last_over_at
    lasted = "" if alert.outcome == MISSED else f", {duration(end_at - alert.opened_at)}"
    outcome = " ".join(filter(None, (alert.outcome or "not judged yet", alert.outcome_class)))
    label = find_event(alert.event).label
    text = (
        f"<b>{label} {name}</b><br>{date_moment(alert.opened_at)} UTC{lasted}<br>"
        f"peak {probability(alert.peak_probability)}, {outcome}"
    )
    return AlertBar(alert.event, alert.opened_at, end_at, alert.outcome, name, text)


def _outcomes(history: AlertHistory) -> Component:
    return panel(
        "Outcomes",
        html.Div(
            outcome_table(history.counts),
            className="scrolled",
            tabIndex=0,
            role="region",
            **aria_label("Outcomes"),
        ),
        subtitle="alerts that opened in this range",
        class_name="flush",
        definition=DEFINITIONS["alert-outcomes"],
    )


def _paging(query: AlertQuery, history: AlertHistory) -> Component:
    links = []
    if query.after:
        newest = ALERTS_PATH + query.changed(after="").search()
        links.append(dcc.Link("Newest", href=newest, className="button"))
    if history.following:
        older = ALERTS_PATH + query.changed(after=history.following).search()
        links.append(dcc.Link(f"Older {PAGE_ROWS}", href=older, className="button"))
    return html.Div(links, className="paging")


def _no_alerts(history: AlertHistory | None, query: AlertQuery) -> Component:
    if history is None:
        link = dcc.Link("See the current state", href="/", className="button")
        return empty_message("No alert has been raised since the store began.", link)
    wider = AlertQuery(range="all", at=query.at)
    if query == wider:
        return empty_message("No alert.")
    link = dcc.Link("Show all alerts", href=ALERTS_PATH + wider.search(), className="button")
    return empty_message("No alert matches these filters.", link)
