"""The forecast of a region: its numbers with their changes and bands, and all its windows."""

from __future__ import annotations

import numpy as np
from dash import html
from dash.development.base_component import Component

from app_dash.region.data import RegionData
from app_dash.region.definitions import DEFINITIONS
from app_dash.shared.lead_matrix import TargetForecast, band_bar, matrix
from app_dash.shared.numbers import band_text, moment, points
from app_dash.shared.panels import big_percent, empty_message, event_badge, panel
from database.regions.timeline import ForecastLine
from solar.flares import EVENTS, Event
from solar.time import to_datetime
from solar.windows import DAY

_DAY = np.timedelta64(24, "h")


def forecast_panel(data: RegionData) -> Component:
    """Show the newest known forecast with its changes, or why there is none."""
    return panel(
        "Forecast",
        *_forecast(data),
        subtitle=f"{moment(data.at)} → {moment(data.at + DAY.validity)}",
        class_name="forecast-panel",
        definition=DEFINITIONS["region-forecast"],
    )


def _forecast(data: RegionData) -> list[Component]:
    row, line = data.forecast_row, data.issued.line
    if row is None:
        return [empty_message("No forecast was issued in this range.")]
    if np.isnan(line.probability[row]).all():
        return [empty_message(f"No forecast: {line.reasons[row] or 'no reason given'}.")]
    targets = data.targets
    cells = [
        _forecast_cell(line, row, column, targets[event]) for column, event in enumerate(EVENTS)
    ]
    made_from = to_datetime(line.t_rec[row])
    stale = html.P(f"Made from the record of {moment(made_from)} UTC.", className="footnote")
    return [html.Div(cells, className="forecast-cells"), *([stale] if made_from < data.at else [])]


def _forecast_cell(
    line: ForecastLine, row: int, column: int, forecast: TargetForecast
) -> Component:
    values = line.probability[:, column]
    value = _number(values[row])
    day_before = np.flatnonzero(line.t_rec <= line.t_rec[row] - _DAY)
    return html.Div(
        [
            event_badge(EVENTS[column]),
            html.Div(big_percent(value), className="score"),
            *_band(EVENTS[column], forecast),
            html.Div(f"{_change(value, values, day_before)} pp, 24 h", className="change"),
            html.Div(f"{_change(value, values, np.arange(row))} pp, last", className="change"),
        ]
    )


def _band(event: Event, forecast: TargetForecast) -> list[Component]:
    """Write and draw the band of a forecast, if its model has one."""
    if forecast.lower is None:
        return []
    text = band_text(forecast.lower, forecast.upper)
    return [html.Div(text, className="change"), *band_bar(event, forecast)]


def matrix_panel(data: RegionData) -> Component:
    """Show the forecast by class and window."""
    targets = data.targets
    times = sorted({forecast.t_rec for forecast in targets.values()})
    older = f", other windows of the record of {moment(times[0])}" if len(times) > 1 else ""
    return panel(
        "Windows",
        matrix(targets, name=f"region {data.region.region_id}"),
        subtitle=f"percent and band{older}",
        class_name="flush matrix-panel",
        definition=DEFINITIONS["region-windows"],
    )


def _change(
    value: float | None,
    values: np.ndarray[tuple[int], np.dtype[np.float64]],
    earlier: np.ndarray[tuple[int], np.dtype[np.intp]],
) -> str:
    """Write the change since the last of the given earlier forecasts."""
    last = _number(values[earlier[-1]]) if len(earlier) else None
    return points(value - last if value is not None and last is not None else None)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
