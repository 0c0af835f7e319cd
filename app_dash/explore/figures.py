"""The figures of the Explore page: records over time, and the distribution of predictions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app_dash.shared.chart import (
    HOVER,
    Figure,
    Trace,
    axis,
    chart,
    epoch,
    epochs,
    time_axis,
)
from app_dash.shared.theme import Tokens
from solar.flares import Event
from solar.time import Window

_PALE = 0.3
# As many labels as a phone has room for.
_LABELLED = (0, 5, 10, 50, 100)
# The lower end of the logarithmic axis.
_FLOOR_PERCENT = 0.1
# With so few records a tick between whole numbers would be half a record.
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
    """Draw intervals of time; dragging over them chooses a range.

    Parameters
    ----------
    moments : (k,) start of each interval
    step : length of the intervals
    counts : (k,) records
    peaks : (k,) greatest probability of the event, NaN without a forecast
    window : the range that the axis spans
    covered : the counted part of the window; the rest is shaded
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


def _peaks(
    event: Event,
    middle: NDArray[np.float64],
    peaks: NDArray[np.float64],
    width: float,
    tokens: Tokens,
) -> Trace:
    percent = np.round(np.maximum(peaks * 100, _FLOOR_PERCENT), 3)
    return {
        "type": "bar",
        "name": f"greatest P({event.label})",
        "x": middle,
        "width": width,
        "y": [None if np.isnan(value) else value for value in percent.tolist()],
        "marker": {"color": tokens.mark(event.name), "line": {"width": 0}},
        "hovertemplate": f"greatest P({event.label}) %{{y:.1f}} %<br>{HOVER}<extra></extra>",
    }


def _counts(
    middle: NDArray[np.float64], counts: NDArray[np.int64], width: float, tokens: Tokens
) -> Trace:
    return {
        "type": "bar",
        "name": "records",
        "x": middle,
        "y": counts,
        "width": width,
        "yaxis": "y2",
        "marker": {"color": tokens.axis, "line": {"width": 0}},
        "hovertemplate": f"%{{y:,}} records<br>{HOVER}<extra></extra>",
    }


def _percent_axis(event: Event, tokens: Tokens) -> dict[str, Any]:
    ticks = {
        "type": "log",
        "range": [-1.02, 2.05],
        "tickvals": [0.1, 1, 10, 100],
        "ticktext": ["0.1", "1", "10", "100"],
    }
    return axis(tokens, f"P({event.label}), %", domain=[0.38, 1], **ticks)


def _uncovered(window: Window, covered: Window, tokens: Tokens) -> list[dict[str, Any]]:
    if covered.start_at <= window.start_at:
        return []
    return [
        {
            "type": "rect",
            "yref": "paper",
            "y0": 0,
            "y1": 1,
            "layer": "below",
            "x0": epoch(window.start_at),
            "x1": epoch(covered.start_at),
            "fillcolor": tokens.sunk,
            "line": {"width": 0},
        }
    ]


def _whole(counts: NDArray[np.int64]) -> dict[str, Any]:
    """Keep the ticks of a few records at whole numbers."""
    if len(counts) and counts.max() <= _FEW:
        return {"dtick": 1, "tickformat": "d"}
    return {"nticks": 3, "tickformat": "~s"}


def distribution_figure(
    event: Event,
    counts: Sequence[int],
    edges: Sequence[float],
    tokens: Tokens,
    *,
    chosen: tuple[float | None, float | None] | None = None,
) -> Figure:
    """Draw one event's histogram, a bar of equal width for every bin, on a logarithmic count.

    Parameters
    ----------
    counts : (k,) forecasts per bin
    edges : (k+1,) the bins' limits as probabilities
    chosen : lower and upper percentage of the reader's filter; other bars are pale
    """
    percents = [round(100 * edge) for edge in edges]
    bars = {
        "type": "bar",
        "x": [index + 0.5 for index in range(len(counts))],
        "y": [count or None for count in counts],
        "width": 0.9,
        "marker": {"color": tokens.mark(event.name), "opacity": _opacities(percents, chosen)},
        "customdata": [f"{low} to {high} %" for low, high in pairwise(percents)],
        "hovertemplate": f"P({event.label}) %{{customdata}}<br>%{{y:,}} forecasts<extra></extra>",
    }
    return chart(
        tokens,
        [bars],
        xaxis=_probability_axis(event, percents, tokens),
        yaxis=_count_axis(max([*counts, 1]), tokens),
        margin={"l": 48, "r": 16, "t": 8, "b": 40},
    )


def _opacities(
    percents: Sequence[int], chosen: tuple[float | None, float | None] | None
) -> list[float]:
    low, high = chosen or (None, None)
    return [
        1.0 if (low is None or lower >= low) and (high is None or upper <= high) else _PALE
        for lower, upper in pairwise(percents)
    ]


def _probability_axis(event: Event, percents: Sequence[int], tokens: Tokens) -> dict[str, Any]:
    marked = [(index, percent) for index, percent in enumerate(percents) if percent in _LABELLED]
    return axis(
        tokens,
        f"P({event.label}), %",
        range=[0, len(percents) - 0.8],
        tickvals=[index for index, _ in marked],
        ticktext=[str(percent) for _, percent in marked],
        tickangle=0,
        showgrid=False,
    )


def _count_axis(largest: int, tokens: Tokens) -> dict[str, Any]:
    powers = range(len(str(largest)) + 1)
    return axis(
        tokens,
        type="log",
        range=[-0.2, powers[-1]],
        tickvals=[10**power for power in powers],
        ticktext=[_short(power) for power in powers],
    )


def _short(power: int) -> str:
    """Write a power of ten: ``1``, ``100``, ``10k``, ``1M``."""
    thousands, rest = divmod(power, 3)
    return f"{10**rest}{('', 'k', 'M', 'G')[thousands]}"
