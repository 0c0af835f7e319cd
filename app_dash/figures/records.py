"""The records of a range over time: the greatest forecast above, how many there are below."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app_dash.figures.chart import Figure, Trace, axis, chart
from app_dash.figures.time_axis import HOVER, epoch, epochs, time_axis
from app_dash.theme import Tokens
from solar.flares import Event
from solar.time import Window

# Below the log axis of the other figures nobody asks for the difference.
_FLOOR_PERCENT = 0.1
# So few records that a mark between would stand for half of one.
_FEW = 2


def records_figure(
    event: Event,
    moments: NDArray[np.datetime64],
    *,
    step: np.timedelta64,
    counts: NDArray[np.int64],
    peaks: NDArray[np.float64],
    window: Window,
    covered: Window,
    tokens: Tokens,
) -> Figure:
    """Draw stretches of time; dragging over them chooses a range.

    Parameters
    ----------
    moments : (k,) where each stretch begins
    step : how long all are
    counts : (k,) records
    peaks : (k,) greatest probability of the event, NaN without a forecast
    window : the range that the axis spans
    covered : the part of it that was counted; the rest is shaded
    """
    width = float(step / np.timedelta64(1, "ms"))
    middle = epochs(moments) + width / 2
    return chart(
        tokens,
        [_peaks(event, middle, peaks, width, tokens), _counts(middle, counts, width, tokens)],
        xaxis=time_axis(
            tokens, window.start_at, window.end_at, title="", anchor="y2", fixedrange=False
        ),
        yaxis=_percent_axis(event, tokens),
        yaxis2=axis(tokens, "", domain=[0, 0.3], rangemode="tozero", **_whole(counts)),
        shapes=_uncovered(window, covered, tokens),
        margin={"l": 48, "r": 16, "t": 8, "b": 36},
        dragmode="zoom",
        bargap=0,
        hovermode="closest",
    )


def _whole(counts: NDArray[np.int64]) -> dict[str, Any]:
    """Keep the marks of a few records at whole numbers."""
    if len(counts) and counts.max() <= _FEW:
        return {"dtick": 1, "tickformat": "d"}
    return {"nticks": 3, "tickformat": "~s"}


def _peaks(
    event: Event, middle: NDArray[np.float64], peaks: NDArray[np.float64], width: float,
    tokens: Tokens,
) -> Trace:  # fmt: skip
    percent = np.round(np.maximum(peaks * 100, _FLOOR_PERCENT), 3)
    return {
        "type": "bar", "name": f"greatest P({event.label})", "x": middle, "width": width,
        "y": [None if np.isnan(value) else value for value in percent.tolist()],
        "marker": {"color": tokens.mark(event.name), "line": {"width": 0}},
        "hovertemplate": f"greatest P({event.label}) %{{y:.1f}} %<br>{HOVER}<extra></extra>",
    }  # fmt: skip


def _counts(
    middle: NDArray[np.float64], counts: NDArray[np.int64], width: float, tokens: Tokens
) -> Trace:
    return {
        "type": "bar", "name": "records", "x": middle, "y": counts, "width": width, "yaxis": "y2",
        "marker": {"color": tokens.axis, "line": {"width": 0}},
        "hovertemplate": f"%{{y:,}} records<br>{HOVER}<extra></extra>",
    }  # fmt: skip


def _percent_axis(event: Event, tokens: Tokens) -> dict[str, Any]:
    ticks = {"type": "log", "range": [-1.02, 2.05], "tickvals": [0.1, 1, 10, 100],
             "ticktext": ["0.1", "1", "10", "100"]}  # fmt: skip
    return axis(tokens, f"P({event.label}), %", domain=[0.38, 1], **ticks)


def _uncovered(window: Window, covered: Window, tokens: Tokens) -> list[dict[str, Any]]:
    if covered.start_at <= window.start_at:
        return []
    return [{
        "type": "rect", "yref": "paper", "y0": 0, "y1": 1, "layer": "below",
        "x0": epoch(window.start_at), "x1": epoch(covered.start_at),
        "fillcolor": tokens.sunk, "line": {"width": 0},
    }]  # fmt: skip
