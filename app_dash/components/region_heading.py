"""The heading of a region's page: its name and place, what is shown, where to go from here."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.components.panels import segmented
from app_dash.explore.export_routes import CSV_PATH, PARQUET_PATH
from app_dash.now.standing import standings
from app_dash.numbers import date_moment, position, region_name
from app_dash.region.data import RegionData
from app_dash.region.query import PATH, RANGE_LABELS, RegionQuery, address
from app_dash.view import View
from solar.flares import EVENTS
from solar.flares import event as find_event
from solar.time import isoformat


def region_heading(data: RegionData, query: RegionQuery, view: View) -> Component:
    """Name the region and offer the choices of the page."""
    region, place = data.region, data.place
    name = region_name(region.region_id, region.noaa_ars)
    known = [
        f"HARP {region.region_id}" if region.region_id > 0 and region.noaa_ars else "",
        "" if place.lon_fwt is None else position(place.lat_fwt, place.lon_fwt),
        f"{date_moment(data.at)} UTC",
    ]
    title = name if name.startswith("HARP") else f"AR {name}"
    return html.Div(
        [
            html.H2(title, className="region-title"),
            html.Span(" · ".join(filter(None, known)), className="secondary"),
            *_alert(data),
            html.Div(_choices(data, query, view), className="tools"),
        ],
        className="region-heading",
    )


def _alert(data: RegionData) -> list[Component]:
    alert = data.open_alert
    if alert is None:
        return []
    event = find_event(alert.event)
    return [html.Span(f"{event.label} alert open", className=f"badge {event.name[0].lower()}")]


def _choices(data: RegionData, query: RegionQuery, view: View) -> list[Component]:
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
        *_neighbours(region_id, query, view),
        _export(data, view),
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


def _export(data: RegionData, view: View) -> Component:
    """Lead to the stored forecasts of this region in the range shown, as files and as a table."""
    asked = {
        "regions": abs(data.region.region_id),
        "start": isoformat(data.shown.start_at),
        "end": isoformat(data.shown.end_at),
    }
    search = f"?{urlencode(asked)}"
    call = {
        "region": data.region.region_id,
        "from": asked["start"],
        "to": asked["end"],
    }
    api = f"{view.settings.shown_api_url}/api/v1/observations?{urlencode(call)}"
    links = [
        html.A("Forecasts, CSV", href=CSV_PATH + search, download=""),
        html.A("Forecasts, Parquet", href=PARQUET_PATH + search, download=""),
        dcc.Link("Open in Explore", href=f"/explore{search}"),
        html.A("Records, from the API", href=api, target="_blank", rel="noreferrer"),
    ]
    button = html.Summary("Export", className="button")
    return html.Details([button, html.Nav(links)], className="menu export-menu")
