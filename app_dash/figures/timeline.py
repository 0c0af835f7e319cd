"""The probability of one region over time, the flares that followed and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from app_dash.figures.chart import Figure, Trace, axis, chart
from app_dash.figures.gaps import Gap, broken_line, cadence, find_gaps, hatch
from app_dash.figures.lanes import FLARE_LANE, lane_notes, lane_traces
from app_dash.figures.time_axis import HOVER, epoch, epochs, time_axis
from app_dash.figures.timeline_notes import (
    FLOOR_PERCENT,
    flare_notes,
    line_notes,
    window_notes,
)
from app_dash.outcomes import FlareMark, Outcome, Passage
from app_dash.theme import Tokens
from solar.flares import EVENTS, HORIZON
from solar.time import Window

_DASHES = {"M5.0": "4px,2px"}


def timeline_figure(
    passage: Passage, shown: Window, *, is_log: bool, model: str, tokens: Tokens
) -> Figure:
    """Draw the probabilities of all events over the lanes of flares and outcomes."""
    usual = cadence(passage.t_rec)
    span = shown.end_at - shown.start_at
    low, high = (FLOOR_PERCENT, 100.0) if is_log else (0.0, 100.0)
    data = [
        *([hatch(_silences(passage, usual), low, high, tokens)] if len(passage.t_rec) else []),
        *(_line(passage, i, usual, model, tokens) for i in range(len(EVENTS))),
        *lane_traces(passage.t_rec, passage.outcomes, usual, tokens),
        *_flare_traces(passage.flares, tokens),
    ]
    return chart(
        tokens,
        data,
        xaxis=time_axis(tokens, shown.start_at, shown.end_at, anchor="y2"),
        yaxis=_probability_axis(tokens, is_log=is_log),
        yaxis2=_lane_axis(tokens),
        shapes=_shapes(passage, tokens),
        annotations=[
            *line_notes(passage, tokens, is_log=is_log),
            *window_notes(passage, span, tokens),
            *lane_notes(passage.t_rec, passage.outcomes, shown, tokens),
            *flare_notes(passage.flares, span, tokens),
        ],
        margin={"l": 64, "r": 32, "t": 8, "b": 44},
        hovermode="closest",
    )  # fmt: skip


def _silences(passage: Passage, usual: np.timedelta64) -> list[Gap]:
    """Find where no forecast stands, whether no record came in or one was withheld."""
    issued = passage.t_rec[~np.isnan(passage.probability).all(axis=1)]
    return find_gaps(np.unique(np.concatenate([passage.t_rec[[0, -1]], issued])), usual)


def _lane_axis(tokens: Tokens) -> dict[str, Any]:
    names = {"tickvals": [0.5, FLARE_LANE + 0.25], "ticktext": ["Outcome", "Flares"]}
    return axis(tokens, "", domain=[0, 0.26], range=[0, 2.9], showgrid=False, **names)


def _probability_axis(tokens: Tokens, *, is_log: bool) -> dict[str, Any]:
    if is_log:
        scale = {"type": "log", "range": [-1.02, 2.05], "tickvals": [0.1, 1, 10, 100]}
        return axis(tokens, "Probability in 24 h, %", domain=[0.30, 1], **scale)
    return axis(tokens, "Probability in 24 h, %", domain=[0.30, 1], range=[-1, 103],
                tickvals=[0, 25, 50, 75, 100])  # fmt: skip


def _line(passage: Passage, index: int, usual: np.timedelta64, model: str, tokens: Tokens) -> Trace:
    event = EVENTS[index]
    percent = passage.probability[:, index] * 100
    times, values = broken_line(passage.t_rec, percent, usual)
    main = event == passage.event
    return {
        "type": "scatter", "mode": "lines", "name": event.label, "x": epochs(times),
        "y": np.round(np.maximum(values, FLOOR_PERCENT), 3), "connectgaps": False,
        "line": {"color": tokens.mark(event.name), "width": 2 if main else 1.5,
                 "dash": _DASHES.get(event.name, "solid")},
        "hovertemplate": f"<b>{event.label}</b> %{{y:.1f}} %<br>{HOVER}<br>{model}<extra></extra>",
    }  # fmt: skip


def _shapes(passage: Passage, tokens: Tokens) -> list[dict[str, Any]]:
    shapes: list[dict[str, Any]] = []
    if passage.threshold is not None:
        level = passage.threshold * 100
        shapes.append({"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": level, "y1": level,
                       "line": {"color": tokens.text2, "width": 1, "dash": "5px,3px"}})  # fmt: skip
    if not len(passage.t_rec):
        return shapes
    left = float(epochs(passage.t_rec[-1:])[0])
    right = left + HORIZON.total_seconds() * 1000
    whole = {"yref": "paper", "y0": 0, "y1": 1}
    shapes.append({"type": "rect", "x0": left, "x1": right, **whole, "layer": "below",
                   "fillcolor": tokens.accent_tint, "line": {"width": 0}})  # fmt: skip
    shapes.append({"type": "line", "x0": left, "x1": left, **whole,
                   "line": {"color": tokens.accent, "width": 1.5}})  # fmt: skip
    bracket = {"line": {"color": tokens.accent, "width": 1.5}, "yref": "paper", "type": "line"}
    shapes.append({**bracket, "x0": left, "x1": right, "y0": 0.31, "y1": 0.31})
    shapes.append({**bracket, "x0": right, "x1": right, "y0": 0.31, "y1": 0.33})
    return shapes


def _flare_traces(flares: Sequence[FlareMark], tokens: Tokens) -> list[Trace]:
    quiet = [flare for flare in flares if flare.outcome is None]
    judged = [flare for flare in flares if flare.outcome is not None]
    colours = {Outcome.HIT: tokens.ok, Outcome.MISS: tokens.error}
    shown = [colours.get(flare.outcome or Outcome.UNKNOWN, tokens.text3) for flare in judged]
    ticks = {
        "type": "scatter", "mode": "markers", "yaxis": "y2", "name": "smaller flares",
        "x": [epoch(flare.peak_at) for flare in quiet], "y": [FLARE_LANE] * len(quiet),
        "marker": {"symbol": "line-ns", "size": 10, "line": {
            "width": 1.5, "color": [tokens.mark(flare.goes_class) for flare in quiet]}},
        "customdata": [flare.goes_class for flare in quiet],
        "hovertemplate": "<b>%{customdata}</b><br>peak " + HOVER + "<extra></extra>",
    }  # fmt: skip
    heads = {
        "type": "scatter", "mode": "markers", "yaxis": "y2", "name": "flares of the event",
        "x": [epoch(flare.peak_at) for flare in judged], "y": [FLARE_LANE + 0.25] * len(judged),
        "marker": {
            "size": 9, "color": shown, "line": {"width": 2, "color": shown},
            "symbol": ["circle" if f.outcome is Outcome.HIT else "circle-open" for f in judged],
        },
        "customdata": [[flare.goes_class, str(flare.outcome)] for flare in judged],
        "hovertemplate": "<b>%{customdata[0]}</b> %{customdata[1]}<br>peak " + HOVER
        + "<extra></extra>",
    }  # fmt: skip
    return [ticks, heads]
