"""The lanes of completeness: which records of a region came in, and where some are missing."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from dash import html
from dash.development.base_component import Component

from app_dash.components.aria import labelled
from app_dash.components.panels import legend, panel
from app_dash.figures.gaps import Gap, Times, cadence, find_gaps
from app_dash.numbers import count, duration, moment
from app_dash.passage import RegionData
from solar.sharp import LIVE_KEYWORDS, Keyword
from solar.time import to_datetime, to_datetime64

_GROUPS: dict[str, tuple[str, ...]] = {
    "Currents, helicity": (
        "TOTUSJZ", "TOTUSJH", "ABSNJZH", "SAVNCPP", "MEANJZD", "MEANJZH", "MEANALP",
    ),
    "Energy, flux": ("USFLUX", "TOTPOT", "MEANPOT", "R_VALUE", "AREA_ACR"),
    "Shear, gradients": ("MEANSHR", "SHRGT45", "MEANGAM", "MEANGBT", "MEANGBZ", "MEANGBH"),
}  # fmt: skip


def completeness_panel(data: RegionData) -> Component:
    """Show the stretches that are missing, by group of keywords and for the forecasts."""
    usual = cadence(data.records.t_rec)
    lanes = [
        _lane(name, f"{len(names)} keywords", _present(data, names), data, usual)
        for name, names in _GROUPS.items()
    ]
    issued = data.forecasts.t_rec[~np.isnan(data.forecasts.probability).all(axis=1)]
    lanes.append(_lane("Forecast issued", "live model", issued, data, usual))
    whole = data.region.last_t_rec - data.shown.start_at
    expected = round(whole / timedelta(seconds=float(usual / np.timedelta64(1, "s")))) + 1
    return panel(
        "Data completeness",
        html.Div(lanes, className="lanes"),
        subtitle=f"{count(len(data.records.t_rec))} of {count(expected)} frames",
        actions=[legend("present", "present"), legend("missing", "missing")],
    )


def _present(data: RegionData, names: tuple[str, ...]) -> Times:
    columns = [i for i, keyword in enumerate(LIVE_KEYWORDS) if _is_of(keyword, names)]
    known = ~np.isnan(data.records.values[:, columns])
    carried = known.any(axis=0)
    if not carried.any():
        return data.records.t_rec[:0]
    times: Times = data.records.t_rec[known[:, carried].all(axis=1)]
    return times


def _is_of(keyword: Keyword, names: tuple[str, ...]) -> bool:
    return keyword.name in names


def _lane(name: str, note: str, times: Times, data: RegionData, usual: np.timedelta64) -> Component:
    start, end = data.shown.start_at, data.region.last_t_rec
    edges = np.array([to_datetime64(start), to_datetime64(end)])
    gaps = (
        find_gaps(np.unique(np.concatenate([edges, times])), usual) if len(times) else [Gap(*edges)]
    )
    marks = [_mark(gap, edges) for gap in gaps]
    said = "complete" if not gaps else f"missing: {'; '.join(_words(gap) for gap in gaps[:3])}"
    bar = html.Div(marks, className="lane-bar", role="img", title=said,
                   **labelled(f"{name}, {said}"))  # fmt: skip
    return html.Div([html.Span([name, html.Small(note)]), bar], className="lane")


def _mark(gap: Gap, edges: Times) -> Component:
    whole = (edges[1] - edges[0]) / np.timedelta64(1, "s") or 1.0
    left = (gap.start_at - edges[0]) / np.timedelta64(1, "s") / whole
    width = (gap.end_at - gap.start_at) / np.timedelta64(1, "s") / whole
    return html.I(style={"left": f"{left:.3%}", "width": f"{width:.3%}"})


def _words(gap: Gap) -> str:
    start, end = to_datetime(gap.start_at), to_datetime(gap.end_at)
    return f"{duration(end - start)} from {moment(start)}"
