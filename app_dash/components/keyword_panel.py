"""The panel of SHARP keywords as small multiples."""

from __future__ import annotations

import numpy as np
from dash import dcc, html
from dash.development.base_component import Component
from numpy.typing import NDArray

from app_dash.components.panels import empty_message, graph, panel
from app_dash.figures.keywords import KeywordLine, keyword_figure
from app_dash.numbers import moment, quantity
from app_dash.region.data import RegionData
from app_dash.region.keyword_groups import MAIN_KEYWORDS
from app_dash.region.query import RegionQuery, address
from app_dash.view import View
from solar.sharp import BY_NAME, LIVE_KEYWORDS, Keyword
from solar.time import to_datetime64


def keyword_panel(data: RegionData, query: RegionQuery, view: View) -> Component:
    """Show the keywords with their values as of the time shown; those not carried are named."""
    chosen = LIVE_KEYWORDS if query.keywords == "all" else [BY_NAME[n] for n in MAIN_KEYWORDS]
    lines = [_line(data, keyword) for keyword in chosen]
    carried = [line for line in lines if not np.isnan(line.values).all()]
    absent = [line.keyword.name for line in lines if line not in carried]
    end_at = min(data.region.last_t_rec, data.shown.end_at)
    toggle = "main" if query.keywords == "all" else "all"
    label = f"Main {len(MAIN_KEYWORDS)}" if toggle == "main" else f"All {len(LIVE_KEYWORDS)}"
    href = address(data.region.region_id, query.changed(keywords=toggle))
    grid = html.Div([_multiple(line, data, view) for line in carried], className="multiples")
    note = html.P(f"Not in this source: {', '.join(absent)}", className="secondary absent")
    return panel(
        "SHARP keywords",
        grid if carried else empty_message("No keyword was stored in this range."),
        *([note] if absent else []),
        subtitle=f"{moment(data.shown.start_at)} – {moment(end_at)} UTC, bold: {_when(data)}",
        actions=dcc.Link(label, href=href, className="button"),
        how="region-keywords",
    )


def _when(data: RegionData) -> str:
    return f"as of {moment(data.at)}" if data.as_of else "newest"


def _line(data: RegionData, keyword: Keyword) -> KeywordLine:
    shown = in_range(data)
    times = data.records.t_rec[shown]
    values = data.records.values[shown, LIVE_KEYWORDS.index(keyword)]
    is_known = np.ones(len(times), bool)
    if data.as_of is not None:
        is_known = times <= to_datetime64(data.as_of)
    return KeywordLine(keyword, times, values, is_known, imputed_times(data, times, values))


def in_range(data: RegionData) -> NDArray[np.bool_]:
    """Tell which records lie in the range shown; the network needs some from before it."""
    return np.asarray(data.records.t_rec >= to_datetime64(data.shown.start_at), np.bool_)


def imputed_times(
    data: RegionData, times: NDArray[np.datetime64], values: NDArray[np.float64]
) -> NDArray[np.datetime64]:
    """Return the times of records that lack a value and from which a forecast was made."""
    line = data.issued.line
    made = line.t_rec[~np.isnan(line.probability).all(axis=1)]
    missing: NDArray[np.datetime64] = times[np.isnan(values)]
    return missing[np.isin(missing, made)]


def _multiple(line: KeywordLine, data: RegionData, view: View) -> Component:
    keyword, place = line.keyword, line.standing
    value = quantity(None if place is None else float(line.scaled[place]))
    unit = keyword.display_unit
    return html.Div(
        [
            html.Div([html.B(keyword.name), html.Span(unit, className="unit-name")]),
            html.Div([html.Span(keyword.description, className="secondary"), html.B(value)]),
            graph(f"keyword-{keyword.column}", keyword_figure(line, data.shown, view.tokens),
                  height=92,
                  text=f"{keyword.description} ({keyword.name}) over time, {_when(data)}"
                       f" {value} {unit}."),
        ],
        className="multiple",
    )  # fmt: skip
