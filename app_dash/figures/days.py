"""Cases by day: how many were scored on each UTC day, and how many were events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta

from app_dash.figures.chart import Figure, axis, chart
from app_dash.skill.answer import DayCount
from app_dash.theme import Tokens

# A bar needs about a pixel; longer ranges are drawn by the week, then by the month.
MOST_BARS = 400
MOST_WEEKS = 160


def days_figure(days: Sequence[DayCount], event: str, tokens: Tokens) -> Figure:
    """Draw stacked bars: events at the bottom in the colour of their class, the rest above."""
    groups = grouped(days)
    starts = [group.day.isoformat() for group in groups]
    quiet = [group.n - group.events for group in groups]
    texts = [f"{group.events:,} of {group.n:,} with {event}+" for group in groups]
    hover = {"customdata": texts, "hovertemplate": "%{x|%-d %b %Y}<br>%{customdata}<extra></extra>"}
    bar = {"type": "bar", "x": starts, **hover}
    return chart(
        tokens,
        [
            {**bar, "y": [group.events for group in groups],
             "marker": {"color": tokens.mark(event)}},
            {**bar, "y": quiet, "marker": {"color": tokens.border}},
        ],
        xaxis=axis(tokens, type="date", nticks=5, tickformat="%-d %b\n%Y", showgrid=False),
        yaxis=axis(tokens, rangemode="tozero", nticks=4),
        barmode="stack",
        bargap=0.15,
        margin={"l": 44, "r": 8, "t": 8, "b": 36},
    )  # fmt: skip


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
