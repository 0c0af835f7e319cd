"""Figures of a model: permutation importance, and the learning curves of its fits.

A learning curve is read from the event log of a run, where fits write figures step by step.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from model_training.judging.importance import Importance
from model_training.report import wording
from model_training.report.canvas import TOKENS, Picture, drawing, looks, picture

# Progress of a step; every other number is a figure of the fit.
_BOOKKEEPING = frozenset({"step", "of", "eta_seconds"})
MOST = 20
_LABELS = {"bss": "held-out BSS"}


@dataclass(frozen=True)
class LearningCurve:
    """One figure, such as the loss, of one fit over its steps.

    Parameters
    ----------
    unit : what a step is: epoch, tree, iteration
    place : which fit of the run
    """

    unit: str
    place: str
    figure: str
    steps: tuple[int, ...]
    values: tuple[float, ...]


def learning_curves(lines: Iterable[str | bytes]) -> tuple[LearningCurve, ...]:
    """Read curves from event log lines; a step written twice, after a resume, counts once.

    A line that is no JSON is passed over: a run that was killed leaves half a line behind.
    """
    curves: dict[tuple[str, str, str], dict[int, float]] = {}
    for line in lines:
        event = _event(line)
        for name, value in _figures(event):
            key = (str(event["event"]), str(event.get("place", "")), name)
            curves.setdefault(key, {})[int(event["step"])] = value
    return tuple(
        LearningCurve(*key, tuple(sorted(steps)), tuple(steps[step] for step in sorted(steps)))
        for key, steps in curves.items()
    )


def _event(line: str | bytes) -> dict[str, Any]:
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError:
        return {}
    return event if isinstance(event, dict) and {"event", "step"} <= event.keys() else {}


def _figures(event: dict[str, Any]) -> list[tuple[str, float]]:
    return [
        (name, float(value))
        for name, value in event.items()
        if isinstance(value, int | float)
        and not isinstance(value, bool)
        and name not in _BOOKKEEPING
    ]


def learning_picture(curves: Sequence[LearningCurve], key: str) -> Picture:
    """Draw the curves of one kind of step; several fits are several thin lines."""
    unit = curves[0].unit
    fits = len({curve.place for curve in curves})
    # Losses fall and skill rises, each on a scale of its own.
    panels = [
        group
        for is_skill in (False, True)
        if (group := [curve for curve in curves if (curve.figure == "bss") == is_skill])
    ]
    with drawing(280) as figure:
        for axes, panel in zip(
            figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
        ):
            _draw_curves(axes, panel, fits)
        return picture(
            figure,
            f"Learning by {unit}",
            key=key,
            caption=f"{fits} fits, a line each." if fits > 1 else "One fit.",
            alternative=_learning_sentence(curves, fits),
        )


def _draw_curves(axes: Axes, curves: Sequence[LearningCurve], fits: int) -> None:
    style = looks(list(dict.fromkeys(curve.figure for curve in curves)))
    labelled: set[str] = set()
    for curve in curves:
        look = style[curve.figure]
        axes.plot(
            curve.steps,
            curve.values,
            color=look.color,
            linestyle=look.line,
            linewidth=2 if fits == 1 else 1,
            alpha=1 if fits == 1 else 0.7,
            label=None if curve.figure in labelled else _label(curve.figure),
            marker=look.marker if len(curve.steps) == 1 else None,
        )
        labelled.add(curve.figure)
    axes.set_xlabel(curves[0].unit.capitalize())
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.legend(loc="best")


def _label(figure: str) -> str:
    return _LABELS.get(figure, figure.replace("_", " "))


def _learning_sentence(curves: Sequence[LearningCurve], fits: int) -> str:
    first = curves[0]
    ends: dict[str, str] = {}
    for curve in curves:
        ends.setdefault(curve.figure, f"{curve.values[0]:.3g} to {curve.values[-1]:.3g}")
    changes = ", ".join(f"{_label(name)} {moved}" for name, moved in ends.items())
    place = first.place or "the first"
    return f"{fits} fits over up to {max(first.steps)} steps; in {place}: {changes}."


def importance_picture(items: Sequence[Importance], event: str, *, key: str) -> Picture:
    """Draw the most important features, the first on top, with their range over the shuffles."""
    shown = [item for item in items if item.drop.value is not None][:MOST]
    place = np.arange(len(shown))
    value, low, high = (
        np.array([(item.drop.value, item.drop.low, item.drop.high) for item in shown], float)
        .reshape(-1, 3)
        .T
    )
    with drawing(70 + 17 * max(len(shown), 1)) as figure:
        axes = figure.subplots()
        axes.barh(place, value, height=0.6, color=TOKENS["accent"])
        axes.hlines(place, low, high, color=TOKENS["text"], linewidth=1.25)
        axes.axvline(0, color=TOKENS["axis"], linewidth=1)
        axes.set_yticks(place, [item.feature for item in shown])
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.set_xlabel("Brier skill lost")
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        return picture(
            figure,
            f"Importance, {wording.event(event)}",
            key=f"{key}-importance",
            caption=f"The {len(shown)} most important of {len(items)} features; thin line: range"
            " over the repeats.",
            alternative=_importance_sentence(shown[:5]),
        )


def _importance_sentence(shown: Sequence[Importance]) -> str:
    if not shown:
        return "No importance: the outcomes are all alike."
    drops = ", ".join(f"{item.feature} {wording.signed(item.drop.value)}" for item in shown)
    return f"Brier skill lost when a feature is shuffled, greatest first: {drops}."
