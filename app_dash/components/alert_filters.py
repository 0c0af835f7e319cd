"""The filters of the Alerts page: range, state, event and region, each in the address."""

from __future__ import annotations

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.alerts.query import PATH, AlertQuery
from app_dash.components.panels import segmented
from app_dash.components.range_picker import presets
from app_dash.components.typed_fields import field_id, field_state
from database.alerts.alerts import STATES
from solar.flares import EVENTS

PAGE = "alerts"
FIELDS = ("region",)


def filters(query: AlertQuery, *, message: str) -> Component:
    """Show the state of every filter; each is a link or a typed field."""
    first = query.changed(after="")
    row = [
        presets(first, PATH),
        segmented("State", [
            ("Any state", PATH + first.changed(state="").search(), not query.state),
            *((name.capitalize(), PATH + first.changed(state=name).search(), query.state == name)
              for name in STATES),
        ]),
        segmented("Event", [
            ("Any event", PATH + first.changed(event="").search(), not query.event),
            *((one.label, PATH + first.changed(event=one.name).search(), query.event == one.name)
              for one in EVENTS),
        ]),
        _region(query.region),
    ]  # fmt: skip
    return html.Div(
        [html.Div(row, className="filters"),
         field_state(PAGE, {"region": query.region}, message)],
        className="filter-bar",
    )  # fmt: skip


def _region(text: str) -> Component:
    field = dcc.Input(
        id=field_id(PAGE, "region"), value=text, type="text", debounce=True, autoComplete="off",
        placeholder="all; HARP or NOAA", className="field alert-field",
    )  # fmt: skip
    return html.Label([html.Span("Region"), field], className="labelled")
