"""The bar under the header while a replay plays: its time, its speed, and jumps in it.

It stands on every page and is never drawn anew, so that what is typed in it stays. What it shows
comes from ``assets/replay_bar.js``, which lets the time pass between two answers of the server.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.shared.panels import aria_hidden, aria_label
from database.people.principal import OPERATE, Principal
from solar.clock import Reading

# Seconds of event time in one second; None is as fast as records come in.
SPEEDS: tuple[tuple[str, float | None], ...] = (
    ("1×", 1.0),
    ("60×", 60.0),
    ("600×", 600.0),
    ("3600×", 3600.0),
    ("max", None),
)
_NEXT_FLARE = "To just before the next M1.0+ flare that is listed"
_NEXT_ALERT = "To the opening of the next alert"


class BarIds:
    """The component ids of the bar; its stores carry the clock, an act, and what came of it."""

    BAR = "replay-bar"
    CLOCK = "clock-data"
    ACT = "clock-act"
    ANSWER = "clock-answer"
    EVENT_TIME = "replay-now"
    PLAYING = "replay-state"
    STARTS = "replay-starts"
    ENDS = "replay-ends"
    PLAYED = "replay-played"
    PLAY = "replay-play"
    TO = "replay-to"
    MESSAGE = "replay-message"


def clock_data(
    clock: Reading, wall: datetime, usual_step: timedelta, who: Principal
) -> dict[str, Any]:
    """Tell the browser what time it is for the Sun, how fast it passes, and who may set it."""
    return {
        "mode": clock.mode,
        "now": clock.now(wall).isoformat(),
        "speed": clock.speed,
        "speed_before": clock.speed_before if clock.is_paused else clock.speed,
        "version": clock.version,
        "newest": clock.newest and clock.newest.isoformat(),
        "starts": clock.starts_at and clock.starts_at.isoformat(),
        "ends": clock.ends_at and clock.ends_at.isoformat(),
        "step_s": usual_step.total_seconds(),
        "may_set": who.may(OPERATE),
    }


def stores() -> list[Component]:
    """Hold what the browser and the callbacks of the clock tell each other."""
    return [dcc.Store(id=name) for name in (BarIds.CLOCK, BarIds.ACT, BarIds.ANSWER)]


def bar(refresh_seconds: int) -> Component:
    """Lay out the bar; ``shell.css`` shows it in a replay alone.

    A fast replay is asked for more often than every `refresh_seconds`.
    """
    asked: dict[str, Any] = {"data-refresh": refresh_seconds}
    return html.Section(
        [_times(), _controls(), _message()],
        id=BarIds.BAR,
        className="replay-bar",
        **aria_label("Replay"),
        **asked,
    )


def _message() -> Component:
    return html.P(id=BarIds.MESSAGE, className="replay-message", role="alert")


def _times() -> Component:
    track = html.Div(html.I(id=BarIds.PLAYED), className="replay-track", **aria_hidden())
    ends = html.Div(
        [html.Span(id=BarIds.STARTS), html.Span("later"), html.Span(id=BarIds.ENDS)],
        className="replay-ends",
    )
    now = html.Div(
        [html.Time(id=BarIds.EVENT_TIME), html.Span("UTC")], className="replay-event-time"
    )
    return html.Div(
        [
            html.Div([now, html.Div(id=BarIds.PLAYING, className="replay-state")]),
            html.Div([track, ends], className="replay-span"),
        ],
        className="replay-times",
    )


def _controls() -> Component:
    play = _button(
        [html.I(**aria_hidden()), html.Span("Play", id=BarIds.PLAY)],
        "play",
        key=" ",
        shown_key="Space",
        kind="button primary replay-play",
    )
    speeds = [
        html.Button(label, type="button", **_act("speed", {"data-speed": speed or ""}))
        for label, speed in SPEEDS
    ]
    return html.Div(
        [
            play,
            html.Div(speeds, className="segmented", role="group", **aria_label("Speed")),
            _jump(),
            _button("Next M1.0+", "next-flare", key="j", title=_NEXT_FLARE),
            _button("Next alert", "next-alert", key="k", title=_NEXT_ALERT),
        ],
        className="replay-controls",
    )


def _jump() -> Component:
    entry = dcc.Input(
        id=BarIds.TO,
        type="text",
        placeholder="2014-03-29 17:00",
        autoComplete="off",
        maxLength=40,
        className="field",
    )
    name = html.Span("Jump to a time, UTC", className="visually-hidden")
    go = html.Button("Jump", type="button", className="button", **_act("jump"))
    return html.Div([html.Label([name, entry]), go], className="replay-jump")


def _button(
    label: Any,
    act: str,
    *,
    key: str,
    shown_key: str = "",
    kind: str = "button",
    title: str = "",
) -> Component:
    named = html.Kbd(shown_key or key.upper(), **aria_hidden())
    parts = [*(label if isinstance(label, list) else [html.Span(label)]), named]
    told = _act(act, {"data-key": key})
    return html.Button(parts, type="button", className=kind, title=title, **told)


def _act(name: str, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Name what a button does, for ``assets/replay_bar.js``."""
    return {"data-act": name, **(more or {})}
