"""The figures of analyses: clusters and their windows, fans of forecasts, networks, real against
synthetic events.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app_dash.shared.chart import Figure, Trace, axis, chart
from app_dash.shared.theme import Tokens

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
# Okabe & Ito (2008), without the yellow that is lost on white; the shape tells beyond seven.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6BB1")
_SHAPES = ("circle", "square", "diamond", "triangle-up", "cross", "star", "hexagon")
_MOST_EDGES = 2000
_LEGEND: dict[str, Any] = {
    "showlegend": True,
    "legend": {"orientation": "h", "y": 1.0, "yanchor": "bottom", "font": {"size": 11}},
}
_BARE: dict[str, Any] = {"showticklabels": False, "showgrid": False, "showline": False}


def mark_of(label: int, tokens: Tokens) -> dict[str, Any]:
    """Return colour and shape of a cluster; noise, −1, is small and grey."""
    if label < 0:
        return {"color": tokens.text3, "symbol": "x-thin-open", "size": 4}
    shape = _SHAPES[(label + label // len(_COLOURS)) % len(_SHAPES)]
    return {"color": _COLOURS[label % len(_COLOURS)], "symbol": shape, "size": 6}


def class_marks(tokens: Tokens) -> dict[float | None, tuple[str, dict[str, Any]]]:
    """Return name, colour and shape of samples by their outcome."""
    return {
        None: ("unknown", {"color": tokens.axis, "symbol": "x-thin-open", "size": 4}),
        0.0: ("no event", {"color": tokens.text3, "symbol": "circle-open", "size": 5}),
        1.0: ("event", {"color": tokens.m_mark, "symbol": "diamond", "size": 6}),
    }


def points_figure(
    groups: Sequence[tuple[str, Floats, Mapping[str, Any]]], tokens: Tokens, titles: Sequence[str]
) -> Figure:
    """Draw named groups of points (n, 2), each with its mark, over axes of these titles."""
    traces = [_points(name, places, mark) for name, places, mark in groups]
    return chart(
        tokens,
        traces,
        xaxis=axis(tokens, titles[0], showgrid=False),
        yaxis=axis(tokens, titles[1], showgrid=False),
        **_LEGEND,
        margin={"l": 44, "r": 12, "t": 28, "b": 40},
    )


def _points(name: str, places: Floats, mark: Mapping[str, Any]) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": places[:, 0].tolist(),
        "y": places[:, 1].tolist(),
        "marker": {"opacity": 0.8, **mark},
        "hovertemplate": "%{fullData.name}<extra></extra>",
    }


def windows_figure(
    hours_before: Sequence[float],
    windows: Sequence[tuple[str, bool, Sequence[Any]]],
    tokens: Tokens,
) -> Figure:
    """Draw one feature in some windows (name, whether an event followed, values)."""
    before = [-one for one in hours_before]
    mode = "lines" if len(before) > 1 else "markers"
    colours = {True: tokens.m_mark, False: tokens.text2}
    traces = [
        _line(name, before, values, {"width": 1.5, "color": colours[event]}, mode=mode)
        for name, event, values in windows
    ]
    return chart(
        tokens,
        traces,
        xaxis=axis(tokens, "Hours to t", nticks=5),
        yaxis=axis(tokens, nticks=4, exponentformat="e"),
    )


def fan_figure(fan: Mapping[str, Any], tokens: Tokens) -> Figure:
    """Draw the bands of a forecast with its median, persistence, and what was observed."""
    at, columns = fan["valid_at"], list(zip(*fan["quantiles"], strict=True))
    outer, inner = _tinted(tokens.accent, 0.15), _tinted(tokens.accent, 0.3)
    dotted = {"color": tokens.text2, "width": 1.5, "dash": "dot"}
    traces = [
        _line("5 %", at, columns[0], {"width": 0}),
        _line("90 % band", at, columns[4], {"width": 0}, fill="tonexty", fillcolor=outer),
        _line("25 %", at, columns[1], {"width": 0}),
        _line("50 % band", at, columns[3], {"width": 0}, fill="tonexty", fillcolor=inner),
        _line("median", at, columns[2], {"color": tokens.accent, "width": 2}),
        _line("persistence", at, fan["persistence"], dotted),
        _line("observed", at, fan["observed"], {"color": tokens.text, "width": 1.5}),
    ]
    for bound in (traces[0], traces[2]):
        bound["showlegend"] = False
    return chart(
        tokens,
        traces,
        xaxis=axis(tokens, "Time that is forecast, UTC", type="date"),
        yaxis=axis(tokens, f"{fan['keyword']} [{fan['unit']}]", exponentformat="e", nticks=6),
        **_LEGEND,
        margin={"l": 64, "r": 12, "t": 28, "b": 40},
    )


def _line(name: str, at: Sequence[Any], values: Sequence[Any], line: Any, **more: Any) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": at,
        "y": values,
        "line": line,
        "hovertemplate": "%{fullData.name}: %{y:.4g}<extra></extra>",
        **more,
    }


def _tinted(colour: str, share: float) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{share})"


@dataclass(frozen=True)
class Joined:
    """A network of n nodes that is drawn anew: the pairs (e, 2) that it joins, the strongest first,
    and the degree of each node.
    """

    pairs: Integers
    degrees: Integers

    def equal(self, labels: Sequence[int | None]) -> float | None:
        """Return the share of the edges between nodes of a known class that join the same one."""
        ends = [(labels[i], labels[j]) for i, j in self.pairs.tolist()]
        known = [one == other for one, other in ends if one is not None and other is not None]
        return sum(known) / len(known) if known else None


def join(samples: Mapping[str, Any], *, threshold: float, most: int) -> Joined:
    """Join samples as a run with this threshold and so many neighbours at most would.

    Every sample proposes its `most` strongest; the strongest pairs come first, and a pair is
    joined while both ends have room.
    """
    pairs = np.array(samples["pairs"], np.int64).reshape(-1, 2)
    r = np.array(samples["correlations"], float)
    order = np.lexsort((pairs[:, 1], pairs[:, 0], -r))
    stronger = [0] * len(samples["x"])
    degrees = [0] * len(stronger)
    accepted = []
    for place in order[r[order] >= threshold].tolist():
        i, j = pairs[place].tolist()
        is_proposed = stronger[i] < most or stronger[j] < most
        stronger[i] += 1
        stronger[j] += 1
        if is_proposed and degrees[i] < most and degrees[j] < most:
            degrees[i] += 1
            degrees[j] += 1
            accepted.append(place)
    return Joined(pairs[accepted], np.array(degrees, np.int64))


def samples_figure(samples: Mapping[str, Any], joined: Joined, tokens: Tokens) -> Figure:
    """Draw samples by class over their strongest edges."""
    places = np.stack([samples["x"], samples["y"]], axis=1).astype(float)
    outcome = np.array([np.nan if one is None else one for one in samples["labels"]], float)
    groups = [
        (f"{name} ({chosen.sum()})", places[chosen], mark)
        for label, (name, mark) in class_marks(tokens).items()
        if (chosen := np.isnan(outcome) if label is None else outcome == label).any()
    ]
    figure = points_figure(groups, tokens, ("", ""))
    figure["layout"]["xaxis"] |= _BARE
    figure["layout"]["yaxis"] |= _BARE
    figure["data"].insert(0, _edges(places, joined.pairs[:_MOST_EDGES], tokens))
    return figure


def _edges(places: Floats, pairs: Integers, tokens: Tokens, **line: Any) -> Trace:
    ends = np.full((len(pairs), 3, 2), np.nan)
    ends[:, :2] = places[pairs]
    x, y = (
        [None if np.isnan(one) else one for one in column]
        for column in ends.reshape(-1, 2).T.tolist()
    )
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "line": {"width": 0.7, "color": tokens.axis, **line},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def keywords_figure(
    names: Sequence[str],
    correlations: Sequence[Sequence[float | None]],
    tokens: Tokens,
    *,
    threshold: float,
) -> Figure:
    """Draw keywords on a circle, joined where |r| reaches the threshold; dashed is negative."""
    angle = 2 * np.pi * np.arange(len(names)) / max(1, len(names))
    places = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    r = np.array(correlations, float)
    pairs = np.argwhere(np.triu(np.nan_to_num(np.abs(r)) >= threshold, 1))
    signed = r[pairs[:, 0], pairs[:, 1]]
    traces = [
        _edges(places, pairs[chosen], tokens, width=1.5, dash=dash, color=tokens.accent)
        for chosen, dash in ((signed >= 0, "solid"), (signed < 0, "dash"))
    ]
    nodes = _points("keyword", places, {"color": tokens.text, "size": 7})
    nodes |= {"mode": "markers+text", "text": list(names), "textfont": {"size": 10}}
    nodes["textposition"] = ["middle right" if x >= 0 else "middle left" for x in places[:, 0]]
    nodes["hovertemplate"] = "%{text}<extra></extra>"
    wide = {**_BARE, "range": [-2.1, 2.1]}
    return chart(
        tokens,
        [*traces, nodes],
        xaxis=axis(tokens, **wide),
        yaxis=axis(tokens, **{**_BARE, "range": [-1.3, 1.3]}),
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
    )
