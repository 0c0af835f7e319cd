"""The panels of a region's page: probability, keywords, completeness, forecast and facts."""

from __future__ import annotations

from collections import Counter

import numpy as np
from dash import dcc, html
from dash.development.base_component import Component

from app_dash.components.panels import (
    big_percent,
    empty_message,
    event_badge,
    facts,
    graph,
    legend,
    panel,
)
from app_dash.figures.keywords import keyword_figure
from app_dash.figures.timeline import timeline_figure
from app_dash.numbers import (
    ABSENT,
    NARROW,
    count,
    date_moment,
    moment,
    points,
    quantity,
)
from app_dash.outcomes import Passage
from app_dash.passage import RegionData, last_flare
from app_dash.region_query import RegionQuery, address
from app_dash.view import View
from solar.flares import EVENTS, HORIZON
from solar.sharp import BY_NAME, LIVE_KEYWORDS, Keyword

MAIN_KEYWORDS = ("TOTUSJH", "TOTPOT", "USFLUX", "SHRGT45", "MEANSHR", "ABSNJZH")
_DAY = np.timedelta64(24, "h")
_RUNGS = {"full": "Full window", "partial": "Partial keywords", "none": "No forecast"}


def timeline_panel(data: RegionData, shown: Passage, query: RegionQuery, view: View) -> Component:
    """Show probability and observed flares over time."""
    model = view.state.model.model_id if view.state.model else "no model"
    is_log = query.scale == "log"
    figure = timeline_figure(shown, data.shown, is_log=is_log, model=model, tokens=view.tokens)
    judged = Counter(str(mark.outcome) for mark in shown.flares if mark.outcome is not None)
    result = ", ".join(f"{n} {word}" for word, n in judged.items()) or "none observed"
    event = query.definition
    return panel(
        "Probability and observed flares",
        graph("timeline", figure, height=320, text=(
            f"Probability of a flare within 24 h of region {data.region.region_id} over"
            f" {count(len(shown.t_rec))} forecasts; {event.label} flares: {result}.")),
        subtitle=f"24 h ahead, outcome for {event.label}",
        actions=[legend("hit", "hit"), legend("miss", "miss"),
                 legend("false-alarm", "false alarm"), legend("no-data", "no forecast")],
    )  # fmt: skip


def keyword_panel(data: RegionData, query: RegionQuery, view: View) -> Component:
    """Show the keywords as small multiples; those the source does not carry are named."""
    chosen = LIVE_KEYWORDS if query.keywords == "all" else [BY_NAME[n] for n in MAIN_KEYWORDS]
    carried = [keyword for keyword in chosen if _known(data, keyword).any()]
    absent = [keyword.name for keyword in chosen if keyword not in carried]
    toggle = "main" if query.keywords == "all" else "all"
    label = f"Main {len(MAIN_KEYWORDS)}" if toggle == "main" else f"All {len(LIVE_KEYWORDS)}"
    href = address(data.region.region_id, query.changed(keywords=toggle))
    grid = html.Div([_multiple(data, keyword, view) for keyword in carried], className="multiples")
    note = html.P(f"Not in this source: {', '.join(absent)}", className="secondary absent")
    return panel(
        "SHARP keywords",
        grid if carried else empty_message("No keyword was stored in this range."),
        *([note] if absent else []),
        subtitle=f"{moment(data.shown.start_at)} – {moment(data.region.last_t_rec)} UTC",
        actions=dcc.Link(label, href=href, className="button"),
    )


def _values(data: RegionData, keyword: Keyword) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    column: np.ndarray[tuple[int], np.dtype[np.float64]]
    column = data.records.values[:, LIVE_KEYWORDS.index(keyword)]
    return column


def _known(data: RegionData, keyword: Keyword) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return ~np.isnan(_values(data, keyword))


def _multiple(data: RegionData, keyword: Keyword, view: View) -> Component:
    values = _values(data, keyword)
    last = float(values[_known(data, keyword)][-1]) / keyword.display_scale
    figure = keyword_figure(keyword, data.records.t_rec, values, data.shown, view.tokens)
    unit = keyword.display_unit
    return html.Div(
        [
            html.Div([html.B(keyword.name), html.Span(unit, className="unit-name")]),
            html.Div([html.Span(keyword.description, className="secondary"),
                      html.B(quantity(last))]),
            graph(f"keyword-{keyword.column}", figure, height=92,
                  text=f"{keyword.description} ({keyword.name}) over time,"
                       f" last {quantity(last)} {unit}."),
        ],
        className="multiple",
    )  # fmt: skip


def forecast_panel(data: RegionData) -> Component:
    """Show the newest forecast with its change over 24 h, or why there is none."""
    line = data.forecasts
    if not len(line.t_rec):
        return panel("Forecast", empty_message("No forecast was issued in this range."))
    at = data.region.last_t_rec
    subtitle = f"{moment(at)} → {moment(at + HORIZON)}"
    if np.isnan(line.probability[-1]).all():
        reason = line.reasons[-1] or "no reason given"
        return panel("Forecast", empty_message(f"No forecast: {reason}."), subtitle=subtitle)
    cells = [_forecast_cell(data, index) for index in range(len(EVENTS))]
    return panel("Forecast", html.Div(cells, className="forecast-cells"), subtitle=subtitle)


def _forecast_cell(data: RegionData, index: int) -> Component:
    line = data.forecasts
    value = _number(line.probability[-1, index])
    before = np.flatnonzero(line.t_rec <= line.t_rec[-1] - _DAY)
    then = _number(line.probability[before[-1], index]) if len(before) else None
    change = value - then if value is not None and then is not None else None
    return html.Div(
        [
            event_badge(EVENTS[index]),
            html.Div(big_percent(value), className="score"),
            html.Div(f"{points(change)} pp, 24 h", className="change"),
        ]
    )


def _share(data: RegionData) -> str:
    shares = data.forecasts.imputed_share
    return (
        f"{shares[-1] * 100:.0f}{NARROW}%" if len(shares) and shares[-1] == shares[-1] else ABSENT
    )


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def facts_panel(data: RegionData, view: View) -> Component:
    """List what is known of the region and its newest forecast."""
    region, line = data.region, data.forecasts
    day = [f for f in data.flares if region.last_t_rec - HORIZON < f.peak_at <= region.last_t_rec]
    letters = Counter(flare.goes_class[0] for flare in day)
    last = last_flare(data.flares, region.last_t_rec)
    rows = [
        ("Rung", _RUNGS.get(line.rungs[-1], line.rungs[-1]) if line.rungs else "–"),
        ("Imputed share", _share(data)),
        ("Area", "–" if region.area_acr is None else f"{count(round(region.area_acr))} µHem"),
        ("First seen", date_moment(region.first_t_rec)),
        ("Last record", date_moment(region.last_t_rec)),
        ("Flares 24 h", ", ".join(f"{letters[c]} {c}" for c in "XMC" if letters[c]) or "none"),
        ("Last flare", "–" if last is None else f"{last.goes_class}, {moment(last.peak_at)}"),
        ("Series", region.series),
        ("Model", view.state.model.model_id if view.state.model else "none live"),
    ]
    return panel("Facts", facts(rows))
