"""Region: one active region through its passage, and the list to choose one from."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import dash
import sqlalchemy as sa
from dash import Input, Output, dcc, html, no_update
from dash.development.base_component import Component

from app_dash.components.completeness import completeness_panel
from app_dash.components.panels import segmented
from app_dash.components.region_list import SEARCH, region_list
from app_dash.components.region_panels import (
    facts_panel,
    forecast_panel,
    keyword_panel,
    timeline_panel,
)
from app_dash.numbers import date_moment, position, region_name
from app_dash.passage import RegionData, passage, read_region
from app_dash.region_query import (
    PATH,
    RANGE_LABELS,
    SPANS,
    RegionQuery,
    SearchQuery,
    address,
    region_of,
)
from app_dash.shell import Ids
from app_dash.standing import standings
from app_dash.view import View
from database.engine import reading
from database.timeline import search_regions
from solar.flares import EVENTS


def layout(view: View, pathname: str, search: str) -> Component:
    """Draw the region of the address, or the list."""
    region_id = region_of(pathname)
    if region_id is None:
        wanted = SearchQuery.parse(search).q
        with reading(view.engine) as connection:
            rows = search_regions(connection, wanted)
        return html.Div(region_list(view, rows, wanted), className="stack")
    query = RegionQuery.parse(search)
    data = read_region(view, region_id, span=SPANS[query.range])
    return html.Div([_heading(data, query, view), _panels(data, query, view)], className="stack")


def is_live(view: View, pathname: str) -> bool:
    """Tell whether the region is on the disk; the passage of another one is over."""
    return any(pathname == f"{PATH}/{region.region_id}" for region in view.state.regions)


def _panels(data: RegionData, query: RegionQuery, view: View) -> Component:
    shown = passage(data, view, query.definition)
    main = [timeline_panel(data, shown, query, view), keyword_panel(data, query, view),
            completeness_panel(data)]  # fmt: skip
    side = [forecast_panel(data), facts_panel(data, view)]
    return html.Div(
        [html.Div(main, className="stack span-9"), html.Div(side, className="stack span-3 side")],
        className="grid",
    )


def _heading(data: RegionData, query: RegionQuery, view: View) -> Component:
    region = data.region
    name = region_name(region.region_id, region.noaa_ars)
    known = [
        f"HARP {region.region_id}" if region.region_id > 0 and region.noaa_ars else "",
        "" if region.lon_fwt is None else position(region.lat_fwt, region.lon_fwt),
        f"{date_moment(region.last_t_rec)} UTC",
    ]
    title = name if name.startswith("HARP") else f"AR {name}"
    return html.Div(
        [
            html.H2(title, className="region-title"),
            html.Span(" · ".join(filter(None, known)), className="secondary"),
            html.Div(_choices(region.region_id, query, view), className="tools"),
        ],
        className="region-heading",
    )


def _choices(region_id: int, query: RegionQuery, view: View) -> list[Component]:
    def offer(name: str, field: str, options: dict[Any, str]) -> Component:
        current = getattr(query, field)
        links = [
            (label, address(region_id, query.changed(**{field: value})), value == current)
            for value, label in options.items()
        ]
        return segmented(name, links)

    return [
        offer("Range", "range", dict(RANGE_LABELS)),
        offer("Event", "event", {event.name: event.label for event in EVENTS}),
        offer("Scale", "scale", {"log": "Log", "linear": "Linear"}),
        *_neighbours(region_id, query, view),
        dcc.Link("All regions", href=PATH, className="button"),
    ]


def _neighbours(region_id: int, query: RegionQuery, view: View) -> list[Component]:
    """Lead on through the regions on the disk in the order of risk, as Now lists them."""
    found = standings(view.state)
    numbers = [standing.region.region_id for standing in found]
    if region_id not in numbers:
        return []
    here = numbers.index(region_id)
    return [
        dcc.Link(label, href=address(numbers[at], query), className="button",
                 title=f"{found[at].name}, by risk")
        for label, at in (("‹ Previous", here - 1), ("Next ›", here + 1))
        if 0 <= at < len(numbers)
    ]  # fmt: skip


def register(app: dash.Dash, engine: sa.Engine) -> None:
    """Let a searched number open its region, or the list when there is not exactly one."""

    @app.callback(
        Output(Ids.URL, "href"), Input(SEARCH, "n_submit"), Input(SEARCH, "value"),
        prevent_initial_call=True,
    )  # fmt: skip
    def search(submits: int | None, text: str | None) -> Any:
        return found(engine, text) if submits and text else no_update


def found(engine: sa.Engine, text: str) -> str:
    """Return the address that a searched text leads to."""
    if not text.strip().isdigit():
        return f"{PATH}?{urlencode({'q': text.strip()})}"
    with reading(engine) as connection:
        rows = search_regions(connection, int(text))
    return f"{PATH}/{rows[0].region_id}" if len(rows) == 1 else f"{PATH}?q={int(text)}"
