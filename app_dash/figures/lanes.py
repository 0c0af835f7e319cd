"""The lane of outcomes under a timeline: what became of each issued forecast, as runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from app_dash.figures.chart import Trace, note
from app_dash.figures.gaps import CADENCES_TO_A_GAP, Times
from app_dash.figures.time_axis import epochs
from app_dash.outcomes import Outcome
from app_dash.theme import Tokens
from solar.time import Window

FLARE_LANE = 1.5
_BOTTOM, _TOP = 0.1, 0.9
_NAMED_SHARE = 0.07


@dataclass(frozen=True)
class Run:
    """A stretch [start, end) of forecasts with the same outcome, in milliseconds."""

    outcome: Outcome
    start: float
    end: float


def runs(t_rec: Times, outcomes: Sequence[Outcome], usual: np.timedelta64) -> list[Run]:
    """Join neighbouring forecasts of one outcome; a gap ends a run."""
    step = usual / np.timedelta64(1, "ms")
    x = epochs(t_rec)
    breaks = np.cumsum(np.diff(x, prepend=x[:1]) > CADENCES_TO_A_GAP * step)
    keyed = groupby(range(len(x)), key=lambda i: (outcomes[i], breaks[i]))
    found = []
    for (outcome, _), members in keyed:
        indices = list(members)
        following = indices[-1] + 1
        end = x[indices[-1]] + step
        if following < len(x):
            end = min(end, x[following])
        found.append(Run(outcome, float(x[indices[0]]), float(end)))
    return found


def lane_traces(
    t_rec: Times, outcomes: Sequence[Outcome], usual: np.timedelta64, tokens: Tokens
) -> list[Trace]:
    """Return one filled trace per outcome."""
    found = runs(t_rec, outcomes, usual)
    fills = {
        Outcome.QUIET: tokens.sunk,
        Outcome.HIT: tokens.ok,
        Outcome.MISS: tokens.error,
        Outcome.FALSE_ALARM: tokens.panel,
    }
    return [
        _boxes([run for run in found if run.outcome is outcome], str(outcome), fill, tokens)
        for outcome, fill in fills.items()
    ]


def _boxes(found: Sequence[Run], name: str, fill: str, tokens: Tokens) -> Trace:
    x: list[float | None] = []
    y: list[float | None] = []
    for run in found:
        x += [run.start, run.end, run.end, run.start, run.start, None]
        y += [_BOTTOM, _BOTTOM, _TOP, _TOP, _BOTTOM, None]
    box: Trace = {
        "type": "scatter", "mode": "lines", "yaxis": "y2", "name": name, "x": x, "y": y,
        "fill": "toself", "fillcolor": fill, "line": {"width": 0}, "hoverinfo": "skip",
    }  # fmt: skip
    if name == Outcome.FALSE_ALARM:
        box["fillpattern"] = {"shape": "/", "fgcolor": tokens.false_alarm, "bgcolor": fill,
                              "size": 5, "solidity": 0.45}  # fmt: skip
    return box


def lane_notes(
    t_rec: Times, outcomes: Sequence[Outcome], shown: Window, tokens: Tokens
) -> list[dict[str, Any]]:
    """Write outcome and length into the runs that are long enough for it."""
    if len(t_rec) < 2:
        return []
    whole = (shown.end_at - shown.start_at).total_seconds() * 1000
    usual = np.median(np.diff(t_rec))
    long = [
        run for run in runs(t_rec, outcomes, usual)
        if run.end - run.start > _NAMED_SHARE * whole and run.outcome in (Outcome.HIT, Outcome.MISS)
    ]  # fmt: skip
    return [
        note(
            tokens, f"<b>{run.outcome.capitalize()} {(run.end - run.start) / 3.6e6:.0f} h</b>",
            x=run.start, y=0.5, yref="y2", xanchor="left", xshift=4, yanchor="middle",
            color=tokens.on_accent,
        )
        for run in long
    ]  # fmt: skip
