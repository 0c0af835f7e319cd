"""The keyword network of one window: its correlations as a matrix, its edges on a circle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app_dash.figures.chart import Figure, Trace, axis, chart, note
from app_dash.theme import Tokens
from solar.network import Edges
from solar.sharp import Keyword

Values = NDArray[np.float64]
_GONE, _NEGATIVE = "2px,3px", "5px,2px"


def matrix_figure(
    keywords: Sequence[Keyword], now: Values, before: Values, tokens: Tokens
) -> Figure:
    """Draw r (k, k) below the diagonal, and its change since the window before above it.

    NaN, an undefined correlation, is left blank.
    """
    names = [keyword.name for keyword in keywords]
    k = len(names)
    is_below = np.tri(k, k=-1, dtype=bool)
    shown = np.where(is_below, now, np.where(is_below.T, now - before, np.nan))
    said = [[_said(names, (i, j), now, before) for j in range(k)] for i in range(k)]
    cells = {
        "type": "heatmap", "x": names, "y": names, "z": np.round(shown, 2), "zmin": -1, "zmax": 1,
        "colorscale": _scale(tokens), "showscale": False, "xgap": 1, "ygap": 1, "text": said,
        "hoverongaps": False, "hovertemplate": "%{text}<extra></extra>",
    }  # fmt: skip
    return chart(
        tokens, [cells],
        xaxis=axis(tokens, "", showgrid=False, tickangle=-90, tickfont=_small(tokens)),
        yaxis=axis(tokens, "", showgrid=False, autorange="reversed", tickfont=_small(tokens)),
        margin={"l": 66, "r": 8, "t": 8, "b": 68},
    )  # fmt: skip


def _small(tokens: Tokens) -> dict[str, object]:
    return {"size": 10, "color": tokens.text2}


def _scale(tokens: Tokens) -> list[tuple[float, str]]:
    return [(0.0, tokens.m_mark), (0.5, tokens.sunk), (1.0, tokens.accent)]


def _said(names: Sequence[str], pair: tuple[int, int], now: Values, before: Values) -> str:
    i, j = pair
    moved = now[pair] - before[pair]
    change = f"<br>{moved:+.2f} since the window before" if moved == moved else ""
    return f"<b>{names[i]} – {names[j]}</b><br>r = {now[pair]:+.2f}{change}"


def circle_figure(
    keywords: Sequence[Keyword], groups: Sequence[int], now: Values, edges: Edges, tokens: Tokens
) -> Figure:
    """Draw keywords on a circle, side by side with those of their group, joined by the edges."""
    places = _places(groups)
    label = [
        note(tokens, keyword.name, x=float(1.09 * x), y=float(1.09 * y), font={"size": 10},
             xanchor="left" if x > 0.1 else "right" if x < -0.1 else "center",
             yanchor="bottom" if y > 0.9 else "top" if y < -0.9 else "middle")
        for keyword, (x, y) in zip(keywords, places, strict=True)
    ]  # fmt: skip
    hidden = {"visible": False, "fixedrange": True}
    return chart(
        tokens,
        [*_all_edges(places, now, edges, tokens), _nodes(keywords, places, edges, tokens)],
        xaxis={**hidden, "range": [-1.75, 1.75]},
        yaxis={**hidden, "range": [-1.3, 1.3], "scaleanchor": "x"},
        annotations=label,
        margin={"l": 4, "r": 4, "t": 4, "b": 4},
        hovermode="closest",
    )  # fmt: skip


def _places(groups: Sequence[int]) -> Values:
    """Spread the nodes over the circle with a free place between two groups."""
    ordered = np.asarray(groups)
    if not len(ordered):
        return np.empty((0, 2))
    steps = np.arange(len(ordered)) + np.cumsum(np.diff(ordered, prepend=ordered[0]) != 0)
    whole = len(ordered) + len(set(groups))
    angle = np.pi / 2 - 2 * np.pi * steps / whole
    return np.round(np.stack([np.cos(angle), np.sin(angle)], axis=1), 3)


def _all_edges(places: Values, now: Values, edges: Edges, tokens: Tokens) -> list[Trace]:
    def joined(pairs: Sequence[tuple[int, int]], *, sign: int) -> list[tuple[int, int]]:
        return [pair for pair in pairs if now[pair] * sign > 0]

    return [
        _edges(places, edges.gone, "no longer joined", tokens.axis, 1.0, dash=_GONE),
        _edges(places, joined(edges.kept, sign=1), "positive", tokens.accent, 0.75),
        _edges(places, joined(edges.kept, sign=-1), "negative", tokens.m_mark, 0.75,
               dash=_NEGATIVE),
        _edges(places, joined(edges.new, sign=1), "positive, new", tokens.accent, 2.25),
        _edges(places, joined(edges.new, sign=-1), "negative, new", tokens.m_mark, 2.25,
               dash=_NEGATIVE),
    ]  # fmt: skip


def _edges(
    places: Values, pairs: Sequence[tuple[int, int]], name: str, colour: str, width: float,
    *, dash: str = "solid",
) -> Trace:  # fmt: skip
    x: list[float | None] = []
    y: list[float | None] = []
    for i, j in pairs:
        x += [float(places[i, 0]), float(places[j, 0]), None]
        y += [float(places[i, 1]), float(places[j, 1]), None]
    return {
        "type": "scatter", "mode": "lines", "name": name, "x": x, "y": y, "hoverinfo": "skip",
        "line": {"color": colour, "width": width, "dash": dash},
        "opacity": 0.9 if width > 1 else 0.6,
    }  # fmt: skip


def _nodes(keywords: Sequence[Keyword], places: Values, edges: Edges, tokens: Tokens) -> Trace:
    degree = [0] * len(keywords)
    for pair in (*edges.kept, *edges.new):
        for node in pair:
            degree[node] += 1
    return {
        "type": "scatter", "mode": "markers", "x": places[:, 0], "y": places[:, 1],
        "marker": {"size": [6 + 0.6 * n for n in degree], "color": tokens.text,
                   "line": {"width": 1.5, "color": tokens.panel}},
        "customdata": [[k.name, k.description, n]
                       for k, n in zip(keywords, degree, strict=True)],
        "hovertemplate": "<b>%{customdata[0]}</b> %{customdata[1]}<br>%{customdata[2]} edges"
        "<extra></extra>",
    }  # fmt: skip
