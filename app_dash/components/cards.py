"""The cards of the full disk: one event each, its three aggregates, the change, the last day."""

from __future__ import annotations

import numpy as np
from dash import html
from dash.development.base_component import Component
from numpy.typing import NDArray

from app_dash.components.aria import labelled
from app_dash.components.explanation import explanation
from app_dash.components.panels import big_percent, event_badge
from app_dash.figures.sparkline import Scale, sparkline
from app_dash.now.disk_forecast import DiskForecast
from app_dash.now.disk_series import HourlySeries
from app_dash.numbers import points, probability
from app_dash.theme import Tokens
from solar.flares import EVENTS, Event

DAY = 24


def disk_card(
    event: Event, forecast: DiskForecast, series: HourlySeries, tokens: Tokens
) -> Component:
    """Show the probability that any region flares; each aggregate is named."""
    past = series.full_disk[:, EVENTS.index(event)]
    head: list[Component] = [event_badge(event), html.H2("full disk, 24 h")]
    return html.Section(
        [
            html.Div(
                [*head, _change(forecast.product, past)],
                className="card-head",
            ),
            html.Div(
                [html.Span(big_percent(forecast.product), className="card-number"),
                 _line(past, event, tokens)],
                className="card-body",
            ),
            html.Div(_aggregates(forecast), className="card-foot"),
        ],
        className="panel card span-3",
        **labelled(f"Full-disk probability of {event.label} in 24 h"),
    )  # fmt: skip


def _aggregates(forecast: DiskForecast) -> list[Component]:
    why = forecast.without or "from a fit on past days, with the activity of the last 27"
    return [
        html.Span(["1−∏(1−p) ", html.B(probability(forecast.product))], className="product"),
        html.Span(["Max ", html.B(probability(forecast.largest))], className="largest"),
        html.Span(["Calibrated ", html.B(probability(forecast.calibrated))], title=why),
        explanation("full-disk"),
    ]


def _change(combined: float | None, past: NDArray[np.float64]) -> Component:
    before = float(past[-1 - DAY]) if len(past) > DAY else float("nan")
    known = combined is not None and not np.isnan(before)
    change = combined - before if combined is not None and known else None
    return html.Span(
        [html.B(f"{points(change)} pp"), html.Span(" vs −24 h")], className="card-change"
    )


def _line(past: NDArray[np.float64], event: Event, tokens: Tokens) -> Component:
    day = past[-1 - DAY :]
    scale = Scale(width=120, height=36, high=_top(day))
    text = f"{event.label} full disk over the last 24 h, scale 0 to {probability(scale.high)}"
    return html.Img(src=sparkline(day, scale, colour=tokens.mark(event.name)), alt=text,
                    className="sparkline", title=text)  # fmt: skip


def _top(values: NDArray[np.float64]) -> float:
    """Choose the height of the scale from few steps, so that quiet noise stays flat."""
    highest = float(np.nanmax(values)) if np.isfinite(values).any() else 0.0
    return next(step for step in (0.02, 0.05, 0.1, 0.2, 0.5, 1.0) if highest <= step)
