"""The figures of SHARP keywords: a small multiple over time, and the network of correlations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app_dash.shared.chart import HOVER, Figure, Trace, axis, chart, note, time_axis
from app_dash.shared.gaps import (
    CADENCES_TO_A_MISSING_RECORD,
    Times,
    Values,
    broken_line,
    cadence,
    find_gaps,
    hatch,
    stamps,
)
from app_dash.shared.numbers import quantity
from app_dash.shared.theme import Tokens
from solar.network import Edges
from solar.sharp import Keyword
from solar.time import Window

# The plot is some 250 pixels wide.
MOST_POINTS = 300
_DAYS = [
    {"dtickrange": [None, 86_399_999], "value": "%H:%M"},
    {"dtickrange": [86_400_000, None], "value": "%-d %b"},
]
Correlations = NDArray[np.float64]
_GONE, _NEGATIVE = "2px,3px", "5px,2px"


@dataclass(frozen=True)
class KeywordLine:
    """The values (n,) of a keyword at times (n,), NaN where missing.

    `is_known` (n,) tells which values were known as of the time shown, `imputed` (m,) are the
    times of forecasts for which a missing value was imputed.
    """

    keyword: Keyword
    times: Times
    values: Values
    is_known: NDArray[np.bool_]
    imputed: Times

    @property
    def scaled(self) -> Values:
        """The values in the unit for display."""
        return np.asarray(self.values / self.keyword.display_scale, np.float64)

    @property
    def newest(self) -> int | None:
        """The index of the newest known value, None without one."""
        known = np.flatnonzero(self.is_known & ~np.isnan(self.values))
        return int(known[-1]) if len(known) else None


def keyword_figure(line: KeywordLine, shown: Window, tokens: Tokens) -> Figure:
    """Draw a keyword in its display unit; NaN and gaps break the line."""
    scaled, usual_cadence = line.scaled, cadence(line.times)
    is_given = ~np.isnan(scaled)
    low, high = _span(scaled[is_given])
    gaps = find_gaps(line.times[is_given], usual_cadence, cadences=CADENCES_TO_A_MISSING_RECORD)
    parts = [_part(line, line.is_known, usual_cadence, tokens.text)]
    if not line.is_known.all():
        parts.append(_part(line, ~line.is_known, usual_cadence, tokens.axis))
    ticks = [low, high] if is_given.any() else []
    return chart(
        tokens,
        [
            hatch(gaps, low, high, tokens),
            *parts,
            _imputed(line.imputed, low, tokens),
            _current_value(line, tokens),
        ],
        xaxis=time_axis(
            tokens, shown.start_at, shown.end_at, title="", nticks=4, tickformatstops=_DAYS
        ),
        yaxis=axis(
            tokens,
            "",
            side="right",
            tickvals=ticks,
            ticktext=[quantity(tick) for tick in ticks],
            range=[low - 0.06 * (high - low), high + 0.06 * (high - low)],
        ),
        shapes=_as_of_line(line, tokens),
        margin={"l": 4, "r": 48, "t": 6, "b": 22},
    )


def _span(values: Values) -> tuple[float, float]:
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _part(
    line: KeywordLine, kept: NDArray[np.bool_], usual_cadence: np.timedelta64, colour: str
) -> Trace:
    times, values = broken_line(
        line.times[kept],
        line.scaled[kept],
        usual_cadence,
        most=MOST_POINTS,
        cadences=CADENCES_TO_A_MISSING_RECORD,
    )
    return {
        "type": "scatter",
        "mode": "lines",
        "name": line.keyword.name,
        "x": stamps(times),
        "y": _rounded(values),
        "connectgaps": False,
        "line": {"color": colour, "width": 1.5},
        "hovertemplate": f"<b>%{{y:.4g}}</b> {line.keyword.display_unit}<br>{HOVER}<extra></extra>",
    }


def _rounded(values: Values) -> Values:
    """Round to the fourth digit of the largest value; finer details are invisible."""
    largest = float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
    return np.asarray(np.round(values, 3 - int(np.floor(np.log10(largest)))), np.float64)


def _imputed(times: Times, low: float, tokens: Tokens) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "imputed",
        "x": stamps(times[:MOST_POINTS]),
        "y": [low] * min(len(times), MOST_POINTS),
        "marker": {"symbol": "circle-open", "size": 5, "color": tokens.accent},
        "hovertemplate": f"missing, imputed for the forecast<br>{HOVER}<extra></extra>",
    }


def _current_value(line: KeywordLine, tokens: Tokens) -> Trace:
    place = [] if line.newest is None else [line.newest]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": stamps(line.times[place]),
        "y": line.scaled[place],
        "marker": {"size": 6, "color": tokens.accent},
        "hoverinfo": "skip",
    }


def _as_of_line(line: KeywordLine, tokens: Tokens) -> list[dict[str, object]]:
    """Draw the as-of time, if some values became known later."""
    if line.is_known.all() or not line.is_known.any():
        return []
    at = int(stamps(line.times[line.is_known][-1:])[0])
    return [
        {
            "type": "line",
            "x0": at,
            "x1": at,
            "yref": "paper",
            "y0": 0,
            "y1": 1,
            "line": {"color": tokens.accent, "width": 1.5},
        }
    ]


def matrix_figure(
    keywords: Sequence[Keyword], now: Correlations, before: Correlations, tokens: Tokens
) -> Figure:
    """Draw r (k, k) below the diagonal, and its change since the window before above it.

    NaN, an undefined correlation, is left blank.
    """
    names = [keyword.name for keyword in keywords]
    k = len(names)
    is_below = np.tri(k, k=-1, dtype=bool)
    shown = np.where(is_below, now, np.where(is_below.T, now - before, np.nan))
    texts = [[_hover(names, (i, j), now, before) for j in range(k)] for i in range(k)]
    cells = {
        "type": "heatmap",
        "x": names,
        "y": names,
        "z": np.round(shown, 2),
        "zmin": -1,
        "zmax": 1,
        "colorscale": _scale(tokens),
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
        "text": texts,
        "hoverongaps": False,
        "hovertemplate": "%{text}<extra></extra>",
    }
    return chart(
        tokens,
        [cells],
        xaxis=axis(tokens, "", showgrid=False, tickangle=-90, tickfont=_small(tokens)),
        yaxis=axis(tokens, "", showgrid=False, autorange="reversed", tickfont=_small(tokens)),
        margin={"l": 66, "r": 8, "t": 8, "b": 68},
    )


def _small(tokens: Tokens) -> dict[str, object]:
    return {"size": 10, "color": tokens.text2}


def _scale(tokens: Tokens) -> list[tuple[float, str]]:
    return [(0.0, tokens.m_mark), (0.5, tokens.sunk), (1.0, tokens.accent)]


def _hover(
    names: Sequence[str], pair: tuple[int, int], now: Correlations, before: Correlations
) -> str:
    i, j = pair
    moved = now[pair] - before[pair]
    change = f"<br>{moved:+.2f} since the window before" if moved == moved else ""
    return f"<b>{names[i]} – {names[j]}</b><br>r = {now[pair]:+.2f}{change}"


def circle_figure(
    keywords: Sequence[Keyword],
    groups: Sequence[int],
    now: Correlations,
    edges: Edges,
    tokens: Tokens,
) -> Figure:
    """Draw keywords on a circle, side by side with those of their group, joined by the edges."""
    places = _places(groups)
    label = [
        note(
            tokens,
            keyword.name,
            x=float(1.09 * x),
            y=float(1.09 * y),
            font={"size": 10},
            xanchor="left" if x > 0.1 else "right" if x < -0.1 else "center",
            yanchor="bottom" if y > 0.9 else "top" if y < -0.9 else "middle",
        )
        for keyword, (x, y) in zip(keywords, places, strict=True)
    ]
    hidden = {"visible": False, "fixedrange": True}
    return chart(
        tokens,
        [*_all_edges(places, now, edges, tokens), _nodes(keywords, places, edges, tokens)],
        xaxis={**hidden, "range": [-1.75, 1.75]},
        yaxis={**hidden, "range": [-1.3, 1.3], "scaleanchor": "x"},
        annotations=label,
        margin={"l": 4, "r": 4, "t": 4, "b": 4},
        hovermode="closest",
    )


def _places(groups: Sequence[int]) -> Correlations:
    """Return the nodes' places on the circle, with a free place between two groups."""
    ordered = np.asarray(groups)
    if not len(ordered):
        return np.empty((0, 2))
    steps = np.arange(len(ordered)) + np.cumsum(np.diff(ordered, prepend=ordered[0]) != 0)
    whole = len(ordered) + len(set(groups))
    angle = np.pi / 2 - 2 * np.pi * steps / whole
    return np.round(np.stack([np.cos(angle), np.sin(angle)], axis=1), 3)


def _all_edges(
    places: Correlations, now: Correlations, edges: Edges, tokens: Tokens
) -> list[Trace]:
    def joined(pairs: Sequence[tuple[int, int]], *, sign: int) -> list[tuple[int, int]]:
        return [pair for pair in pairs if now[pair] * sign > 0]

    return [
        _edges(places, edges.gone, "no longer joined", tokens.axis, 1.0, dash=_GONE),
        _edges(places, joined(edges.kept, sign=1), "positive", tokens.accent, 0.75),
        _edges(
            places, joined(edges.kept, sign=-1), "negative", tokens.m_mark, 0.75, dash=_NEGATIVE
        ),
        _edges(places, joined(edges.new, sign=1), "positive, new", tokens.accent, 2.25),
        _edges(
            places, joined(edges.new, sign=-1), "negative, new", tokens.m_mark, 2.25, dash=_NEGATIVE
        ),
    ]


def _edges(
    places: Correlations,
    pairs: Sequence[tuple[int, int]],
    name: str,
    colour: str,
    width: float,
    *,
    dash: str = "solid",
) -> Trace:
    x: list[float | None] = []
    y: list[float | None] = []
    for i, j in pairs:
        x += [float(places[i, 0]), float(places[j, 0]), None]
        y += [float(places[i, 1]), float(places[j, 1]), None]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": x,
        "y": y,
        "hoverinfo": "skip",
        "line": {"color": colour, "width": width, "dash": dash},
        "opacity": 0.9 if width > 1 else 0.6,
    }


def _nodes(
    keywords: Sequence[Keyword], places: Correlations, edges: Edges, tokens: Tokens
) -> Trace:
    degree = [0] * len(keywords)
    for pair in (*edges.kept, *edges.new):
        for node in pair:
            degree[node] += 1
    return {
        "type": "scatter",
        "mode": "markers",
        "x": places[:, 0],
        "y": places[:, 1],
        "marker": {
            "size": [6 + 0.6 * n for n in degree],
            "color": tokens.text,
            "line": {"width": 1.5, "color": tokens.panel},
        },
        "customdata": [[k.name, k.description, n] for k, n in zip(keywords, degree, strict=True)],
        "hovertemplate": "<b>%{customdata[0]}</b> %{customdata[1]}<br>%{customdata[2]} edges"
        "<extra></extra>",
    }
