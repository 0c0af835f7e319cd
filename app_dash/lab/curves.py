"""Learning curves: what a run tells while it fits, by place and step."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from app_dash.shared.chart import Figure, Trace, axis, chart, note
from app_dash.shared.theme import Tokens
from solar.flares import EVENTS

MOST_POINTS = 500
# The event with which a job tells of its processor time and memory.
MACHINE = "machine"
_MOST_LABELS, _LABEL_PX = 4, 13
_MARGIN_TOP, _MARGIN_BOTTOM = 8, 40
_NOT_CURVES = frozenset({"step", "of", "eta_seconds"})
_EVENT_NAMES = frozenset(event.name for event in EVENTS)
_TITLES = {"loss": "Training loss", "bss": "BSS on the held-out part"}
_ORDER = ("loss", "bss")
_DASHES = ("solid", "dash", "dot", "dashdot")


@dataclass
class Steps:
    """The counted steps of one part of a run, such as the epochs of a fold."""

    unit: str
    done: int = 0
    total: int = 0
    curves: dict[str, dict[int, float]] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """How much of it is done, 0 to 1."""
        return self.done / self.total if self.total else 0.0

    @property
    def is_done(self) -> bool:
        """Tell whether all steps are done."""
        return self.total > 0 and self.done >= self.total


def read_events(text: str) -> dict[str, Steps]:
    """Return the counted steps by place, in the order in which they began.

    A line that is cut off, as the last one may be, is left out.
    """
    places: dict[str, Steps] = {}
    for line in text.splitlines():
        told = _told(line)
        step, total = told.get("step"), told.get("of")
        if not (isinstance(step, int) and isinstance(total, int)):
            continue
        place = str(told.get("place", ""))
        steps = places.setdefault(place, Steps(str(told.get("event", "step"))))
        steps.done, steps.total = step, total
        for name, value in told.items():
            if name not in _NOT_CURVES and isinstance(value, float) and math.isfinite(value):
                steps.curves.setdefault(name, {})[step] = value
    return places


def _told(line: str) -> Mapping[str, object]:
    try:
        told = json.loads(line)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def parts_of(place: str) -> tuple[str, str]:
    """Split a place into its part and its event, as ``fold 2012/M1.0``."""
    names = place.split("/")
    event = next((name for name in names if name in _EVENT_NAMES), "")
    return " · ".join(name for name in names if name != event) or "run", event


@dataclass(frozen=True)
class Curve:
    """A line of a figure: steps, or minutes, and values of one part of a run, in its own colour."""

    part: str
    dash: str
    steps: Sequence[float]
    values: Sequence[float]
    is_now: bool
    color: str = ""


def curve_groups(
    places: Mapping[str, Steps], *, is_live: bool
) -> dict[tuple[str, str], list[Curve]]:
    """Group the curves by what they show and the event, as (figure, event)."""
    groups: dict[tuple[str, str], list[Curve]] = {}
    last = list(places)[-1:]
    # A part looks the same in every figure, the newest one solid.
    parts = list(dict.fromkeys(parts_of(place)[0] for place in places))[::-1]
    for place, steps in places.items():
        part, event = parts_of(place)
        for name, values in steps.curves.items():
            every = -(-len(values) // MOST_POINTS)
            shown = sorted(values.items())[::-1][::every][::-1]
            is_now = is_live and [place] == last and not steps.is_done
            dash = _DASHES[min(parts.index(part), len(_DASHES) - 1)]
            curve = Curve(part, dash, [s for s, _ in shown], [v for _, v in shown], is_now)
            groups.setdefault((name, event), []).append(curve)
    return dict(sorted(groups.items(), key=lambda group: (_rank(group[0][0]), group[0])))


def unit_of(places: Mapping[str, Steps]) -> str:
    """Name the steps of the first part that has curves."""
    return next((steps.unit for steps in places.values() if steps.curves), "step")


def machine_curves(text: str, *, is_live: bool) -> tuple[Curve, Curve]:
    """Return the processors [cores] that a job kept busy, and its memory [GB], by minute."""
    samples = [told for told in map(_told, text.splitlines()) if told.get("event") == MACHINE]
    # Beyond what a figure shows, only every other sample, or fewer.
    samples = samples[:: -(-len(samples) // MOST_POINTS) or 1]
    seconds = [datetime.fromisoformat(str(told["at"])).timestamp() for told in samples]
    figures = [[float(str(told[name])) for told in samples] for name in ("cpu_s", "rss")]
    minutes = [(at - seconds[0]) / 60 for at in seconds]
    busy = [
        (used - before) / max(at - since, 1e-3)
        for (before, used), (since, at) in zip(pairwise(figures[0]), pairwise(seconds), strict=True)
    ]
    memory = [value / 1e9 for value in figures[1]]
    return (
        Curve("cores", "solid", minutes[1:], busy, is_live),
        Curve("GB", "solid", minutes, memory, is_live),
    )


def _rank(name: str) -> int:
    return _ORDER.index(name) if name in _ORDER else len(_ORDER)


def title_of(name: str) -> str:
    """Name what a curve shows."""
    return _TITLES.get(name, name.replace("_", " ").capitalize())


def curve_figure(
    name: str, unit: str, curves: Sequence[Curve], tokens: Tokens, *, height: int
) -> Figure:
    """Draw the curves of one figure and one event, each named at the right edge."""
    values = [value for curve in curves for value in curve.values]
    is_log = name == "loss" and min(values) > 0
    last = max(step for curve in curves for step in curve.steps)
    vertical = axis(tokens, "", **(_log_ticks(values) if is_log else {"nticks": 5}))
    return chart(
        tokens,
        [_trace(curve, tokens) for curve in curves],
        xaxis=axis(tokens, unit.capitalize(), range=[0, last], nticks=6),
        yaxis=vertical,
        margin={"l": 44, "r": 96, "t": _MARGIN_TOP, "b": _MARGIN_BOTTOM},
        annotations=_labels(curves, last, tokens, is_log=is_log, height=height),
    )


def _log_ticks(values: Sequence[float]) -> dict[str, object]:
    """Mark 1, 2 and 5 of each decade within the values."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    ticks = [digit * 10.0**power for power in range(low, high + 1) for digit in (1, 2, 5)]
    return {"type": "log", "tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks]}


def _labels(
    curves: Sequence[Curve], last: float, tokens: Tokens, *, is_log: bool, height: int
) -> list[dict[str, object]]:
    """Name the last curves, one below the other where their ends are close."""
    scale = math.log10 if is_log else float
    every = [scale(value) for curve in curves for value in curve.values]
    span = (max(every) - min(every)) or 1.0
    pixels = (height - _MARGIN_TOP - _MARGIN_BOTTOM) / span
    labels, floor = [], -math.inf
    for curve in sorted(curves[-_MOST_LABELS:], key=lambda curve: curve.values[-1]):
        at = scale(curve.values[-1])
        # A label takes a line of its own above the one before.
        place = max(at * pixels, floor)
        floor = place + _LABEL_PX
        text = f"{curve.part.removeprefix('fold ')[:12]} {curve.values[-1]:.3f}"
        beside = {"xanchor": "left", "xshift": 4, "yshift": place - at * pixels}
        labels.append(note(tokens, text, x=last, y=at, color=_colour(curve, tokens), **beside))
    return labels


def _colour(curve: Curve, tokens: Tokens) -> str:
    return curve.color or (tokens.accent if curve.is_now else tokens.text2)


def _trace(curve: Curve, tokens: Tokens) -> Trace:
    width, colour = 2 if curve.is_now else 1.5, _colour(curve, tokens)
    return {
        "type": "scatter",
        "mode": "lines+markers" if len(curve.steps) == 1 else "lines",
        "name": curve.part,
        "x": curve.steps,
        "y": curve.values,
        "line": {"width": width, "color": colour, "dash": curve.dash},
        "hovertemplate": "%{fullData.name}, step %{x}: %{y:.4f}<extra></extra>",
    }
