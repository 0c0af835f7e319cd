"""The timeline of alerts: each a bar from opening to close, in lanes by event, over the flares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app_dash.shared.chart import HOVER, Figure, Trace, axis, chart, epoch, time_axis
from app_dash.shared.theme import Tokens
from solar.alerting import ALERTED
from solar.flares import event as find_event
from solar.time import Window

ROW_PX = 22
_FRAME_PX = 74
_LEAST_ROWS = 3
_MARK_SHARE = 0.012
_HATCH = "/"
_MISSED = "missed"
_LETTER_PX = 7


@dataclass(frozen=True)
class AlertBar:
    """One alert, or a missed flare if it ends where it begins; `outcome` None is pending."""

    event: str
    start_at: datetime
    end_at: datetime
    outcome: str | None
    name: str
    text: str


@dataclass(frozen=True)
class FlareTick:
    """One flare that peaked in the range."""

    peak_at: datetime
    goes_class: str
    name: str


@dataclass(frozen=True)
class RowLayout:
    """The row of each bar, and the rows [first, last) of each event from 0 at the bottom."""

    row: Sequence[int]
    bands: Mapping[str, tuple[int, int]]
    n_rows: int


def assign_rows(bars: Sequence[AlertBar], *, room: timedelta = timedelta(0)) -> RowLayout:
    """Assign the bars of each event to rows without overlap, rare events on top.

    `room` is the half width of the mark of a missed flare.
    """
    row = [0] * len(bars)
    bands: dict[str, tuple[int, int]] = {}
    bottom = 0
    for event in ALERTED:
        indices = sorted(
            (i for i, bar in enumerate(bars) if bar.event == event.name),
            key=lambda i: bars[i].start_at,
        )
        ends: list[datetime] = []
        for i in indices:
            margin = room if bars[i].outcome == _MISSED else timedelta(0)
            first, last = bars[i].start_at - margin, bars[i].end_at + margin
            free = next((at for at, end in enumerate(ends) if end <= first), len(ends))
            ends[free : free + 1] = [last]
            row[i] = bottom + free
        if indices:
            bands[event.name] = (bottom, bottom + len(ends))
            bottom += len(ends)
    return RowLayout(row, bands, bottom)


def height(bars: Sequence[AlertBar], shown: Window) -> int:
    """Return the height of the figure for its rows [px]."""
    layout = assign_rows(bars, room=_room(shown))
    return _FRAME_PX + ROW_PX * (max(layout.n_rows, _LEAST_ROWS) + 1)


def _room(shown: Window) -> timedelta:
    return (shown.end_at - shown.start_at) * _MARK_SHARE


def alert_figure(
    bars: Sequence[AlertBar], flares: Sequence[FlareTick], shown: Window, tokens: Tokens
) -> Figure:
    """Draw the alerts of a range with the flares of their classes above them."""
    layout = assign_rows(bars, room=_room(shown))
    top = max(layout.n_rows, _LEAST_ROWS)
    styles = {
        "confirmed": (tokens.ok, ""),
        "false alarm": (tokens.false_alarm, _HATCH),
        "unknown": (tokens.axis, ""),
        None: (tokens.accent, ""),
    }
    data = [
        _bars(
            [(s, r) for s, r in zip(bars, layout.row, strict=True) if s.outcome == outcome],
            outcome or "not judged yet",
            fill=fill,
            hatch=hatch,
            tokens=tokens,
        )
        for outcome, (fill, hatch) in styles.items()
    ]
    data.append(_missed(bars, layout.row, tokens))
    data.append(_flares(flares, top, tokens))
    bands = layout.bands.items()
    labels = [find_event(name).label for name, _ in bands]
    return chart(
        tokens,
        data,
        xaxis=time_axis(tokens, shown.start_at, shown.end_at, title=""),
        yaxis=axis(
            tokens,
            "",
            range=[-0.7, top + 0.7],
            showgrid=False,
            tickvals=[*((first + last - 1) / 2 for _, (first, last) in bands), top],
            ticktext=[*labels, "Flares"],
        ),
        uniformtext={"minsize": 9, "mode": "hide"},
        shapes=[_line(first - 0.5, tokens) for _, (first, _) in bands if first],
        barmode="overlay",
        margin={"l": _label_px(labels), "r": 12, "t": 8, "b": 40},
        hovermode="closest",
    )


def _label_px(labels: Sequence[str]) -> int:
    """Return the room that the names of the lanes need [px]; those with a window are longer."""
    longest = max(map(len, labels), default=0)
    return max(52, _LETTER_PX * longest)


def _bars(
    bars: Sequence[tuple[AlertBar, int]], name: str, *, fill: str, hatch: str, tokens: Tokens
) -> Trace:
    marker = {"color": fill, "line": {"width": 0}}
    if hatch:
        pattern = {
            "shape": hatch,
            "fgcolor": tokens.axis,
            "bgcolor": tokens.panel,
            "size": 6,
            "solidity": 0.25,
        }
        marker = {**marker, "pattern": pattern, "line": {"width": 1, "color": fill}}
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "marker": marker,
        "width": 0.88,
        "base": [epoch(bar.start_at) for bar, _ in bars],
        "x": [epoch(bar.end_at) - epoch(bar.start_at) for bar, _ in bars],
        "y": [row for _, row in bars],
        "text": [bar.name for bar, _ in bars],
        "textposition": "inside",
        "insidetextanchor": "start",
        "textangle": 0,
        "insidetextfont": {"size": 10, "color": tokens.text if hatch else tokens.on_accent},
        "customdata": [bar.text for bar, _ in bars],
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def _missed(bars: Sequence[AlertBar], rows: Sequence[int], tokens: Tokens) -> Trace:
    missed = [(bar, row) for bar, row in zip(bars, rows, strict=True) if bar.outcome == _MISSED]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": _MISSED,
        "x": [epoch(bar.start_at) for bar, _ in missed],
        "y": [row for _, row in missed],
        "marker": {"symbol": "circle-open", "size": 9, "color": tokens.error, "line": {"width": 2}},
        "customdata": [bar.text for bar, _ in missed],
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def _flares(flares: Sequence[FlareTick], row: int, tokens: Tokens) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "flares",
        "x": [epoch(flare.peak_at) for flare in flares],
        "y": [row] * len(flares),
        "marker": {
            "symbol": "line-ns",
            "size": 10,
            "line": {"width": 2, "color": [tokens.mark(t.goes_class) for t in flares]},
        },
        "customdata": [f"{flare.goes_class} {flare.name}" for flare in flares],
        "hovertemplate": f"<b>%{{customdata}}</b><br>{HOVER}<extra></extra>",
    }


def _line(at: float, tokens: Tokens) -> dict[str, object]:
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": at,
        "y1": at,
        "line": {"color": tokens.grid, "width": 1},
    }
