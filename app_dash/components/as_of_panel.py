"""The panel that sets the time as of which the page of a region stands."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from dash import dcc, html
from dash.development.base_component import Component

from app_dash.components.aria import labelled, unspoken
from app_dash.components.panels import panel, segmented
from app_dash.figures.gaps import cadence
from app_dash.numbers import moment
from app_dash.region.data import RegionData
from app_dash.region.query import RegionQuery, address
from database.flares.flares import Flare
from solar.time import isoformat, to_datetime, to_datetime64

SLIDER = "as-of"
# Long enough to drag on without the page answering at every step.
PAUSE_SECONDS = 0.3
_MINUTE = timedelta(minutes=1)


def minutes(at: datetime) -> int:
    """Return the whole minutes since 1970 at or behind a time, as the slider counts."""
    return math.ceil(at.timestamp() / 60)


def slid_to(value: str | float, query: RegionQuery, newest: float) -> RegionQuery:
    """Return the state that stands where the slider was put, in `minutes`; its right end is now.

    The browser writes the value of a slider as text. Drawn for a time between two minutes the
    slider stands at the later one, and has not been moved.
    """
    at = datetime.fromtimestamp(float(value) * 60, UTC)
    if query.as_of is not None and minutes(query.as_of) == float(value):
        return query
    return query.changed(at=None if float(value) >= newest else isoformat(at))


def as_of_panel(data: RegionData, query: RegionQuery) -> Component:
    """Offer the times of the passage, and which revision of its forecasts stands."""
    region = data.region
    return panel(
        "As of",
        html.Div([_ticks(data, query), _slider(data)], className="as-of"),
        html.Div([html.Span(moment(region.first_t_rec)), html.Span(moment(region.last_t_rec))],
                 className="as-of-ends"),
        html.Div([*_steps(data, query), _latest(data, query)], className="as-of-steps"),
        html.P(f"Ticks: {query.definition.label} flares of the passage", className="footnote"),
        subtitle=moment(data.at),
        actions=_revisions(data, query),
        class_name="as-of-panel",
        how="as-of",
    )  # fmt: skip


def _revisions(data: RegionData, query: RegionQuery) -> Component:
    labels = {"issued": "As issued", "latest": "Latest"}
    return segmented(
        "Revision of the forecasts",
        [(label, address(data.region.region_id, query.changed(revision=name)),
          query.revision == name) for name, label in labels.items()],
    )  # fmt: skip


def _slider(data: RegionData) -> Component:
    region = data.region
    usual = cadence(data.records.t_rec) / np.timedelta64(1, "m")
    name = html.Span("Time as of which the page stands", className="visually-hidden")
    first, last = minutes(region.first_t_rec), minutes(region.last_t_rec)
    slider = dcc.Input(
        id=SLIDER, type="range", min=first, max=last, step=max(1, int(usual)),
        value=minutes(data.at), debounce=PAUSE_SECONDS, className="slider",
        disabled=first == last,
    )  # fmt: skip
    return html.Label([name, slider])


def _ticks(data: RegionData, query: RegionQuery) -> Component:
    event = query.definition
    strong = [f for f in data.flares if f.peak_flux_w_m2 >= event.peak_flux_w_m2]
    return html.Div([_tick(flare, data) for flare in strong], className="as-of-ticks",
                    **unspoken())  # fmt: skip


def _tick(flare: Flare, data: RegionData) -> Component:
    whole = data.region.last_t_rec - data.region.first_t_rec or _MINUTE
    share = min(max((flare.peak_at - data.region.first_t_rec) / whole, 0.0), 1.0)
    return html.I(
        className=f"{flare.goes_class[0].lower()}-tick",
        style={"left": f"{share:.2%}"},
        title=f"{flare.goes_class}, {moment(flare.peak_at)} UTC",
    )


def _steps(data: RegionData, query: RegionQuery) -> list[Component]:
    times, here = data.records.t_rec, to_datetime64(data.at)
    before, behind = times[times < here], times[times > here]
    return [
        _step("‹ Earlier", "ArrowLeft", before[-1:], data, query),
        _step("Later ›", "ArrowRight", behind[:1], data, query),
    ]


def _step(
    label: str, key: str, to: np.ndarray[Any, np.dtype[np.datetime64]], data: RegionData,
    query: RegionQuery,
) -> Component:  # fmt: skip
    """Lead to a neighbouring record; the key named around the link follows it."""
    if not len(to):
        return html.Span(label, className="button off", **labelled(f"{label}: no record there"))
    at = to_datetime(to[0])
    asked = None if at >= data.region.last_t_rec else isoformat(at)
    keyed: dict[str, Any] = {"data-key": key, "data-at": query.at or ""}
    link = dcc.Link(
        label, href=address(data.region.region_id, query.changed(at=asked)), className="button",
        title=f"{moment(at)} UTC",
    )  # fmt: skip
    return html.Span(link, **keyed)


def _latest(data: RegionData, query: RegionQuery) -> Component:
    href = address(data.region.region_id, query.changed(at=None))
    if data.as_of is None:
        return html.Span("at the latest", className="secondary")
    return dcc.Link("Go to latest", href=href, className="link")
