"""The Region page: one active region through its passage, and the list to choose one from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import dash
import numpy as np
import sqlalchemy as sa
from dash import Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from app_dash.frame.go_to import region_address
from app_dash.frame.page import PageContext
from app_dash.frame.shell import Ids
from app_dash.frame.typed_fields import parse_leniently
from app_dash.guard import callback
from app_dash.region.data import RegionData, passage, read_region
from app_dash.region.definitions import DEFINITIONS
from app_dash.region.forecast_panels import forecast_panel, matrix_panel
from app_dash.region.keyword_panels import completeness_panel, keyword_panel
from app_dash.region.network_panel import network_panel
from app_dash.region.panels import (
    SLIDER,
    Minutes,
    as_of_panel,
    facts_panel,
    moved_to,
    timeline_panel,
)
from app_dash.region.query import RANGE_LABELS, RegionQuery, SearchQuery, address, region_of
from app_dash.region.why import register_why, why_parts
from app_dash.settings import DashSettings
from app_dash.shared.alerts import events_by_region
from app_dash.shared.disk_forecast import HourlySeries, hourly_series
from app_dash.shared.numbers import (
    ABSENT,
    date_moment,
    duration,
    position,
    probability,
    region_name,
)
from app_dash.shared.panels import empty_message, panel, segmented
from app_dash.shared.region_status import (
    MAIN_EVENT,
    AlertLevel,
    RegionStatus,
    count_regions,
    region_statuses,
    threshold_of,
)
from app_dash.shared.sparkline import Scale, sparkline
from app_dash.shared.url_state import (
    EXPLORE_PATH,
    PREDICTIONS_CSV_PATH,
    PREDICTIONS_PARQUET_PATH,
    REGIONS_PATH,
    keep_time,
)
from database.engine import reading
from database.people.principal import READ
from database.predictions.forecasts import hourly_forecasts
from database.regions.current import RegionRow
from database.regions.timeline import largest_fluxes, search_regions
from solar.errors import InvalidInputError
from solar.flares import EVENTS, goes_class
from solar.time import isoformat

SEARCH = "search"
_DAY_HOURS = 24
# A forecast lasts three hours: the first hour of the day may need an earlier one.
_MORE_HOURS = 3
_HEADINGS = (
    "Region",
    "HARP",
    "Last position",
    "Largest flare",
    "First record",
    "Last record",
    "M1.0+, 24 h",
    "P(M1.0+) now",
)
_WIDE = {"HARP", "Largest flare", "First record"}


def layout(context: PageContext, pathname: str, search: str) -> Component:
    """Draw the region of the address, or the list."""
    region_id = region_of(pathname)
    if region_id is None:
        number = SearchQuery.parse(search).q
        with reading(context.engine) as connection:
            listed = read_list(connection, context, number)
        return html.Div([region_list(context, listed, number)], className="stack")
    query = RegionQuery.parse(search)
    data = read_region(context, region_id, query)
    panels = html.Div(_panels(data, query, context), className="grid")
    return html.Div([region_heading(data, query, context), panels], className="stack")


def is_live(context: PageContext, pathname: str) -> bool:
    """Tell whether the region is on the disk; otherwise no new data can come."""
    return any(pathname == f"{REGIONS_PATH}/{region.region_id}" for region in context.state.regions)


def _panels(data: RegionData, query: RegionQuery, context: PageContext) -> list[Component]:
    shown = passage(data, query.definition)
    main = [
        timeline_panel(data, shown, query, context),
        matrix_panel(data),
        keyword_panel(data, query, context),
        completeness_panel(data),
        network_panel(data, query, context),
    ]
    side = [
        forecast_panel(data),
        as_of_panel(data, query),
        *why_parts(data, query, context),
        facts_panel(data),
    ]
    return [
        html.Div(main, className="stack span-9 region-main"),
        html.Div(side, className="stack span-3 side"),
    ]


def register(app: dash.Dash, engine: sa.Engine, *, settings: DashSettings) -> None:
    """Connect the search, the as-of slider, and the panel that is filled later."""
    register_why(app, settings)

    @callback(
        app,
        READ,
        Output(Ids.URL, "href"),
        Input(SEARCH, "n_submit"),
        Input(SEARCH, "value"),
        State(Ids.URL, "search"),
        prevent_initial_call=True,
    )
    def search(submits: int | None, text: str | None, address: str | None) -> Any:
        if not (submits and text):
            return no_update
        return keep_time(search_address(engine, text), address)

    @callback(
        app,
        READ,
        Output(Ids.URL, "search", allow_duplicate=True),
        Input(SLIDER, "value"),
        State(SLIDER, "max"),
        State(Ids.URL, "search"),
        prevent_initial_call=True,
    )
    def slide(value: Minutes | None, newest: Minutes, address: str | None) -> Any:
        query = parse_leniently(RegionQuery, address)[0]
        if value is None:
            return no_update
        moved = moved_to(value, query, newest)
        return no_update if moved == query else moved.search()


def search_address(engine: sa.Engine, text: str) -> str:
    """Return the address of the region searched for, or of the list that it matches."""
    try:
        return region_address(engine, text)
    except InvalidInputError:
        # The list says what is wrong with it.
        return f"{REGIONS_PATH}?{urlencode({'q': text.strip()})}"


def region_heading(data: RegionData, query: RegionQuery, context: PageContext) -> Component:
    """Name the region and offer the choices of the page."""
    region, place = data.region, data.place
    name = region_name(region.region_id, region.noaa_ars)
    known = [
        f"HARP {region.region_id}" if region.region_id > 0 and region.noaa_ars else "",
        "" if place.lon_fwt is None else position(place.lat_fwt, place.lon_fwt),
        f"{date_moment(data.at)} UTC",
        _left(data, context),
    ]
    title = name if name.startswith("HARP") else f"AR {name}"
    return html.Div(
        [
            html.H2(title, className="region-title"),
            html.Span(" · ".join(filter(None, known)), className="secondary"),
            *_alerts(data),
            html.Div(_choices(data, query, context), className="tools"),
        ],
        className="region-heading",
    )


def _left(data: RegionData, context: PageContext) -> str:
    """Say that no more records come; the page is drawn a last time when that begins."""
    is_on_disk = any(r.region_id == data.region.region_id for r in context.state.regions)
    if is_on_disk or data.as_of is not None:
        return ""
    return f"left the disk at {date_moment(data.region.last_t_rec)} UTC, its last record"


def _alerts(data: RegionData) -> list[Component]:
    events = events_by_region(data.open_alerts).get(data.region.region_id, ())
    return [
        html.Span(f"{event.label} alert open", className=f"badge {event.name[0].lower()}")
        for event in events
    ]


def _choices(data: RegionData, query: RegionQuery, context: PageContext) -> list[Component]:
    region_id = data.region.region_id

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
        *_neighbours(region_id, query, context),
        _export(data, context),
        dcc.Link("All regions", href=REGIONS_PATH, className="button"),
    ]


def _neighbours(region_id: int, query: RegionQuery, context: PageContext) -> list[Component]:
    """Link the previous and the next region on the disk by risk, as the Now page lists them."""
    statuses = region_statuses(context.state)
    numbers = [status.region.region_id for status in statuses]
    if region_id not in numbers:
        return []
    here = numbers.index(region_id)
    return [
        dcc.Link(
            label,
            href=address(numbers[at], query),
            className="button",
            title=f"{statuses[at].name}, by risk",
        )
        for label, at in (("‹ Previous", here - 1), ("Next ›", here + 1))
        if 0 <= at < len(numbers)
    ]


def _export(data: RegionData, context: PageContext) -> Component:
    """Link the stored forecasts of this region in the range shown, as files and as a table."""
    fields = {
        "regions": abs(data.region.region_id),
        "start": isoformat(data.shown.start_at),
        "end": isoformat(data.shown.end_at),
    }
    search = f"?{urlencode(fields)}"
    call = {
        "region": data.region.region_id,
        "from": fields["start"],
        "to": fields["end"],
    }
    api = f"{context.settings.shown_api_url}/api/v1/observations?{urlencode(call)}"
    links = [
        html.A("Forecasts, CSV", href=PREDICTIONS_CSV_PATH + search, download=""),
        html.A("Forecasts, Parquet", href=PREDICTIONS_PARQUET_PATH + search, download=""),
        dcc.Link("Open in Explore", href=EXPLORE_PATH + search),
        html.A("Records, from the API", href=api, target="_blank", rel="noreferrer"),
    ]
    button = html.Summary("Export", className="button")
    return html.Details([button, html.Nav(links)], className="menu export-menu")


@dataclass(frozen=True)
class ListedRegions:
    """The regions found, and by region id what the list shows of each."""

    rows: Sequence[RegionRow]
    statuses: Mapping[int, RegionStatus]
    fluxes: Mapping[int, float]
    series: HourlySeries | None


def read_list(connection: sa.Connection, context: PageContext, number: int | None) -> ListedRegions:
    """Read the regions with a HARP or NOAA number, or the most recent ones."""
    rows = search_regions(connection, number)
    statuses = {status.region.region_id: status for status in region_statuses(context.state)}
    fluxes = largest_fluxes(connection, [row.region_id for row in rows])
    at, model = context.state.newest_t_rec, context.state.model
    series = None
    if at is not None and model is not None:
        columns = hourly_forecasts(connection, model.model_id, at, hours=_DAY_HOURS + _MORE_HOURS)
        series = hourly_series(columns, at, hours=_DAY_HOURS)
    return ListedRegions(rows, statuses, fluxes, series)


def search_box(value: int | None) -> Component:
    """Ask for a NOAA or HARP number; Enter searches."""
    return dcc.Input(
        id=SEARCH,
        type="search",
        value="" if value is None else str(value),
        className="field",
        placeholder="NOAA or HARP number",
        debounce=True,
        n_submit=0,
    )


def region_list(context: PageContext, listed: ListedRegions, number: int | None) -> Component:
    """List regions, the most recent first."""
    if not listed.rows:
        return panel("Regions", _nothing(number), actions=search_box(number))
    head = html.Tr([html.Th(name, scope="col", className=_class(name)) for name in _HEADINGS])
    body = html.Tbody([_row(row, listed, context) for row in listed.rows])
    table = html.Table([html.Thead(head), body], className="data regions")
    text = f"matching {number}" if number else "most recent first"
    of_rows = (listed.statuses.get(row.region_id) for row in listed.rows)
    counts = count_regions(status for status in of_rows if status is not None)
    return panel(
        "Regions",
        table,
        subtitle=f"{len(listed.rows)} {text}, {counts}",
        actions=search_box(number),
        class_name="flush region-panel region-list",
        definition=DEFINITIONS["region-list"],
    )


def _nothing(number: int | None) -> Component:
    if not number:
        return empty_message("No region is stored yet. Start a sender: flarewatch send simulate")
    link = dcc.Link("Show all regions", href=REGIONS_PATH, className="button")
    return empty_message(f"No region {number} is stored.", link)


def _class(name: str) -> str:
    kinds = ["wide"] if name in _WIDE else []
    return " ".join([*kinds, *(["number"] if name == _HEADINGS[-1] else [])])


def _row(region: RegionRow, listed: ListedRegions, context: PageContext) -> Component:
    name = region_name(region.region_id, region.noaa_ars)
    status = listed.statuses.get(region.region_id)
    link = dcc.Link(name, href=f"{REGIONS_PATH}/{region.region_id}", className="row-link")
    cells = (
        str(region.region_id) if region.region_id > 0 else ABSENT,
        position(region.lat_fwt, region.lon_fwt),
        _flare(listed.fluxes.get(region.region_id)),
        date_moment(region.first_t_rec),
        date_moment(region.last_t_rec),
        _line(region, listed, context),
        _now(status, region, context),
    )
    rest = [
        html.Td(cell, className=_class(heading))
        for cell, heading in zip(cells, _HEADINGS[1:], strict=True)
    ]
    over = " over" if status is not None and status.alert is AlertLevel.ALERT else ""
    return html.Tr([html.Td(link, className="region-name"), *rest], className=f"linked{over}")


def _flare(flux: float | None) -> Component | str:
    if flux is None:
        return ABSENT
    name = goes_class(flux)
    return html.B(name, className=f"{name[0].lower()}-text")


def _line(region: RegionRow, listed: ListedRegions, context: PageContext) -> Component | str:
    values = listed.series.regions.get(region.region_id) if listed.series else None
    if values is None:
        return html.Span(ABSENT, className="quiet")
    day, threshold = values[:, EVENTS.index(MAIN_EVENT)], threshold_of(context.state, MAIN_EVENT)
    highest = float(np.nanmax(day)) if np.isfinite(day).any() else 0.0
    image = sparkline(
        day,
        Scale(high=max(highest, 1.25 * (threshold or 0.01))),
        colour=context.tokens.accent,
        threshold=threshold,
        threshold_colour=context.tokens.axis,
    )
    return html.Img(src=image, alt=f"M1.0+ of {region.region_id} over 24 h", className="sparkline")


def _now(
    status: RegionStatus | None, region: RegionRow, context: PageContext
) -> Component | list[Component]:
    if status is None:
        newest = context.state.newest_t_rec
        ago = f"left {duration(newest - region.last_t_rec)} ago" if newest else ABSENT
        return html.Span(ago, className="quiet")
    main = status.probability(MAIN_EVENT)
    if main is None:
        return html.Span("no forecast", className="quiet", title=status.reason or "")
    swatch = html.Span(className="swatch", style={"background": context.tokens.step(main)})
    return [swatch, html.B(f" {probability(main)}")]
