"""The frame that all figures share: axes of values and of time, fonts, margins."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app_dash.shared.theme import FONT, Tokens
from solar.time import nominal, nominal_times

Figure = dict[str, Any]
Trace = dict[str, Any]
# The panel has the title. No mode bar, and no zooming while a finger scrolls the page. A slow
# machine needs time between the two clicks of a double click.
CONFIG: dict[str, Any] = {
    "displayModeBar": False,
    "responsive": True,
    "scrollZoom": False,
    "doubleClickDelay": 800,
}
HOVER = "%{x|%-d %b %Y %H:%M} UTC"
_FORMATS = [
    {"dtickrange": [None, 86_399_999], "value": "%H:%M\n%-d %b"},
    {"dtickrange": [86_400_000, "M1"], "value": "%-d %b\n%Y"},
    {"dtickrange": ["M1", None], "value": "%b %Y"},
]


def chart(
    tokens: Tokens,
    data: list[Trace],
    *,
    xaxis: dict[str, Any],
    yaxis: dict[str, Any],
    **more: Any,
) -> Figure:
    """Lay traces out on the panel's background with the shared fonts and margins."""
    layout = {
        "font": {"family": FONT, "size": 11, "color": tokens.text2},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 44, "r": 12, "t": 8, "b": 40},
        "showlegend": False,
        "dragmode": False,
        "hoverlabel": {"font": {"family": FONT, "size": 12}},
        "xaxis": xaxis,
        "yaxis": yaxis,
        **more,
    }
    return {"data": data, "layout": layout}


def axis(tokens: Tokens, title: str = "", **more: Any) -> dict[str, Any]:
    """Return an axis in the style of the dashboard; its range is fixed."""
    return {
        "title": {"text": title, "font": {"size": 11}, "standoff": 6},
        "gridcolor": tokens.grid,
        "linecolor": tokens.axis,
        "zeroline": False,
        "ticks": "",
        "fixedrange": True,
        "tickfont": {"size": 11, "color": tokens.text2},
        **more,
    }


def percent_axis(tokens: Tokens, title: str, **more: Any) -> dict[str, Any]:
    """Return an axis from 0 to 100 %, with room for marks at its ends."""
    ticks = {"tickvals": [0, 25, 50, 75, 100], "range": [-2, 102]}
    return axis(tokens, title, **{**ticks, **more})


def note(tokens: Tokens, text: str, **place: Any) -> dict[str, Any]:
    """Return a label inside the plot."""
    return {
        "text": text,
        "showarrow": False,
        "font": {"size": 11, "color": place.pop("color", tokens.text2)},
        **place,
    }


def time_axis(
    tokens: Tokens, start_at: datetime, end_at: datetime, *, title: str = "Time, UTC", **more: Any
) -> dict[str, Any]:
    """Return a time axis [start_at, end_at)."""
    shown = [epoch(start_at), epoch(end_at)]
    fixed = {"type": "date", "range": shown, "tickformatstops": _FORMATS}
    return axis(tokens, title, **{**fixed, **more})


def epoch(at: datetime) -> float:
    """Return a time as the milliseconds that a time axis counts; a record stands at its slot."""
    return nominal(at).timestamp() * 1000


def epochs(times: NDArray[np.datetime64]) -> NDArray[np.float64]:
    """Return times (n,) as milliseconds (n,), as `epoch` does one; NaT becomes NaN."""
    milliseconds = nominal_times(times).astype("datetime64[ms]").astype(np.float64)
    return np.where(np.isnat(times), np.nan, milliseconds)
