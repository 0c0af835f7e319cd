"""The timeline of alerts: each a bar from opening to close, in lanes by event, over the flares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app_dash.figures.chart import Figure, Trace, axis, chart
from app_dash.figures.time_axis import HOVER, epoch, time_axis
from app_dash.theme import Tokens
from solar.flares import EVENTS
from solar.time import Window

ROW_PX = 22
_FRAME_PX = 74
_LEAST_ROWS = 3
_MARK_SHARE = 0.012
_HATCH = "/"
_MISSED = "missed"


@dataclass(frozen=True)
class Span:
    """One alert, or one missed flare when it ends where it began; `outcome` None is pending."""

    event: str
    start_at: datetime
    end_at: datetime
    outcome: str | None
    name: str
    text: str


@dataclass(frozen=True)
class Tick:
    """One flare that peaked in the range."""

    peak_at: datetime
    goes_class: str
    name: str


@dataclass(frozen=True)
class Lanes:
    """Where the spans stand: `row` of each, and the rows of each event from 0 at the bottom."""

    row: Sequence[int]
    bands: Mapping[str, tuple[int, int]]
    n_rows: int


def lanes(spans: Sequence[Span], *, room: timedelta = timedelta(0)) -> Lanes:
    """Stack the spans of each event so that none overlaps another, rare events on top.

    `room` is what the mark of a missed flare takes up on either side of its moment.
    """
    row = [0] * len(spans)
    bands: dict[str, tuple[int, int]] = {}
    bottom = 0
    for event in EVENTS:
        own = sorted(
            (i for i, span in enumerate(spans) if span.event == event.name),
            key=lambda i: spans[i].start_at,
        )
        ends: list[datetime] = []
        for i in own:
            margin = room if spans[i].outcome == _MISSED else timedelta(0)
            first, last = spans[i].start_at - margin, spans[i].end_at + margin
            free = next((at for at, end in enumerate(ends) if end <= first), len(ends))
            ends[free : free + 1] = [last]
            row[i] = bottom + free
        if own:
            bands[event.name] = (bottom, bottom + len(ends))
            bottom += len(ends)
    return Lanes(row, bands, bottom)


def height(spans: Sequence[Span], shown: Window) -> int:
    """Return how high the figure must be for its rows [px]."""
    placed = lanes(spans, room=_room(shown))
    return _FRAME_PX + ROW_PX * (max(placed.n_rows, _LEAST_ROWS) + 1)


def _room(shown: Window) -> timedelta:
    return (shown.end_at - shown.start_at) * _MARK_SHARE


def alert_figure(
    spans: Sequence[Span], ticks: Sequence[Tick], shown: Window, tokens: Tokens
) -> Figure:
    """Draw the alerts of a range with the flares of their classes above them."""
    placed = lanes(spans, room=_room(shown))
    top = max(placed.n_rows, _LEAST_ROWS)
    styles = {
        "confirmed": (tokens.ok, ""),
        "false alarm": (tokens.false_alarm, _HATCH),
        "unknown": (tokens.axis, ""),
        None: (tokens.accent, ""),
    }
    data = [
        _bars([(s, r) for s, r in zip(spans, placed.row, strict=True) if s.outcome == outcome],
              outcome or "not judged yet", fill=fill, hatch=hatch, tokens=tokens)
        for outcome, (fill, hatch) in styles.items()
    ]  # fmt: skip
    data.append(_missed(spans, placed.row, tokens))
    data.append(_flares(ticks, top, tokens))
    bands = placed.bands.items()
    return chart(
        tokens,
        data,
        xaxis=time_axis(tokens, shown.start_at, shown.end_at, title=""),
        yaxis=axis(
            tokens, "", range=[-0.7, top + 0.7], showgrid=False,
            tickvals=[*((first + last - 1) / 2 for _, (first, last) in bands), top],
            ticktext=[*(f"{name}+" for name, _ in bands), "Flares"],
        ),
        uniformtext={"minsize": 9, "mode": "hide"},
        shapes=[_line(first - 0.5, tokens) for _, (first, _) in bands if first],
        barmode="overlay",
        margin={"l": 52, "r": 12, "t": 8, "b": 40},
        hovermode="closest",
    )  # fmt: skip


def _bars(
    found: Sequence[tuple[Span, int]], name: str, *, fill: str, hatch: str, tokens: Tokens
) -> Trace:
    marker = {"color": fill, "line": {"width": 0}}
    if hatch:
        pattern = {"shape": hatch, "fgcolor": tokens.axis, "bgcolor": tokens.panel, "size": 6,
                   "solidity": 0.25}  # fmt: skip
        marker = {**marker, "pattern": pattern, "line": {"width": 1, "color": fill}}
    return {
        "type": "bar", "orientation": "h", "name": name, "marker": marker, "width": 0.88,
        "base": [epoch(span.start_at) for span, _ in found],
        "x": [epoch(span.end_at) - epoch(span.start_at) for span, _ in found],
        "y": [row for _, row in found],
        "text": [span.name for span, _ in found], "textposition": "inside",
        "insidetextanchor": "start", "textangle": 0,
        "insidetextfont": {"size": 10, "color": tokens.text if hatch else tokens.on_accent},
        "customdata": [span.text for span, _ in found],
        "hovertemplate": "%{customdata}<extra></extra>",
    }  # fmt: skip


def _missed(spans: Sequence[Span], rows: Sequence[int], tokens: Tokens) -> Trace:
    found = [(s, r) for s, r in zip(spans, rows, strict=True) if s.outcome == _MISSED]
    return {
        "type": "scatter", "mode": "markers", "name": _MISSED,
        "x": [epoch(span.start_at) for span, _ in found], "y": [row for _, row in found],
        "marker": {"symbol": "circle-open", "size": 9, "color": tokens.error,
                   "line": {"width": 2}},
        "customdata": [span.text for span, _ in found],
        "hovertemplate": "%{customdata}<extra></extra>",
    }  # fmt: skip


def _flares(ticks: Sequence[Tick], row: int, tokens: Tokens) -> Trace:
    return {
        "type": "scatter", "mode": "markers", "name": "flares",
        "x": [epoch(tick.peak_at) for tick in ticks], "y": [row] * len(ticks),
        "marker": {"symbol": "line-ns", "size": 10,
                   "line": {"width": 2, "color": [tokens.mark(t.goes_class) for t in ticks]}},
        "customdata": [f"{tick.goes_class} {tick.name}" for tick in ticks],
        "hovertemplate": f"<b>%{{customdata}}</b><br>{HOVER}<extra></extra>",
    }  # fmt: skip


def _line(at: float, tokens: Tokens) -> dict[str, object]:
    return {
        "type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": at, "y1": at,
        "line": {"color": tokens.grid, "width": 1},
    }  # fmt: skip
