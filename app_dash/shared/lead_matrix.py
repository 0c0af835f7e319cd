"""The matrix of class and window: how likely each flare is in each window, with its band."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from dash import html
from dash.development.base_component import Component

from app_dash.shared.numbers import ABSENT, band_text, moment, percent, probability
from app_dash.shared.panels import aria_hidden, aria_label, event_badge
from database.leads.leads import LeadRow
from solar.bands import bounds_of
from solar.flares import EVENTS, LEADS, TARGETS, Event
from solar.time import Window, nominal
from solar.windows import DAY, WINDOWS, ForecastWindow

NOT_GIVEN = "the model has no such window, or gave no forecast"


@dataclass(frozen=True)
class TargetForecast:
    """The probability of a target from the record of a time, None where there is no forecast.

    `lower` and `upper` are its band, None where the model has none.
    """

    t_rec: datetime
    probability: float | None
    lower: float | None = None
    upper: float | None = None


Forecasts = Mapping[Event, TargetForecast]


def target_forecasts(
    t_rec: datetime,
    day: Sequence[float | None],
    lead: LeadRow | None,
    manifest: Mapping[str, Any] | None,
) -> dict[Event, TargetForecast]:
    """Join the forecasts of a region for the next 24 h and those of the other windows.

    Parameters
    ----------
    t_rec : the time of the record of `day`, the probabilities in the order of `EVENTS`
    lead : the other windows, of the first record of its hour; None without any
    manifest : of the model, for its bands; None draws none
    """
    of_day = dict(zip(EVENTS, day, strict=True))
    if lead is None:
        return _with_bands(t_rec, of_day, manifest)
    others = dict(zip(LEADS, lead.probabilities, strict=True))
    if lead.t_rec == t_rec:
        return _with_bands(t_rec, of_day | others, manifest)
    # Those of two records need not be consistent, and so their bands neither.
    return _with_bands(t_rec, of_day, manifest) | _with_bands(lead.t_rec, others, manifest)


def _with_bands(
    t_rec: datetime, given: Mapping[Event, float | None], manifest: Mapping[str, Any] | None
) -> dict[Event, TargetForecast]:
    targets = tuple(given)
    values = np.array([[given[target] for target in targets]], float)
    lower, upper = bounds_of(manifest or {}, values, targets)
    columns = zip(targets, given.values(), lower[0], upper[0], strict=True)
    return {
        target: TargetForecast(t_rec, p, _number(low), _number(high))
        for target, p, low, high in columns
    }


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def matrix(forecasts: Forecasts, *, name: str, chosen: ForecastWindow = DAY) -> Component:
    """Draw each class in each window in percent, over a thin bar for its band.

    `name` says whose forecasts they are; the column of the window `chosen` is marked.
    """
    head = [html.Th("Class", scope="col"), *(_heading(forecasts, w, chosen) for w in WINDOWS)]
    body = [
        html.Tr(
            [
                html.Th(event_badge(event), scope="row"),
                *(_cell(event.within(window), forecasts, chosen) for window in WINDOWS),
            ]
        )
        for event in EVENTS
    ]
    return html.Table(
        [html.Thead(html.Tr(head)), html.Tbody(body)],
        className="data lead-matrix",
        **aria_label(f"Probabilities of {name} by class and window, percent"),
    )


def _heading(forecasts: Forecasts, window: ForecastWindow, chosen: ForecastWindow) -> Component:
    times = [forecasts[t].t_rec for t in TARGETS if t.window == window and t in forecasts]
    said = [html.Div(_short(window, max(times)), className="place")] if times else []
    return html.Th([window.label, *said], scope="col", className=_class("number", window, chosen))


def _short(window: ForecastWindow, t_rec: datetime) -> str:
    """Say when a window ends, or when one of a later day begins, in the fewest words."""
    span = window.after(nominal(t_rec))
    if window.latency:
        return f"from {span.start_at:%-d %b}"
    is_near = span.end_at - span.start_at <= DAY.validity
    return f"to {span.end_at:%H:%M}" if is_near else f"to {span.end_at:%-d %b}"


def _class(name: str, window: ForecastWindow, chosen: ForecastWindow) -> str:
    return f"{name} chosen" if window == chosen else name


def _cell(target: Event, forecasts: Forecasts, chosen: ForecastWindow) -> Component:
    forecast = forecasts.get(target)
    p = None if forecast is None else forecast.probability
    bar = [] if forecast is None else band_bar(target, forecast)
    return html.Td(
        [html.B(percent(p)) if p is not None else ABSENT, *bar],
        className=_class("number", target.window, chosen),
        title=in_words(target, forecast),
    )


def in_words(target: Event, forecast: TargetForecast | None) -> str:
    """Say a forecast in words: ``M1.0+ in 6 h: 12 %, 7.0 to 19 %, valid 16:00 to 22:00 UTC``."""
    what = f"{target.goes_class}+ {target.window.words}"
    if forecast is None or forecast.probability is None:
        return f"{what}: {NOT_GIVEN}"
    band = "" if forecast.lower is None else f", {band_text(forecast.lower, forecast.upper)}"
    valid = _span(target.window.after(nominal(forecast.t_rec)))
    return f"{what}: {probability(forecast.probability)}{band}, valid {valid} UTC"


def _span(window: Window) -> str:
    if window.start_at.date() == window.end_at.date():
        return f"{window.start_at:%H:%M} to {window.end_at:%H:%M}"
    return f"{moment(window.start_at)} to {moment(window.end_at)}"


def band_bar(target: Event, forecast: TargetForecast) -> list[Component]:
    """Draw the band of a forecast on 0 to 100 %, with a tick at its probability; [] without one."""
    lower, upper, p = forecast.lower, forecast.upper, forecast.probability
    if lower is None or upper is None or p is None:
        return []
    band = {"left": f"{100 * lower:.1f}%", "width": f"{100 * (upper - lower):.1f}%"}
    parts = [html.I(style=band), html.B(style={"left": f"{100 * p:.1f}%"})]
    return [html.Div(parts, className=f"band-bar {target.name[0].lower()}", **aria_hidden())]
