"""The Alerts page: what was raised, who has taken note, and what came of it."""

from __future__ import annotations

import dash
import sqlalchemy as sa
from dash import MATCH, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component

from app_dash import api_client, routing
from app_dash.alerts.query import (
    MOST_SPANS,
    PAGE_ROWS,
    PATH,
    AlertHistory,
    AlertQuery,
    read_history,
)
from app_dash.components.alert_filters import FIELDS, PAGE, filters
from app_dash.components.alert_marks import ANSWER, BUTTON, COMMENT, NAME, note_fields
from app_dash.components.alert_table import alert_table, outcome_table
from app_dash.components.aria import labelled
from app_dash.components.panels import empty_message, graph, legend, panel
from app_dash.components.typed_fields import parse_leniently, register_fields
from app_dash.figures.alert_spans import Span, Tick, alert_figure, height
from app_dash.numbers import count, date_moment, duration, probability
from app_dash.settings import DashSettings
from app_dash.shell import Ids
from app_dash.view import View
from database.alerts.alerts import MISSED, OPEN, Alert
from solar.errors import FlarewatchError

_KEYS = (("hit", "confirmed"), ("false-alarm", "false alarm"), ("miss", "missed"),
         ("unknown", "unknown"), ("pending", "not judged yet"))  # fmt: skip


def layout(view: View, _pathname: str, search: str) -> Component:
    """Show what the address asks for; an unreadable one shows the defaults and says why."""
    query, message = parse_leniently(AlertQuery, search)
    bar = filters(query, message=message)
    found = read_history(view, query)
    if found is None or not (found.rows or found.spans):
        return html.Div([bar, panel("Alerts", _nothing(found, query))], className="stack")
    return html.Div([bar, *_history(view, query, found)], className="stack")


def register(app: dash.Dash, _engine: sa.Engine, *, settings: DashSettings) -> None:
    """Connect the typed region, and the buttons that take note on whichever page they stand."""
    register_fields(app, PAGE, query_type=AlertQuery, names=FIELDS)

    @app.callback(
        Output({"type": ANSWER, "alert": MATCH}, "children"),
        Input({"type": BUTTON, "alert": MATCH}, "n_clicks"),
        State(NAME, "value"),
        State(COMMENT, "value"),
        prevent_initial_call=True,
    )
    def take_note(clicks: int | None, name: str | None, comment: str | None) -> object:
        # A button that has just been drawn calls too.
        if not clicks or not isinstance(ctx.triggered_id, dict):
            return no_update
        return noted(settings, _engine, ctx.triggered_id["alert"], name, comment=comment)


def noted(
    settings: DashSettings, engine: sa.Engine, alert_id: str, name: str | None,
    *, comment: str | None,
) -> str:  # fmt: skip
    """Acknowledge through the API and have the page drawn anew; what fails is said in words."""
    by = (name or "").strip()
    if not by:
        return "Write your name under “Acknowledge as” first."
    try:
        api_client.acknowledge(settings, alert_id, by=by, comment=(comment or "").strip())
    except FlarewatchError as error:
        return f"Not acknowledged: {error}"
    dash.set_props(COMMENT, {"value": ""})
    dash.set_props(Ids.VERSION, {"data": routing.version(engine)})
    return "Acknowledged."


def _history(view: View, query: AlertQuery, found: AlertHistory) -> list[Component]:
    waiting = sum(alert.state == OPEN for alert in found.rows)
    table = panel(
        "History",
        *([note_fields()] if waiting else []),
        html.Div(alert_table(found.rows, found.names), className="scrolled"),
        _paging(query, found),
        subtitle=f"{count(len(found.rows))} on this page, {count(waiting)} open",
        class_name="flush",
        how="alert",
    )
    return [_timeline(view, query, found), _outcomes(found), table]


def _timeline(view: View, query: AlertQuery, found: AlertHistory) -> Component:
    spans = [_span(alert, found.names[alert.region_id]) for alert in found.spans]
    ticks = [Tick(f.peak_at, f.goes_class, str(f.noaa_ar or "")) for f in found.flares]
    missed = sum(span.outcome == MISSED for span in spans)
    text = (
        f"{count(len(spans) - missed)} alerts and {count(missed)} missed flares between"
        f" {date_moment(found.shown.start_at)} and {date_moment(found.shown.end_at)}"
    )
    limited = f", the newest {count(MOST_SPANS)}" if len(spans) == MOST_SPANS else ""
    return panel(
        "Timeline",
        html.Div(
            graph("alert-spans", alert_figure(spans, ticks, found.shown, view.tokens),
                  text=text, height=height(spans, found.shown)),
            className="alert-timeline", tabIndex=0, role="region", **labelled("Timeline of alerts"),
        ),
        subtitle=f"flares {query.event or 'M1.0'}+ above{limited}",
        actions=[legend(kind, word) for kind, word in _KEYS],
    )  # fmt: skip


def _span(alert: Alert, name: str) -> Span:
    end_at = alert.closed_at or alert.last_over_at
    lasted = "" if alert.outcome == MISSED else f", {duration(end_at - alert.opened_at)}"
    came = " ".join(filter(None, (alert.outcome or "not judged yet", alert.outcome_class)))
    text = (
        f"<b>{alert.event}+ {name}</b><br>{date_moment(alert.opened_at)} UTC{lasted}<br>"
        f"peak {probability(alert.peak_probability)}, {came}"
    )
    return Span(alert.event, alert.opened_at, end_at, alert.outcome, name, text)


def _outcomes(found: AlertHistory) -> Component:
    return panel("Outcomes", html.Div(outcome_table(found.counts), className="scrolled", tabIndex=0,
                                      role="region", **labelled("Outcomes")),
                 subtitle="alerts that opened in this range", class_name="flush",
                 how="alert-outcomes")  # fmt: skip


def _paging(query: AlertQuery, found: AlertHistory) -> Component:
    links = []
    if query.after:
        newest = PATH + query.changed(after="").search()
        links.append(dcc.Link("Newest", href=newest, className="button"))
    if found.following:
        older = PATH + query.changed(after=found.following).search()
        links.append(dcc.Link(f"Older {PAGE_ROWS}", href=older, className="button"))
    return html.Div(links, className="paging")


def _nothing(found: AlertHistory | None, query: AlertQuery) -> Component:
    if found is None:
        link = dcc.Link("See what stands now", href="/", className="button")
        return empty_message("No alert has been raised since the store began.", link)
    wider = AlertQuery(range="all")
    if query == wider:
        return empty_message("No alert.")
    link = dcc.Link("Show all alerts", href=PATH + wider.search(), className="button")
    return empty_message("No alert matches these filters.", link)
