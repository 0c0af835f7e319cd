"""Learning curves: the figures that fits wrote into the event log of a run, step by step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

# What a step says about itself; everything else that is a number is a figure of the fit.
_OWN = frozenset({"step", "of", "eta_seconds"})


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
        if isinstance(value, int | float) and not isinstance(value, bool) and name not in _OWN
    ]
