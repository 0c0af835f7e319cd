"""A small multiple: one SHARP keyword of one region over time, its gaps visible."""

from __future__ import annotations

import numpy as np

from app_dash.figures.chart import Figure, axis, chart
from app_dash.figures.gaps import Times, Values, broken_line, cadence, find_gaps, hatch
from app_dash.figures.time_axis import HOVER, epochs, time_axis
from app_dash.numbers import quantity
from app_dash.theme import Tokens
from solar.sharp import Keyword
from solar.time import Window

# The plot is some 250 pixels wide.
MOST_POINTS = 500


def keyword_figure(
    keyword: Keyword, times: Times, values: Values, shown: Window, tokens: Tokens
) -> Figure:
    """Draw values (n,) in the keyword's display unit; NaN and long silences break the line."""
    scaled = values / keyword.display_scale
    known = ~np.isnan(scaled)
    usual = cadence(times)
    line_t, line_v = broken_line(times, scaled, usual, most=MOST_POINTS)
    low, high = _span(scaled[known])
    unit = keyword.display_unit
    data = [
        hatch(find_gaps(times[known], usual), low, high, tokens),
        {
            "type": "scatter", "mode": "lines", "name": keyword.name, "x": epochs(line_t),
            "y": [float(f"{v:.5g}") if v == v else None for v in line_v], "connectgaps": False,
            "line": {"color": tokens.text, "width": 1.5},
            "hovertemplate": f"<b>%{{y:.4g}}</b> {unit}<br>{HOVER}<extra></extra>",
        },
        _last(times[known], scaled[known], tokens),
    ]  # fmt: skip
    ticks = [low, high] if known.any() else []
    return chart(
        tokens, data,
        xaxis=time_axis(tokens, shown.start_at, shown.end_at, title="", nticks=4,
                        tickformatstops=_DAYS),
        yaxis=axis(tokens, "", side="right", tickvals=ticks,
                   ticktext=[quantity(tick) for tick in ticks],
                   range=[low - 0.06 * (high - low), high + 0.06 * (high - low)]),
        margin={"l": 4, "r": 48, "t": 6, "b": 22},
    )  # fmt: skip


_DAYS = [
    {"dtickrange": [None, 86_399_999], "value": "%H:%M"},
    {"dtickrange": [86_400_000, None], "value": "%-d %b"},
]


def _span(values: Values) -> tuple[float, float]:
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _last(times: Times, values: Values, tokens: Tokens) -> dict[str, object]:
    return {
        "type": "scatter", "mode": "markers", "x": epochs(times[-1:]), "y": values[-1:],
        "marker": {"size": 6, "color": tokens.accent}, "hoverinfo": "skip",
    }  # fmt: skip
