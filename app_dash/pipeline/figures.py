"""The figures of the Pipeline page: throughput, percentiles of durations, and drift."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app_dash.shared.chart import HOVER, Figure, Trace, axis, chart, epochs, note, time_axis
from app_dash.shared.sparkline import Scale, address, sparkline
from app_dash.shared.theme import Tokens
from solar.drift import DRIFT, WATCH, Assessment, Band
from solar.durations import DurationScale
from solar.time import Window

SHARES = (0.5, 0.95, 0.99)
NAMES = ("p50", "p95", "p99")
# So many senders have their own colour and pattern; the others are summed.
MOST_NAMED = 5
OTHERS = "others"
# Labels at the ends of lines are at least this share of the axis apart.
APART = 0.11
MOST_PATTERNED = 120
PATTERNS = ("", "/", "x", ".", "\\", "-")
Floats = NDArray[np.float64]
MOST_POINTS = 120
_LINE = Scale(width=160, height=24, low=-3.0, high=3.0)
_MARK = Scale(width=160, height=24, low=0.0, high=1.0)
_INSET = 6.0


def sender_colours(tokens: Tokens) -> tuple[str, ...]:
    """Return the colours of the named senders and of the others."""
    return (
        tokens.accent,
        tokens.c_mark,
        tokens.ok,
        tokens.x_mark,
        tokens.m_mark,
        tokens.false_alarm,
    )


def largest_senders(rows: dict[str, NDArray[np.int64]]) -> dict[str, NDArray[np.int64]]:
    """Keep the senders with the most rows, by name, and sum the others."""
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
            "type": "bar",
            "name": name,
            "x": middle,
            "y": counted / bucket_seconds,
            "width": bucket_seconds * 1000,
            "customdata": counted,
            "marker": _bar_style(MOST_NAMED if name == OTHERS else place, len(start_at), tokens),
            "hovertemplate": f"{HOVER}<br>{name}: %{{customdata:,}} rows, %{{y:.3g}} rows/s"
            "<extra></extra>",
        }
        for place, (name, counted) in enumerate(largest_senders(rows).items())
    ]
    return chart(
        tokens,
        traces,
        xaxis=time_axis(tokens, window.start_at, window.end_at, title="Time of receipt, UTC"),
        yaxis=axis(tokens, "Rows a second", rangemode="tozero", nticks=5),
        barmode="stack",
        bargap=0,
        margin={"l": 52, "r": 12, "t": 8, "b": 52},
    )


def _bar_style(slot: int, bars: int, tokens: Tokens) -> dict[str, Any]:
    """Return the marker of one sender's bars; thin bars have no pattern."""
    pattern = {
        "shape": PATTERNS[slot] if bars <= MOST_PATTERNED else "",
        "fillmode": "overlay",
        "solidity": 0.25,
        "size": 6,
        "fgcolor": tokens.panel,
        "fgopacity": 1,
    }
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
            "type": "scatter",
            "mode": "lines+markers",
            "name": name,
            "x": middle,
            "y": values[:, place],
            "line": line,
            "marker": {"size": 4, "color": line["color"]},
            "hovertemplate": f"{HOVER}<br>{name} %{{y:.3g}} {unit}<extra></extra>",
        }
        for place, (name, line) in enumerate(zip(NAMES, lines, strict=True))
    ]
    return chart(
        tokens,
        traces,
        xaxis=time_axis(tokens, window.start_at, window.end_at, title="Time of receipt, UTC"),
        yaxis=axis(tokens, f"{title}, {unit}", type="log", **_decades(values)),
        annotations=_percentile_labels(values, tokens, [str(line["color"]) for line in lines]),
        margin={"l": 60, "r": 40, "t": 8, "b": 52},
    )


def percentiles(histograms: NDArray[np.int64], scale: DurationScale) -> Floats:
    """Return p50, p95 and p99 (n, 3) [s]; NaN without a duration or beyond the scale."""
    quantiles = scale.quantiles(histograms, SHARES)
    return np.where(np.isfinite(quantiles), quantiles, np.nan)


def _decades(values: Floats) -> dict[str, Any]:
    """Return an axis range of whole decades, so that it does not change with every point."""
    low, high = _ends(values)
    ticks = [10.0**power for power in range(low, high + 1)]
    return {"range": [low, high], "tickvals": ticks, "ticktext": [f"{tick:,g}" for tick in ticks]}


def _ends(values: Floats) -> tuple[int, int]:
    known = values[~np.isnan(values)]
    if not known.size:
        return 0, 1
    low, high = np.floor(np.log10(known.min())), np.ceil(np.log10(known.max()))
    return int(low), int(max(high, low + 1))


def _percentile_labels(
    values: Floats, tokens: Tokens, colours: Sequence[str]
) -> list[dict[str, Any]]:
    """Label each line at its last point, moving overlapping labels apart."""
    last = [(p, np.flatnonzero(~np.isnan(values[:, p]))) for p in range(len(NAMES))]
    low, high = _ends(values)
    apart = APART * (high - low)
    labels: list[dict[str, Any]] = []
    below = -np.inf
    for place, known in last:
        if not known.size:
            continue
        height = max(float(np.log10(values[known[-1], place])), below + apart)
        below = height
        labels.append(
            note(
                tokens,
                NAMES[place],
                x=1,
                y=height,
                xref="paper",
                yref="y",
                xanchor="left",
                xshift=4,
                color=colours[place],
            )
        )
    return labels


def thinned(shifts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average days (d,) in runs until a line of them fits; NaN does not count."""
    step = -(-len(shifts) // MOST_POINTS)
    if step <= 1:
        return shifts
    padded = np.full(-(-len(shifts) // step) * step, np.nan)
    padded[: len(shifts)] = shifts
    runs = padded.reshape(-1, step)
    known = np.count_nonzero(~np.isnan(runs), axis=1)
    means: NDArray[np.float64] = np.full(len(runs), np.nan)
    np.divide(np.nansum(runs, axis=1), known, out=means, where=known > 0)
    return means


def median_line(shifts: NDArray[np.float64], tokens: Tokens) -> str:
    """Draw each day's shift of the median in deciles, as an image address."""
    return sparkline(
        thinned(shifts), _LINE, colour=tokens.accent, threshold=0.0, threshold_colour=tokens.axis
    )


def verdict_colour(verdict: Band, tokens: Tokens) -> str:
    """Return the colour of a verdict; the word is always beside it."""
    return {"no drift": tokens.ok, "watch": tokens.warning, "drift": tokens.error}[verdict]


def psi_mark(assessment: Assessment, tokens: Tokens) -> str:
    """Draw a PSI on a root scale from 0 to 1, with its interval and both bands as lines.

    The pale part is what the scatter of the days explains.
    """
    colour = verdict_colour(assessment.band, tokens)
    middle = _MARK.height / 2
    explained = _place(assessment.explained)
    drawn = [
        f'<rect x="{_INSET}" y="4" width="{explained - _INSET:.1f}" height="{_MARK.height - 8}"'
        f' fill="{tokens.border}"/>',
        *(
            f'<path d="M{_place(band):.1f} 2V{_MARK.height - 2}" stroke="{tokens.axis}"'
            ' stroke-dasharray="2 3"/>'
            for band in (WATCH, DRIFT)
        ),
        f'<path d="M{_place(assessment.low):.1f} {middle}H{_place(assessment.high):.1f}"'
        f' stroke="{colour}" stroke-width="2"/>',
        f'<circle cx="{_place(assessment.psi):.1f}" cy="{middle}" r="4" fill="{colour}"/>',
    ]
    return address("".join(drawn), _MARK)


def _place(value: float) -> float:
    """Return the place of a PSI [px] on a root scale; 1 and above is the end."""
    share = float(np.sqrt(min(max(value, 0.0), 1.0)))
    return _INSET + share * (_MARK.width - 2 * _INSET)
