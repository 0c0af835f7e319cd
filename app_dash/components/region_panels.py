"""The panels beside a region's timeline: the forecast that stands, and the facts."""

from __future__ import annotations

from collections import Counter

import numpy as np
from dash import html
from dash.development.base_component import Component

from app_dash.components.panels import (
    big_percent,
    empty_message,
    event_badge,
    facts,
    panel,
)
from app_dash.numbers import ABSENT, NARROW, count, date_moment, moment, points
from app_dash.region.data import RegionData
from database.regions.timeline import ForecastLine
from solar.flares import EVENTS, HORIZON
from solar.time import to_datetime

_DAY = np.timedelta64(24, "h")
_RUNGS = {"full": "Full window", "partial": "Partial keywords", "none": "No forecast"}


def forecast_panel(data: RegionData) -> Component:
    """Show the forecast that stands with its changes, or why there is none."""
    return panel(
        "Forecast",
        *_forecast(data),
        subtitle=f"{moment(data.at)} → {moment(data.at + HORIZON)}",
        class_name="forecast-panel",
        how="region-forecast",
    )


def _forecast(data: RegionData) -> list[Component]:
    row, line = data.standing, data.issued.line
    if row is None:
        return [empty_message("No forecast was issued in this range.")]
    if np.isnan(line.probability[row]).all():
        return [empty_message(f"No forecast: {line.reasons[row] or 'no reason given'}.")]
    cells = [_forecast_cell(line, row, column) for column in range(len(EVENTS))]
    made_from = to_datetime(line.t_rec[row])
    stale = html.P(f"Made from the record of {moment(made_from)} UTC.", className="footnote")
    return [html.Div(cells, className="forecast-cells"), *([stale] if made_from < data.at else [])]


def _forecast_cell(line: ForecastLine, row: int, column: int) -> Component:
    values = line.probability[:, column]
    value = _number(values[row])
    day_before = np.flatnonzero(line.t_rec <= line.t_rec[row] - _DAY)
    return html.Div(
        [
            event_badge(EVENTS[column]),
            html.Div(big_percent(value), className="score"),
            html.Div(f"{_change(value, values, day_before)} pp, 24 h", className="change"),
            html.Div(f"{_change(value, values, np.arange(row))} pp, last", className="change"),
        ]
    )


def _change(
    value: float | None, values: np.ndarray[tuple[int], np.dtype[np.float64]],
    before: np.ndarray[tuple[int], np.dtype[np.intp]],
) -> str:  # fmt: skip
    """Write the change since the newest of some forecasts before."""
    then = _number(values[before[-1]]) if len(before) else None
    return points(value - then if value is not None and then is not None else None)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def facts_panel(data: RegionData) -> Component:
    """List what was known of the region at the time shown."""
    region, place, row, line = data.region, data.place, data.standing, data.issued.line
    until = data.as_of or region.last_t_rec
    known = [flare for flare in data.known_flares if flare.peak_at <= until]
    letters = Counter(f.goes_class[0] for f in known if f.peak_at > data.at - HORIZON)
    last = known[-1] if known else None
    rows = [
        ("Rung", ABSENT if row is None else _RUNGS.get(line.rungs[row], line.rungs[row])),
        ("Imputed share", _share(line, row)),
        ("Area", ABSENT if place.area_acr is None else f"{count(round(place.area_acr))} µHem"),
        ("First seen", date_moment(region.first_t_rec)),
        ("Last record", date_moment(region.last_t_rec)),
        ("Flares 24 h", ", ".join(f"{letters[c]} {c}" for c in "XMC" if letters[c]) or "none"),
        ("Last flare", ABSENT if last is None else f"{last.goes_class}, {moment(last.peak_at)}"),
        ("Series", region.series),
        ("Model", "none live" if row is None else line.model_ids[row]),
    ]
    return panel("Facts", facts(rows), how="region-facts")


def _share(line: ForecastLine, row: int | None) -> str:
    share = float("nan") if row is None else float(line.imputed_share[row])
    return ABSENT if np.isnan(share) else f"{share * 100:.0f}{NARROW}%"
