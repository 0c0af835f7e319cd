"""The style of each compared forecast: its marker, line and colour.

Models are circles, climatology squares and persistence a diamond: no colour is the only sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from app_dash.shared.numbers import model_label
from app_dash.shared.theme import Tokens

_REFERENCE_SHAPES = {
    "climatology-120d": "square",
    "climatology-365d": "square-open",
    "persistence": "diamond",
}
_MODEL_SHAPES = ("circle", "triangle", "cross")
_DASHES = {
    "circle": "solid",
    "triangle": "8px,3px",
    "cross": "8px,3px,2px,3px",
    "square": "4px,3px",
    "square-open": "dot",
    "diamond": "5px,3px",
}


@dataclass(frozen=True)
class Style:
    """Label, colour, line and marker of one forecast; `marker` is a class of ``skill.css``."""

    label: str
    color: str
    width: float
    dash: str
    marker: str


class Forecaster(Protocol):
    """Whatever the scores of a model or a reference forecast are kept in."""

    @property
    def model(self) -> str:
        """The name of the model, or of the reference forecast."""


def styles(forecasts: Sequence[Forecaster], tokens: Tokens) -> list[Style]:
    """Choose the style of each forecast; the first is the model of the report."""
    shapes = markers([forecast.model for forecast in forecasts])
    return [
        _style(forecast.model, shape, tokens, is_first=index == 0)
        for index, (forecast, shape) in enumerate(zip(forecasts, shapes, strict=True))
    ]


def markers(model_ids: Sequence[str]) -> list[str]:
    """Name the shape of each forecast's marker; further models get other shapes."""
    free = iter(_MODEL_SHAPES)
    return [
        _REFERENCE_SHAPES.get(model_id) or next(free, _MODEL_SHAPES[-1]) for model_id in model_ids
    ]


def _style(model_id: str, shape: str, tokens: Tokens, *, is_first: bool) -> Style:
    label = model_label(model_id)
    if is_first:
        return Style(label, tokens.accent, 2, "solid", shape)
    color = tokens.text3 if shape.startswith("square") else tokens.text
    return Style(label, color, 1.5, _DASHES[shape], shape)
