"""Region: one active region through its passage, and the list to choose one from."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import dash
import sqlalchemy as sa
from dash import Input, Output, State, html, no_update
from dash.development.base_component import Component

from app_dash.components.as_of_panel import SLIDER, as_of_panel, slid_to
from app_dash.components.completeness import completeness_panel
from app_dash.components.keyword_panel import keyword_panel
from app_dash.components.network_panel import network_panel
from app_dash.components.region_heading import region_heading
from app_dash.components.region_list import SEARCH, read_list, region_list
from app_dash.components.region_panels import facts_panel, forecast_panel
from app_dash.components.timeline_panel import timeline_panel
from app_dash.components.typed_fields import parse_leniently
from app_dash.region.data import RegionData, read_region
from app_dash.region.passage import passage
from app_dash.region.query import PATH, RegionQuery, SearchQuery, region_of
from app_dash.region.why import register_why, why_parts
from app_dash.settings import DashSettings
from app_dash.shell import Ids
from app_dash.view import View
from database.engine import reading
from database.regions.timeline import search_regions


def layout(view: View, pathname: str, search: str) -> Component:
    """Draw the region of the address, or the list."""
    region_id = region_of(pathname)
    if region_id is None:
        wanted = SearchQuery.parse(search).q
        with reading(view.engine) as connection:
            listed = read_list(connection, view, wanted)
        return html.Div([region_list(view, listed, wanted)], className="stack")
    query = RegionQuery.parse(search)
    data = read_region(view, region_id, query)
    panels = html.Div(_panels(data, query, view), className="grid")
    return html.Div([region_heading(data, query, view), panels], className="stack")


def is_live(view: View, pathname: str) -> bool:
    """Tell whether the region is on the disk; the passage of another one is over."""
    return any(pathname == f"{PATH}/{region.region_id}" for region in view.state.regions)


def _panels(data: RegionData, query: RegionQuery, view: View) -> list[Component]:
    shown = passage(data, query.definition)
    main = [
        timeline_panel(data, shown, query, view),
        keyword_panel(data, query, view),
        completeness_panel(data),
        network_panel(data, query, view),
    ]
    side = [
        forecast_panel(data),
        as_of_panel(data, query),
        *why_parts(data, query, view),
        facts_panel(data),
    ]
    return [
        html.Div(main, className="stack span-9 region-main"),
        html.Div(side, className="stack span-3 side"),
    ]


def register(app: dash.Dash, engine: sa.Engine, *, settings: DashSettings) -> None:
    """Connect the search, the slider, and the panel that follows the page."""
    register_why(app, settings)

    @app.callback(
        Output(Ids.URL, "href"), Input(SEARCH, "n_submit"), Input(SEARCH, "value"),
        prevent_initial_call=True,
    )  # fmt: skip
    def search(submits: int | None, text: str | None) -> Any:
        return found(engine, text) if submits and text else no_update

    @app.callback(
        Output(Ids.URL, "search", allow_duplicate=True), Input(SLIDER, "value"),
        State(SLIDER, "max"), State(Ids.URL, "search"), prevent_initial_call=True,
    )  # fmt: skip
    def slide(value: str | float | None, newest: float, address: str | None) -> Any:
        query = parse_leniently(RegionQuery, address)[0]
        if value is None:
            return no_update
        moved = slid_to(value, query, newest)
        return no_update if moved == query else moved.search()


def found(engine: sa.Engine, text: str) -> str:
    """Return the address that a searched text leads to."""
    if not text.strip().isdigit():
        return f"{PATH}?{urlencode({'q': text.strip()})}"
    with reading(engine) as connection:
        rows = search_regions(connection, int(text))
    return f"{PATH}/{rows[0].region_id}" if len(rows) == 1 else f"{PATH}?q={int(text)}"
