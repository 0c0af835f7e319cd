"""The lane of flares under a timeline: each with its class, its outcome and its 24 h window."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from app_dash.figures.chart import Trace, note
from app_dash.figures.lanes import FLARE_LANE, PALE
from app_dash.figures.time_axis import HOVER, epoch
from app_dash.region.outcomes import FlareMark, Outcome
from app_dash.theme import Tokens
from solar.flares import HORIZON, peak_flux

# The part of the plot that a label takes in width.
LABEL_SHARE = 0.11
_BASE, _HEAD = FLARE_LANE, FLARE_LANE + 0.6
# The windows of neighbouring flares lie upon each other, so that they are drawn in three rows.
_ROWS, _ROW_HEIGHT = 3, 0.09


def flare_traces(
    flares: Sequence[FlareMark], as_of: datetime | None, tokens: Tokens
) -> list[Trace]:
    """Draw the flares; those that peaked behind `as_of` are pale."""
    known = [flare for flare in flares if as_of is None or flare.peak_at <= as_of]
    later = [flare for flare in flares if as_of is not None and flare.peak_at > as_of]
    traces = _drawn(known, tokens, opacity=1.0)
    return traces + (_drawn(later, tokens, opacity=PALE) if later else [])


def _drawn(flares: Sequence[FlareMark], tokens: Tokens, *, opacity: float) -> list[Trace]:
    quiet = [flare for flare in flares if flare.outcome is None]
    judged = [flare for flare in flares if flare.outcome is not None]
    kinds = dict.fromkeys(str(flare.outcome) for flare in judged)
    lines = [_windows_and_stems([f for f in judged if f.outcome == kind], tokens) for kind in kinds]
    return [trace | {"opacity": opacity} for trace in (
        _ticks(quiet, tokens), *lines, _heads(judged, tokens))]  # fmt: skip


def _windows_and_stems(flares: Sequence[FlareMark], tokens: Tokens) -> Trace:
    x: list[float | None] = []
    y: list[float | None] = []
    for place, flare in enumerate(flares):
        peak, row = epoch(flare.peak_at), _BASE - _ROW_HEIGHT * (1 + place % _ROWS)
        start = epoch(flare.peak_at - HORIZON)
        x += [start, start, peak, peak, None]
        y += [row + _ROW_HEIGHT, row, row, _HEAD, None]
    return {
        "type": "scatter", "mode": "lines", "yaxis": "y2", "name": "24 h before a flare",
        "x": x, "y": y, "hoverinfo": "skip",
        "line": {"width": 1.25, "color": outcome_colour(flares[0].outcome, tokens)},
    }  # fmt: skip


def _ticks(flares: Sequence[FlareMark], tokens: Tokens) -> Trace:
    return {
        "type": "scatter", "mode": "markers", "yaxis": "y2", "name": "smaller flares",
        "x": [epoch(flare.peak_at) for flare in flares], "y": [_BASE + 0.2] * len(flares),
        "marker": {"symbol": "line-ns", "size": 8, "line": {
            "width": 1.5, "color": [tokens.mark(flare.goes_class) for flare in flares]}},
        "customdata": [flare.goes_class for flare in flares],
        "hovertemplate": "<b>%{customdata}</b><br>peak " + HOVER + "<extra></extra>",
    }  # fmt: skip


def _heads(flares: Sequence[FlareMark], tokens: Tokens) -> Trace:
    shown = [outcome_colour(flare.outcome, tokens) for flare in flares]
    shapes = {Outcome.HIT: "circle", Outcome.MISS: "circle-open"}
    return {
        "type": "scatter", "mode": "markers", "yaxis": "y2", "name": "flares of the event",
        "x": [epoch(flare.peak_at) for flare in flares], "y": [_HEAD] * len(flares),
        "marker": {
            "size": 9, "color": shown, "line": {"width": 2, "color": shown},
            "symbol": [shapes.get(f.outcome or Outcome.UNKNOWN, "diamond-open") for f in flares],
        },
        "customdata": [[flare.goes_class, str(flare.outcome)] for flare in flares],
        "hovertemplate": "<b>%{customdata[0]}</b> %{customdata[1]}<br>peak " + HOVER
        + "<extra></extra>",
    }  # fmt: skip


def flare_notes(
    flares: Sequence[FlareMark], span: timedelta, tokens: Tokens
) -> list[dict[str, Any]]:
    """Name the strongest flares; a weaker one too near to a name stays a mark."""
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
            x=epoch(flare.peak_at), y=_HEAD + 0.25, yref="y2", yanchor="bottom",
            color=outcome_colour(flare.outcome, tokens),
        )
        for flare in kept
    ]  # fmt: skip


def _strength(flare: FlareMark) -> float:
    return peak_flux(flare.goes_class)


def outcome_colour(outcome: Outcome | None, tokens: Tokens) -> str:
    """Return the colour of an outcome's mark and word."""
    if outcome is Outcome.MISS:
        return tokens.error
    return tokens.ok if outcome is Outcome.HIT else tokens.text2
