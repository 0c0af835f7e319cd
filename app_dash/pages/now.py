"""Now: the full disk, the regions by risk, the flares of three days and the coming window."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import get_args

from dash import html
from dash.development.base_component import Component

from app_dash.components.cards import disk_card
from app_dash.components.disk_panel import disk_panel
from app_dash.components.panels import empty_message, graph, legend, panel, segmented
from app_dash.components.region_table import Sources, region_table
from app_dash.disk_series import HourlySeries, hourly_series
from app_dash.figures.flares import DiskLine, Stem, flare_figure
from app_dash.now_query import NowQuery, Order, ordered
from app_dash.numbers import probability
from app_dash.standing import MAIN, Standing, full_disk, standings, threshold_of
from app_dash.view import View
from database.engine import reading
from database.flares import Flare, list_flares
from database.hourly import hourly_forecasts
from solar.flares import EVENTS, HORIZON
from solar.time import Window

FLARE_DAYS = 3
MOST_FLARES = 500
CARDS = (EVENTS[0], EVENTS[1], EVENTS[3])


@dataclass(frozen=True)
class Disk:
    """All that the page shows, read in one go; `at` is the time of the newest record."""

    at: datetime
    found: list[Standing]
    series: HourlySeries
    flares: list[Flare]


def layout(view: View, _pathname: str, search: str) -> Component:
    """Draw the page."""
    order = NowQuery.parse(search).sort
    if view.state.newest_t_rec is None:
        return empty_message(
            "No SHARP record is stored yet. Start a sender: python -m data_sender simulate"
        )
    disk = read_disk(view, view.state.newest_t_rec)
    return html.Div(
        [
            *(disk_card(event, disk.found, disk.series, view.tokens) for event in CARDS),
            disk_panel(disk.found, disk.at, view.tokens),
            _region_panel(disk, view, order),
            _flare_panel(disk, view),
        ],
        className="grid",
    )


def read_disk(view: View, at: datetime) -> Disk:
    """Read the forecasts and flares of the last three days."""
    hours = 24 * FLARE_DAYS
    window = Window(at - timedelta(days=FLARE_DAYS), at + timedelta(microseconds=1))
    with reading(view.engine) as connection:
        flares = list_flares(
            connection, window=window, min_flux=EVENTS[0].peak_flux_w_m2, limit=MOST_FLARES
        )
        model_id = view.state.model.model_id if view.state.model else ""
        columns = hourly_forecasts(connection, model_id, at, hours=hours + 3)
    return Disk(at, standings(view.state), hourly_series(columns, at, hours=hours), flares)


def _region_panel(disk: Disk, view: View, order: Order) -> Component:
    known = sum(standing.forecast is not None for standing in disk.found)
    since = disk.at - HORIZON
    recent = [flare for flare in disk.flares if flare.peak_at > since]
    threshold = threshold_of(view.state, MAIN)
    sources = Sources(disk.series, _by_region(recent), threshold, view.tokens)
    lost = _lost(recent, disk.found)
    said = "no threshold" if threshold is None else f"threshold {probability(threshold)}, frozen"
    return panel(
        "Regions",
        region_table(ordered(disk.found, disk.series, order), lost, sources),
        subtitle=f"{known} with a forecast, {len(disk.found) - known + len(lost)} without, {said}",
        actions=segmented("Order", _orders(order)),
        class_name="flush span-8 region-panel",
    )


def _orders(order: Order) -> list[tuple[str, str, bool]]:
    return [
        (name.capitalize(), f"/{NowQuery(sort=name).search()}", name == order)
        for name in get_args(Order)
    ]


def _by_region(flares: Sequence[Flare]) -> Mapping[int, list[Flare]]:
    found: dict[int, list[Flare]] = defaultdict(list)
    for flare in flares:
        if flare.region_id is not None:
            found[flare.region_id].append(flare)
    return found


def _lost(flares: Sequence[Flare], found: Sequence[Standing]) -> list[Flare]:
    """Return the largest flare of each numbered region that is not among the standings."""
    numbers = {number for standing in found for number in standing.region.noaa_ars}
    largest: dict[int, Flare] = {}
    for flare in sorted(flares, key=lambda flare: flare.peak_flux_w_m2):
        if flare.noaa_ar and flare.noaa_ar not in numbers:
            largest[flare.noaa_ar] = flare
    return list(largest.values())


def _flare_panel(disk: Disk, view: View) -> Component:
    stems = [Stem(f.peak_at, f.goes_class, f.peak_flux_w_m2, _region(f)) for f in disk.flares]
    line = DiskLine(disk.series.times, disk.series.full_disk[:, EVENTS.index(MAIN)])
    shown = Window(disk.at - timedelta(days=FLARE_DAYS), disk.at + HORIZON)
    figure = flare_figure(stems, line, shown, disk.at, view.tokens)
    counts = ", ".join(f"{sum(s.goes_class[0] == c for s in stems)} {c}" for c in "CMX")
    now = full_disk(standing.probability(MAIN) for standing in disk.found)
    text = f"Flares of the last 3 days: {counts}; full-disk P(M1.0+) is now {probability(now)}."
    return panel(
        "Flares, last 3 days",
        graph("flares", figure, text=text, height=184),
        subtitle=f"GOES 1–8 Å, {counts}",
        actions=[legend(name.lower(), name) for name in "CMX"],
        class_name="span-12",
    )


def _region(flare: Flare) -> str:
    return str(flare.noaa_ar) if flare.noaa_ar else "region unknown"
