"""Now: the full disk, the regions by risk, the flares of three days and the coming window."""

from __future__ import annotations

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.components.alert_list import alert_list
from app_dash.components.cards import disk_card
from app_dash.components.disk_panel import disk_panel
from app_dash.components.flare_panel import flare_panel
from app_dash.components.panels import empty_message, panel
from app_dash.components.region_table import region_panel
from app_dash.now.data import NowData, read_now
from app_dash.now.disk_forecast import disk_forecast
from app_dash.now.query import NowQuery
from app_dash.now.standing import MAIN
from app_dash.view import View
from database.alerts.alerts import OPEN
from solar.flares import EVENTS

CARDS = (EVENTS[0], EVENTS[1], EVENTS[3])


def layout(view: View, _pathname: str, search: str) -> Component:
    """Draw the page."""
    order = NowQuery.parse(search).sort
    if view.state.newest_t_rec is None:
        return empty_message(
            "No SHARP record is stored yet. Start a sender: flarewatch send simulate"
        )
    data = read_now(view, view.state.newest_t_rec)
    forecasts = {event: disk_forecast(event, data.found, view.state) for event in EVENTS}
    return html.Div(
        [
            *(disk_card(event, forecasts[event], data.series, view.tokens) for event in CARDS),
            _alert_panel(data, view),
            disk_panel(data.found, data.at, view.tokens),
            region_panel(data, view, order),
            flare_panel(data, forecasts[MAIN], view.tokens),
        ],
        className="grid now",
    )


def _alert_panel(data: NowData, view: View) -> Component:
    n_open = sum(alert.state == OPEN for alert in data.alerts)
    return panel(
        "Alerts",
        html.Div(alert_list(data.alerts, view, data.names), className="alert-scroll"),
        subtitle=f"{n_open} open",
        actions=dcc.Link("All alerts", href="/alerts", className="link"),
        class_name="flush span-3 alert-panel",
        how="alerts-now",
    )
