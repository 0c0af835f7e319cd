"""The list of stored regions, to choose one from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa
from dash import dcc, html
from dash.development.base_component import Component

from app_dash.components.panels import empty_message, panel
from app_dash.figures.sparkline import Scale, sparkline
from app_dash.now.disk_series import HourlySeries, hourly_series
from app_dash.now.standing import MAIN, Alert, Standing, standings, threshold_of
from app_dash.numbers import ABSENT, date_moment, duration, position, probability, region_name
from app_dash.view import View
from database.predictions.forecasts import hourly_forecasts
from database.regions.current import RegionRow
from database.regions.timeline import largest_fluxes, search_regions
from solar.flares import EVENTS, goes_class

SEARCH = "search"
_DAY_HOURS = 24
# A forecast lasts three hours, so that the first hour of the day may need one from before it.
_MORE_HOURS = 3
_HEADINGS = ("Region", "HARP", "Last position", "Largest flare", "First record", "Last record",
             "M1.0+, 24 h", "P(M1.0+) now")  # fmt: skip
_WIDE = {"HARP", "Largest flare", "First record"}


@dataclass(frozen=True)
class Listed:
    """The regions found, with what stands beside each of them, by region id."""

    rows: Sequence[RegionRow]
    standing: Mapping[int, Standing]
    fluxes: Mapping[int, float]
    series: HourlySeries | None


def read_list(connection: sa.Connection, view: View, searched: int | None) -> Listed:
    """Read the regions of a number, or the most recent ones."""
    rows = search_regions(connection, searched)
    found = {standing.region.region_id: standing for standing in standings(view.state)}
    fluxes = largest_fluxes(connection, [row.region_id for row in rows])
    at, model = view.state.newest_t_rec, view.state.model
    series = None
    if at is not None and model is not None:
        columns = hourly_forecasts(connection, model.model_id, at, hours=_DAY_HOURS + _MORE_HOURS)
        series = hourly_series(columns, at, hours=_DAY_HOURS)
    return Listed(rows, found, fluxes, series)


def search_box(value: int | None) -> Component:
    """Ask for a NOAA or HARP number; Enter searches."""
    return dcc.Input(
        id=SEARCH, type="search", value="" if value is None else str(value), className="field",
        placeholder="NOAA or HARP number", debounce=True, n_submit=0,
    )  # fmt: skip


def region_list(view: View, listed: Listed, searched: int | None) -> Component:
    """List regions, the most recent first."""
    if not listed.rows:
        return panel("Regions", _nothing(searched), actions=search_box(searched))
    head = html.Tr([html.Th(name, scope="col", className=_class(name)) for name in _HEADINGS])
    body = html.Tbody([_row(row, listed, view) for row in listed.rows])
    table = html.Table([html.Thead(head), body], className="data regions")
    words = f"matching {searched}" if searched else "most recent first"
    on_disk = sum(row.region_id in listed.standing for row in listed.rows)
    return panel(
        "Regions", table, subtitle=f"{len(listed.rows)} {words}, {on_disk} on the disk",
        actions=search_box(searched), class_name="flush region-panel region-list",
        how="region-list",
    )  # fmt: skip


def _nothing(searched: int | None) -> Component:
    if not searched:
        return empty_message("No region is stored yet. Start a sender: flarewatch send simulate")
    link = dcc.Link("Show all regions", href="/regions", className="button")
    return empty_message(f"No region {searched} is stored.", link)


def _class(name: str) -> str:
    kinds = ["wide"] if name in _WIDE else []
    return " ".join([*kinds, *(["number"] if name == _HEADINGS[-1] else [])])


def _row(region: RegionRow, listed: Listed, view: View) -> Component:
    name = region_name(region.region_id, region.noaa_ars)
    standing = listed.standing.get(region.region_id)
    link = dcc.Link(name, href=f"/regions/{region.region_id}", className="row-link")
    cells = (
        str(region.region_id) if region.region_id > 0 else ABSENT,
        position(region.lat_fwt, region.lon_fwt),
        _flare(listed.fluxes.get(region.region_id)),
        date_moment(region.first_t_rec),
        date_moment(region.last_t_rec),
        _line(region, listed, view),
        _now(standing, region, view),
    )
    rest = [
        html.Td(cell, className=_class(heading))
        for cell, heading in zip(cells, _HEADINGS[1:], strict=True)
    ]
    over = " over" if standing is not None and standing.alert is Alert.ALERT else ""
    return html.Tr([html.Td(link, className="region-name"), *rest], className=f"linked{over}")


def _flare(flux: float | None) -> Component | str:
    if flux is None:
        return ABSENT
    name = goes_class(flux)
    return html.B(name, className=f"{name[0].lower()}-text")


def _line(region: RegionRow, listed: Listed, view: View) -> Component | str:
    values = listed.series.regions.get(region.region_id) if listed.series else None
    if values is None:
        return html.Span(ABSENT, className="quiet")
    day, threshold = values[:, EVENTS.index(MAIN)], threshold_of(view.state, MAIN)
    highest = float(np.nanmax(day)) if np.isfinite(day).any() else 0.0
    image = sparkline(
        day, Scale(high=max(highest, 1.25 * (threshold or 0.01))), colour=view.tokens.accent,
        threshold=threshold, threshold_colour=view.tokens.axis,
    )  # fmt: skip
    return html.Img(src=image, alt=f"M1.0+ of {region.region_id} over 24 h", className="sparkline")


def _now(standing: Standing | None, region: RegionRow, view: View) -> Component | list[Component]:
    if standing is None:
        gone = view.state.newest_t_rec
        ago = f"left {duration(gone - region.last_t_rec)} ago" if gone else ABSENT
        return html.Span(ago, className="quiet")
    main = standing.probability(MAIN)
    if main is None:
        return html.Span("no forecast", className="quiet", title=standing.reason or "")
    swatch = html.Span(className="swatch", style={"background": view.tokens.step(main)})
    return [swatch, html.B(f" {probability(main)}")]
