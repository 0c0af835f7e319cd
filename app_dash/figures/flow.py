"""The flow over time: rows a second from every sender, and percentiles of what took time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app_dash.figures.chart import Figure, Trace, axis, chart, note
from app_dash.figures.time_axis import HOVER, epochs, time_axis
from app_dash.theme import Tokens
from solar.durations import DurationScale
from solar.time import Window

SHARES = (0.5, 0.95, 0.99)
NAMES = ("p50", "p95", "p99")
# So many senders have a colour and a pattern of their own; the others stand together.
MOST_NAMED = 5
OTHERS = "others"
# Labels at the end of lines keep this share of the axis between them.
APART = 0.11
MOST_PATTERNED = 120
PATTERNS = ("", "/", "x", ".", "\\", "-")

Floats = NDArray[np.float64]


def sender_colours(tokens: Tokens) -> tuple[str, ...]:
    """Return the colours of the named senders and of the others."""
    return (
        tokens.accent, tokens.c_mark, tokens.ok, tokens.x_mark, tokens.m_mark, tokens.false_alarm,
    )  # fmt: skip


def named(rows: dict[str, NDArray[np.int64]]) -> dict[str, NDArray[np.int64]]:
    """Keep the senders with the most rows, by name, and add the others up."""
    most = sorted(rows, key=lambda name: (-int(rows[name].sum()), name))
    kept = {name: rows[name] for name in sorted(most[:MOST_NAMED])}
    rest = [rows[name] for name in most[MOST_NAMED:]]
    return {**kept, OTHERS: np.sum(rest, axis=0)} if rest else kept


def throughput_figure(
    start_at: NDArray[np.datetime64],
    rows: dict[str, NDArray[np.int64]],
    bucket_seconds: int,
    window: Window,
    tokens: Tokens,
) -> Figure:
    """Draw rows a second (n,) of each sender, stacked; a bucket without rows stays empty."""
    middle = epochs(start_at + np.timedelta64(bucket_seconds * 500, "ms"))
    traces = [
        {
            "type": "bar", "name": name, "x": middle, "y": counted / bucket_seconds,
            "width": bucket_seconds * 1000, "customdata": counted,
            "marker": _look(MOST_NAMED if name == OTHERS else place, len(start_at), tokens),
            "hovertemplate": f"{HOVER}<br>{name}: %{{customdata:,}} rows, %{{y:.3g}} rows/s"
            "<extra></extra>",
        }
        for place, (name, counted) in enumerate(named(rows).items())
    ]  # fmt: skip
    return chart(
        tokens, traces,
        xaxis=time_axis(tokens, window.start_at, window.end_at, title="Time of receipt, UTC"),
        yaxis=axis(tokens, "Rows a second", rangemode="tozero", nticks=5),
        barmode="stack",
        bargap=0,
        margin={"l": 52, "r": 12, "t": 8, "b": 52},
    )  # fmt: skip


def _look(slot: int, bars: int, tokens: Tokens) -> dict[str, Any]:
    """Fill the bars of one sender; a pattern would break thin ones into pieces."""
    pattern = {"shape": PATTERNS[slot] if bars <= MOST_PATTERNED else "", "fillmode": "overlay",
               "solidity": 0.25, "size": 6, "fgcolor": tokens.panel, "fgopacity": 1}  # fmt: skip
    return {"color": sender_colours(tokens)[slot], "line": {"width": 0}, "pattern": pattern}


def durations_figure(
    start_at: NDArray[np.datetime64],
    histograms: NDArray[np.int64],
    scale: DurationScale,
    window: Window,
    tokens: Tokens,
    *,
    bucket_seconds: int,
    unit: str,
    per_unit: float,
    title: str,
) -> Figure:
    """Draw the percentiles of durations in each bucket, on a logarithmic axis.

    Parameters
    ----------
    histograms : (n, bins) on `scale`
    per_unit : one `unit` in seconds
    """
    values = percentiles(histograms, scale) / per_unit
    middle = epochs(start_at + np.timedelta64(bucket_seconds * 500, "ms"))
    lines = [
        {"color": tokens.accent, "width": 2, "dash": "solid"},
        {"color": tokens.text2, "width": 1.5, "dash": "solid"},
        {"color": tokens.text3, "width": 1.5, "dash": "dot"},
    ]
    traces: list[Trace] = [
        {
            "type": "scatter", "mode": "lines+markers", "name": name, "x": middle,
            "y": values[:, place], "line": line, "marker": {"size": 4, "color": line["color"]},
            "hovertemplate": f"{HOVER}<br>{name} %{{y:.3g}} {unit}<extra></extra>",
        }
        for place, (name, line) in enumerate(zip(NAMES, lines, strict=True))
    ]  # fmt: skip
    return chart(
        tokens, traces,
        xaxis=time_axis(tokens, window.start_at, window.end_at, title="Time of receipt, UTC"),
        yaxis=axis(tokens, f"{title}, {unit}", type="log", **_range(values)),
        annotations=_labels(values, tokens, [str(line["color"]) for line in lines]),
        margin={"l": 60, "r": 40, "t": 8, "b": 52},
    )  # fmt: skip


def percentiles(histograms: NDArray[np.int64], scale: DurationScale) -> Floats:
    """Return p50, p95 and p99 (n, 3) [s]; NaN without a duration or beyond the scale."""
    found = scale.quantiles(histograms, SHARES)
    return np.where(np.isfinite(found), found, np.nan)


def _range(values: Floats) -> dict[str, Any]:
    """Cover whole decades, so that the axis does not follow every new point."""
    low, high = _ends(values)
    ticks = [10.0**power for power in range(low, high + 1)]
    return {"range": [low, high], "tickvals": ticks,
            "ticktext": [f"{tick:,g}" for tick in ticks]}  # fmt: skip


def _ends(values: Floats) -> tuple[int, int]:
    known = values[~np.isnan(values)]
    if not known.size:
        return 0, 1
    low, high = np.floor(np.log10(known.min())), np.ceil(np.log10(known.max()))
    return int(low), int(max(high, low + 1))


def _labels(values: Floats, tokens: Tokens, colours: Sequence[str]) -> list[dict[str, Any]]:
    """Name each line at its last point, apart where they lie on each other."""
    last = [(p, np.flatnonzero(~np.isnan(values[:, p]))) for p in range(len(NAMES))]
    low, high = _ends(values)
    apart = APART * (high - low)
    found: list[dict[str, Any]] = []
    below = -np.inf
    for place, known in last:
        if not known.size:
            continue
        height = max(float(np.log10(values[known[-1], place])), below + apart)
        below = height
        found.append(
            note(tokens, NAMES[place], x=1, y=height, xref="paper", yref="y", xanchor="left",
                 xshift=4, color=colours[place])
        )  # fmt: skip
    return found
