"""The lanes under a timeline: what became of each issued forecast, and the alerts, as runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app_dash.figures.chart import Trace, note
from app_dash.figures.gaps import CADENCES_TO_A_MISSING_RECORD, Times, cadence
from app_dash.figures.time_axis import epoch, epochs
from app_dash.region.outcomes import Outcome, Passage
from app_dash.theme import Tokens
from solar.time import Window, to_datetime64

ALERT_LANE, OUTCOME_LANE, FLARE_LANE, LANES_TOP = 0.0, 1.0, 2.35, 4.0
PALE = 0.4
_BOTTOM, _TOP = 0.12, 0.88
_NAMED_SHARE = 0.07


@dataclass(frozen=True)
class Run:
    """A stretch [start, end) of forecasts with the same outcome, in milliseconds."""

    outcome: Outcome
    start: float
    end: float
    is_known: bool = True


@dataclass(frozen=True)
class AlertSpan:
    """An alert from its opening to its close, or to the end of the data; `text` is its hover."""

    start_at: datetime
    end_at: datetime
    name: str
    text: str


def runs(
    t_rec: Times, outcomes: Sequence[Outcome], usual: np.timedelta64,
    is_known: NDArray[np.bool_] | None = None,
) -> list[Run]:  # fmt: skip
    """Join neighbouring forecasts of one outcome; a gap ends a run."""
    step = usual / np.timedelta64(1, "ms")
    x = epochs(t_rec)
    known = np.ones(len(x), bool) if is_known is None else is_known
    breaks = np.cumsum(np.diff(x, prepend=x[:1]) > CADENCES_TO_A_MISSING_RECORD * step)
    keyed = groupby(range(len(x)), key=lambda i: (outcomes[i], breaks[i], known[i]))
    found = []
    for (outcome, _, is_settled), members in keyed:
        indices = list(members)
        following = indices[-1] + 1
        end = x[indices[-1]] + step
        if following < len(x):
            end = min(end, x[following])
        found.append(Run(outcome, float(x[indices[0]]), float(end), bool(is_settled)))
    return found


def outcome_runs(passage: Passage, as_of: datetime | None) -> list[Run]:
    """Join the outcomes of a passage, those apart that were not known as of a time."""
    is_known = None if as_of is None else passage.settled_at <= to_datetime64(as_of)
    return runs(passage.t_rec, passage.outcomes, cadence(passage.t_rec), is_known)


def lane_traces(found: Sequence[Run], tokens: Tokens) -> list[Trace]:
    """Return one filled trace per outcome, and a pale one of what was known later."""
    fills = {
        Outcome.QUIET: tokens.sunk,
        Outcome.HIT: tokens.ok,
        Outcome.MISS: tokens.error,
        Outcome.FALSE_ALARM: tokens.panel,
    }
    traces = []
    for outcome, fill in fills.items():
        for is_known in (True, False):
            mine = [r for r in found if r.outcome is outcome and r.is_known is is_known]
            if mine or is_known:
                box = _boxes(mine, str(outcome), fill, tokens)
                traces.append(box if is_known else box | {"opacity": PALE})
    return traces


def _boxes(found: Sequence[Run], name: str, fill: str, tokens: Tokens) -> Trace:
    x: list[float | None] = []
    y: list[float | None] = []
    low, high = OUTCOME_LANE + _BOTTOM, OUTCOME_LANE + _TOP
    for run in found:
        x += [run.start, run.end, run.end, run.start, run.start, None]
        y += [low, low, high, high, low, None]
    box: Trace = {
        "type": "scatter", "mode": "lines", "yaxis": "y2", "name": name, "x": x, "y": y,
        "fill": "toself", "fillcolor": fill, "line": {"width": 0}, "hoverinfo": "skip",
    }  # fmt: skip
    if name == Outcome.FALSE_ALARM:
        box["fillpattern"] = {"shape": "/", "fgcolor": tokens.false_alarm, "bgcolor": fill,
                              "size": 5, "solidity": 0.45}  # fmt: skip
    return box


def lane_notes(found: Sequence[Run], shown: Window, tokens: Tokens) -> list[dict[str, Any]]:
    """Write outcome and length into the runs that are long enough for it."""
    whole = (shown.end_at - shown.start_at).total_seconds() * 1000
    long = [
        run for run in found
        if run.end - run.start > _NAMED_SHARE * whole and run.outcome in (Outcome.HIT, Outcome.MISS)
    ]  # fmt: skip
    return [
        note(
            tokens, f"<b>{run.outcome.capitalize()} {(run.end - run.start) / 3.6e6:.0f} h</b>",
            x=run.start, y=OUTCOME_LANE + 0.5, yref="y2", xanchor="left", xshift=4,
            yanchor="middle", color=tokens.on_accent if run.is_known else tokens.text,
        )
        for run in long
    ]  # fmt: skip


def alert_traces(spans: Sequence[AlertSpan], as_of: datetime | None, colour: str) -> list[Trace]:
    """Outline the alerts; what of one lies behind `as_of` is pale."""
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
        "type": "scatter", "mode": "markers", "yaxis": "y2", "name": "alerts",
        "x": [epoch(span.start_at) for span in spans], "y": [ALERT_LANE + 0.5] * len(spans),
        "marker": {"symbol": "line-ns", "size": 12, "line": {"width": 1.5, "color": colour}},
        "customdata": [span.text for span in spans],
        "hovertemplate": "%{customdata}<extra></extra>",
    }  # fmt: skip
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
        "type": "scatter", "mode": "lines", "yaxis": "y2", "x": x, "y": y, "hoverinfo": "skip",
        "line": {"width": 1.5, "color": colour},
    }  # fmt: skip


def alert_notes(spans: Sequence[AlertSpan], shown: Window, tokens: Tokens) -> list[dict[str, Any]]:
    """Write the event and length into the alerts that are long enough for it."""
    whole = shown.end_at - shown.start_at
    return [
        note(
            tokens, span.name, x=epoch(max(span.start_at, shown.start_at)), y=ALERT_LANE + 0.5,
            yref="y2", xanchor="left", xshift=4, yanchor="middle", color=tokens.text,
        )
        for span in spans
        if min(span.end_at, shown.end_at) - max(span.start_at, shown.start_at)
        > 2 * _NAMED_SHARE * whole
    ]  # fmt: skip
