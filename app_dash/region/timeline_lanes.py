"""The lanes under a timeline: alerts, outcomes of forecasts, and flares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app_dash.region.outcomes import FlareMark, Outcome, Passage
from app_dash.shared.chart import HOVER, Trace, epoch, epochs, note
from app_dash.shared.gaps import CADENCES_TO_A_MISSING_RECORD, Times, cadence
from app_dash.shared.theme import Tokens
from solar.flares import peak_flux
from solar.time import Window, to_datetime64
from solar.windows import DAY

ALERT_LANE, OUTCOME_LANE, FLARE_LANE, LANES_TOP = 0.0, 1.0, 2.35, 4.0
PALE = 0.4
_BOTTOM, _TOP = 0.12, 0.88
_NAMED_SHARE = 0.07
# The share of the plot's width that a label takes.
LABEL_SHARE = 0.11
_BASE, _HEAD = FLARE_LANE, FLARE_LANE + 0.6
# The windows of neighbouring flares overlap, so they are drawn in three rows.
_ROWS, _ROW_HEIGHT = 3, 0.09


@dataclass(frozen=True)
class Run:
    """An interval [start, end) of forecasts with the same outcome, in milliseconds."""

    outcome: Outcome
    start: float
    end: float
    is_known: bool = True


@dataclass(frozen=True)
class AlertSpan:
    """An alert from opening to close, or to the end of the data; `text` is its hover text."""

    start_at: datetime
    end_at: datetime
    name: str
    text: str


def runs(
    t_rec: Times,
    outcomes: Sequence[Outcome],
    usual_cadence: np.timedelta64,
    is_known: NDArray[np.bool_] | None = None,
) -> list[Run]:
    """Join neighbouring forecasts of one outcome; a gap ends a run."""
    step = usual_cadence / np.timedelta64(1, "ms")
    x = epochs(t_rec)
    known = np.ones(len(x), bool) if is_known is None else is_known
    breaks = np.cumsum(np.diff(x, prepend=x[:1]) > CADENCES_TO_A_MISSING_RECORD * step)
    keyed = groupby(range(len(x)), key=lambda i: (outcomes[i], breaks[i], known[i]))
    all_runs = []
    for (outcome, _, was_known), members in keyed:
        indices = list(members)
        following = indices[-1] + 1
        end = x[indices[-1]] + step
        if following < len(x):
            end = min(end, x[following])
        all_runs.append(Run(outcome, float(x[indices[0]]), float(end), bool(was_known)))
    return all_runs


def outcome_runs(passage: Passage, as_of: datetime | None) -> list[Run]:
    """Join the outcomes of a passage; those not yet known as of a time form their own runs."""
    is_known = None if as_of is None else passage.settled_at <= to_datetime64(as_of)
    return runs(passage.t_rec, passage.outcomes, cadence(passage.t_rec), is_known)


def lane_traces(all_runs: Sequence[Run], tokens: Tokens) -> list[Trace]:
    """Return one filled trace per outcome, and a pale one of outcomes known later."""
    fills = {
        Outcome.QUIET: tokens.sunk,
        Outcome.HIT: tokens.ok,
        Outcome.MISS: tokens.error,
        Outcome.FALSE_ALARM: tokens.panel,
    }
    traces = []
    for outcome, fill in fills.items():
        for is_known in (True, False):
            chosen = [r for r in all_runs if r.outcome is outcome and r.is_known is is_known]
            if chosen or is_known:
                box = _boxes(chosen, str(outcome), fill, tokens)
                traces.append(box if is_known else box | {"opacity": PALE})
    return traces


def _boxes(all_runs: Sequence[Run], name: str, fill: str, tokens: Tokens) -> Trace:
    x: list[float | None] = []
    y: list[float | None] = []
    low, high = OUTCOME_LANE + _BOTTOM, OUTCOME_LANE + _TOP
    for run in all_runs:
        x += [run.start, run.end, run.end, run.start, run.start, None]
        y += [low, low, high, high, low, None]
    box: Trace = {
        "type": "scatter",
        "mode": "lines",
        "yaxis": "y2",
        "name": name,
        "x": x,
        "y": y,
        "fill": "toself",
        "fillcolor": fill,
        "line": {"width": 0},
        "hoverinfo": "skip",
    }
    if name == Outcome.FALSE_ALARM:
        box["fillpattern"] = {
            "shape": "/",
            "fgcolor": tokens.false_alarm,
            "bgcolor": fill,
            "size": 5,
            "solidity": 0.45,
        }
    return box


def lane_notes(all_runs: Sequence[Run], shown: Window, tokens: Tokens) -> list[dict[str, Any]]:
    """Write outcome and length into the runs that are long enough for it."""
    length = (shown.end_at - shown.start_at).total_seconds() * 1000
    long = [
        run
        for run in all_runs
        if run.end - run.start > _NAMED_SHARE * length
        and run.outcome in (Outcome.HIT, Outcome.MISS)
    ]
    return [
        note(
            tokens,
            f"<b>{run.outcome.capitalize()} {(run.end - run.start) / 3.6e6:.0f} h</b>",
            x=run.start,
            y=OUTCOME_LANE + 0.5,
            yref="y2",
            xanchor="left",
            xshift=4,
            yanchor="middle",
            color=tokens.on_accent if run.is_known else tokens.text,
        )
        for run in long
    ]


def alert_traces(spans: Sequence[AlertSpan], as_of: datetime | None, colour: str) -> list[Trace]:
    """Outline the alerts; their parts after `as_of` are pale."""
    known, later = [], []
    for span in spans:
        if as_of is None or span.end_at <= as_of:
            known.append((span.start_at, span.end_at))
        elif span.start_at >= as_of:
            later.append((span.start_at, span.end_at))
        else:
            known.append((span.start_at, as_of))
            later.append((as_of, span.end_at))
    hover = {
        "type": "scatter",
        "mode": "markers",
        "yaxis": "y2",
        "name": "alerts",
        "x": [epoch(span.start_at) for span in spans],
        "y": [ALERT_LANE + 0.5] * len(spans),
        "marker": {"symbol": "line-ns", "size": 12, "line": {"width": 1.5, "color": colour}},
        "customdata": [span.text for span in spans],
        "hovertemplate": "%{customdata}<extra></extra>",
    }
    return [_outline(known, colour), _outline(later, colour) | {"opacity": PALE}, hover]


def _outline(parts: Sequence[tuple[datetime, datetime]], colour: str) -> Trace:
    x: list[float | None] = []
    y: list[float | None] = []
    low, high = ALERT_LANE + _BOTTOM, ALERT_LANE + _TOP
    for start_at, end_at in parts:
        start, end = epoch(start_at), epoch(end_at)
        x += [start, end, end, start, start, None]
        y += [low, low, high, high, low, None]
    return {
        "type": "scatter",
        "mode": "lines",
        "yaxis": "y2",
        "x": x,
        "y": y,
        "hoverinfo": "skip",
        "line": {"width": 1.5, "color": colour},
    }


def alert_notes(spans: Sequence[AlertSpan], shown: Window, tokens: Tokens) -> list[dict[str, Any]]:
    """Write the event and length into the alerts that are long enough for it."""
    length = shown.end_at - shown.start_at
    return [
        note(
            tokens,
            span.name,
            x=epoch(max(span.start_at, shown.start_at)),
            y=ALERT_LANE + 0.5,
            yref="y2",
            xanchor="left",
            xshift=4,
            yanchor="middle",
            color=tokens.text,
        )
        for span in spans
        if min(span.end_at, shown.end_at) - max(span.start_at, shown.start_at)
        > 2 * _NAMED_SHARE * length
    ]


def flare_traces(
    flares: Sequence[FlareMark], as_of: datetime | None, tokens: Tokens
) -> list[Trace]:
    """Draw the flares; those that peaked after `as_of` are pale."""
    known = [flare for flare in flares if as_of is None or flare.peak_at <= as_of]
    later = [flare for flare in flares if as_of is not None and flare.peak_at > as_of]
    traces = _drawn(known, tokens, opacity=1.0)
    return traces + (_drawn(later, tokens, opacity=PALE) if later else [])


def _drawn(flares: Sequence[FlareMark], tokens: Tokens, *, opacity: float) -> list[Trace]:
    quiet = [flare for flare in flares if flare.outcome is None]
    judged = [flare for flare in flares if flare.outcome is not None]
    kinds = dict.fromkeys(str(flare.outcome) for flare in judged)
    lines = [_windows_and_stems([f for f in judged if f.outcome == kind], tokens) for kind in kinds]
    return [
        trace | {"opacity": opacity}
        for trace in (_ticks(quiet, tokens), *lines, _heads(judged, tokens))
    ]


def _windows_and_stems(flares: Sequence[FlareMark], tokens: Tokens) -> Trace:
    x: list[float | None] = []
    y: list[float | None] = []
    for place, flare in enumerate(flares):
        peak, row = epoch(flare.peak_at), _BASE - _ROW_HEIGHT * (1 + place % _ROWS)
        start = epoch(flare.peak_at - DAY.validity)
        x += [start, start, peak, peak, None]
        y += [row + _ROW_HEIGHT, row, row, _HEAD, None]
    return {
        "type": "scatter",
        "mode": "lines",
        "yaxis": "y2",
        "name": "24 h before a flare",
        "x": x,
        "y": y,
        "hoverinfo": "skip",
        "line": {"width": 1.25, "color": outcome_colour(flares[0].outcome, tokens)},
    }


def _ticks(flares: Sequence[FlareMark], tokens: Tokens) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "yaxis": "y2",
        "name": "smaller flares",
        "x": [epoch(flare.peak_at) for flare in flares],
        "y": [_BASE + 0.2] * len(flares),
        "marker": {
            "symbol": "line-ns",
            "size": 8,
            "line": {"width": 1.5, "color": [tokens.mark(flare.goes_class) for flare in flares]},
        },
        "customdata": [flare.goes_class for flare in flares],
        "hovertemplate": "<b>%{customdata}</b><br>peak " + HOVER + "<extra></extra>",
    }


def _heads(flares: Sequence[FlareMark], tokens: Tokens) -> Trace:
    shown = [outcome_colour(flare.outcome, tokens) for flare in flares]
    shapes = {Outcome.HIT: "circle", Outcome.MISS: "circle-open"}
    return {
        "type": "scatter",
        "mode": "markers",
        "yaxis": "y2",
        "name": "flares of the event",
        "x": [epoch(flare.peak_at) for flare in flares],
        "y": [_HEAD] * len(flares),
        "marker": {
            "size": 9,
            "color": shown,
            "line": {"width": 2, "color": shown},
            "symbol": [shapes.get(f.outcome or Outcome.UNKNOWN, "diamond-open") for f in flares],
        },
        "customdata": [[flare.goes_class, str(flare.outcome)] for flare in flares],
        "hovertemplate": "<b>%{customdata[0]}</b> %{customdata[1]}<br>peak "
        + HOVER
        + "<extra></extra>",
    }


def flare_notes(
    flares: Sequence[FlareMark], span: timedelta, tokens: Tokens
) -> list[dict[str, Any]]:
    """Label the strongest flares; a weaker one near a label stays a mark."""
    judged = sorted((f for f in flares if f.outcome is not None), key=_strength, reverse=True)
    kept: list[FlareMark] = []
    for flare in judged:
        is_named = flare.goes_class[0] in "MX" or flare is judged[0]
        near = (abs(flare.peak_at - other.peak_at) for other in kept)
        if is_named and all(distance > LABEL_SHARE * span for distance in near):
            kept.append(flare)
    return [
        note(
            tokens,
            f'<b style="color:{tokens.class_text(flare.goes_class)}">{flare.goes_class}</b>'
            f" {flare.outcome}",
            x=epoch(flare.peak_at),
            y=_HEAD + 0.25,
            yref="y2",
            yanchor="bottom",
            color=outcome_colour(flare.outcome, tokens),
        )
        for flare in kept
    ]


def _strength(flare: FlareMark) -> float:
    return peak_flux(flare.goes_class)


def outcome_colour(outcome: Outcome | None, tokens: Tokens) -> str:
    """Return the colour of an outcome's mark and text."""
    if outcome is Outcome.MISS:
        return tokens.error
    return tokens.ok if outcome is Outcome.HIT else tokens.text2
