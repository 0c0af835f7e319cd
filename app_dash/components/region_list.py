"""The list of stored regions, to choose one from."""

from __future__ import annotations

from collections.abc import Sequence

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.components.panels import empty_message, panel
from app_dash.numbers import date_moment, position, probability, region_name
from app_dash.standing import MAIN, standings
from app_dash.view import View
from database.overview import RegionRow

SEARCH = "search"
_HEADINGS = ("Region", "HARP", "Last position", "First record", "Last record", "P(M1.0+) now")


def search_box(value: int | None) -> Component:
    """Ask for a NOAA or HARP number; Enter searches."""
    return dcc.Input(
        id=SEARCH, type="search", value="" if value is None else str(value), className="field",
        placeholder="NOAA or HARP number", debounce=True, n_submit=0,
    )  # fmt: skip


def region_list(view: View, rows: Sequence[RegionRow], searched: int | None) -> Component:
    """List regions, the most recent first."""
    now = {s.region.region_id: s.probability(MAIN) for s in standings(view.state)}
    found = f"matching {searched}" if searched else "most recent first"
    if not rows:
        text = f"No region {searched} is stored." if searched else "No region is stored yet."
        link = dcc.Link("Show all regions", href="/regions", className="button")
        return panel("Regions", empty_message(text, link), actions=search_box(searched))
    head = html.Tr(
        [html.Th(name, scope="col", className=_wide(i)) for i, name in enumerate(_HEADINGS)]
    )
    body = html.Tbody([_row(row, now.get(row.region_id)) for row in rows])
    table = html.Table([html.Thead(head), body], className="data regions")
    return panel("Regions", table, subtitle=f"{len(rows)} {found}", actions=search_box(searched),
                 class_name="flush region-panel")  # fmt: skip


def _wide(index: int) -> str:
    return "wide" if index in (1, 3) else "number" if index == len(_HEADINGS) - 1 else ""


def _row(region: RegionRow, main: float | None) -> Component:
    name = region_name(region.region_id, region.noaa_ars)
    link = dcc.Link(name, href=f"/regions/{region.region_id}", className="row-link")
    cells = (
        str(region.region_id) if region.region_id > 0 else "–",
        position(region.lat_fwt, region.lon_fwt),
        date_moment(region.first_t_rec),
        date_moment(region.last_t_rec),
        probability(main),
    )
    rest = [html.Td(cell, className=_wide(i)) for i, cell in enumerate(cells, start=1)]
    return html.Tr([html.Td(link, className="region-name"), *rest], className="linked")
