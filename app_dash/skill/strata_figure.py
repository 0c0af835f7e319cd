"""The figures of parts of the cases: counts by day, and one score by stratum."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from math import ceil
from typing import Any

from app_dash.shared.chart import Figure, Trace, axis, chart
from app_dash.shared.numbers import score_text
from app_dash.shared.theme import Tokens
from app_dash.shared.verification.report import DayCount, Stratum
from app_dash.shared.verification.score_axis import KINDS, ScoreKind, interval_text, scale
from solar.flares import event as find_event

# A bar needs about a pixel; longer ranges are drawn by week, then by month.
MOST_BARS = 400
MOST_WEEKS = 160
# With fewer events a score says little; it is drawn pale.
FEW_EVENTS = 10
# With more strata the marks are small and the whiskers have no caps.
SPACIOUS = 24
_MOST_LABELS = 6


def days_figure(days: Sequence[DayCount], event: str, tokens: Tokens) -> Figure:
    """Draw stacked bars: events at the bottom in the colour of their class, the rest above."""
    groups = grouped(days)
    starts = [group.day.isoformat() for group in groups]
    quiet = [group.n - group.events for group in groups]
    label = find_event(event).label
    texts = [f"{group.events:,} of {group.n:,} with {label}" for group in groups]
    hover = {"customdata": texts, "hovertemplate": "%{x|%-d %b %Y}<br>%{customdata}<extra></extra>"}
    bar = {"type": "bar", "x": starts, **hover}
    return chart(
        tokens,
        [
            {
                **bar,
                "y": [group.events for group in groups],
                "marker": {"color": tokens.mark(event)},
            },
            {**bar, "y": quiet, "marker": {"color": tokens.border}},
        ],
        xaxis=axis(tokens, type="date", nticks=5, tickformat="%-d %b\n%Y", showgrid=False),
        yaxis=axis(tokens, rangemode="tozero", nticks=4),
        barmode="stack",
        bargap=0.15,
        margin={"l": 44, "r": 8, "t": 8, "b": 36},
    )


def grouped(days: Sequence[DayCount]) -> list[DayCount]:
    """Return the days as they are, or added up by week from Monday, or by calendar month."""
    if len(days) <= MOST_BARS:
        return list(days)
    weeks = _added(days, lambda day: day - timedelta(days=day.weekday()))
    return weeks if len(weeks) <= MOST_WEEKS else _added(days, lambda day: day.replace(day=1))


def _added(days: Sequence[DayCount], first: Callable[[date], date]) -> list[DayCount]:
    sums: dict[date, tuple[int, int]] = {}
    for item in days:
        n, events = sums.get(first(item.day), (0, 0))
        sums[first(item.day)] = (n + item.n, events + item.events)
    return [DayCount(day=day, n=n, events=events) for day, (n, events) in sorted(sums.items())]


def strata_figure(strata: Sequence[Stratum], by: str, tokens: Tokens, *, title: str) -> Figure:
    """Draw the score of each stratum over its number of cases; one without events is left out."""
    kind = next(kind for kind in KINDS if kind.name == by)
    drawn = [stratum for stratum in strata if stratum.n]
    many = [stratum for stratum in drawn if stratum.n_events >= FEW_EVENTS]
    few = [stratum for stratum in drawn if stratum.n_events < FEW_EVENTS]
    names = [stratum.label for stratum in drawn]
    ends = scale(kind, [stratum.score(by) for stratum in drawn])
    is_dense = len(drawn) > SPACIOUS
    labelled = names[:: ceil(len(names) / _MOST_LABELS) if len(names) > _MOST_LABELS + 1 else 1]
    return chart(
        tokens,
        [
            _points(many, kind, _look(tokens, "circle", 1.0, is_dense=is_dense)),
            _points(few, kind, _look(tokens, "circle-open", 0.5, is_dense=is_dense)),
            _counts(drawn, tokens),
        ],
        xaxis=axis(
            tokens,
            title,
            type="category",
            categoryorder="array",
            categoryarray=names,
            range=[-0.5, len(names) - 0.5],
            tickvals=labelled,
            tickangle=0,
            anchor="y2",
            showgrid=False,
        ),
        yaxis=axis(
            tokens,
            domain=[0.32, 1],
            range=[ends[0] - 0.04, ends[1] + 0.04],
            nticks=5,
            zerolinecolor=tokens.axis,
        ),
        yaxis2=axis(tokens, domain=[0, 0.2], nticks=2, rangemode="tozero", showgrid=False),
        shapes=_reference(kind, tokens),
        bargap=0.15,
    )


def _look(tokens: Tokens, symbol: str, opacity: float, *, is_dense: bool) -> dict[str, Any]:
    return {
        "marker": {"color": tokens.accent, "symbol": symbol, "size": 4 if is_dense else 8},
        "whisker": {
            "color": tokens.axis if is_dense else tokens.accent,
            "width": 0 if is_dense else 3,
            "thickness": 1 if is_dense else 1.5,
        },
        "opacity": opacity,
    }


def _points(strata: Sequence[Stratum], kind: ScoreKind, style: dict[str, Any]) -> Trace:
    known = [stratum for stratum in strata if stratum.score(kind.name).value is not None]
    scores = [stratum.score(kind.name) for stratum in known]
    values = [score.value or 0.0 for score in scores]
    above = [
        max((score.high if score.high is not None else value) - value, 0.0)
        for score, value in zip(scores, values, strict=True)
    ]
    below = [
        max(value - (score.low if score.low is not None else value), 0.0)
        for score, value in zip(scores, values, strict=True)
    ]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [stratum.label for stratum in known],
        "y": [round(value, 4) for value in values],
        "error_y": {
            "type": "data",
            "symmetric": False,
            **style["whisker"],
            "array": [round(value, 4) for value in above],
            "arrayminus": [round(value, 4) for value in below],
        },
        "opacity": style["opacity"],
        "marker": style["marker"],
        "customdata": [_hover(stratum, kind) for stratum in known],
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def _counts(strata: Sequence[Stratum], tokens: Tokens) -> Trace:
    return {
        "type": "bar",
        "x": [stratum.label for stratum in strata],
        "y": [stratum.n for stratum in strata],
        "yaxis": "y2",
        "marker": {"color": tokens.axis},
        "customdata": [_counted(stratum) for stratum in strata],
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def _reference(kind: ScoreKind, tokens: Tokens) -> list[dict[str, Any]]:
    if kind.reference is None:
        return []
    return [
        {
            "type": "line",
            "xref": "paper",
            "x0": 0,
            "x1": 1,
            "y0": kind.reference,
            "y1": kind.reference,
            "layer": "below",
            "line": {"color": tokens.axis, "width": 1},
        }
    ]


def _hover(stratum: Stratum, kind: ScoreKind) -> str:
    score = stratum.score(kind.name)
    text = f"{kind.label} {score_text(score.value)}"
    interval = interval_text(score)
    return f"{_counted(stratum)}<br>{text}" + (f" ({interval})" if interval else "")


def _counted(stratum: Stratum) -> str:
    return f"{stratum.label}<br>{stratum.n_events:,} of {stratum.n:,} with the event"
