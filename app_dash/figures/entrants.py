"""How each entrant of a comparison looks: the model a circle, climatology a square, persistence
a diamond, so that no colour stands alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app_dash.skill.answer import Verification
from app_dash.theme import Tokens

_LABELS = {
    "climatology-120d": "Climatology, 120 d",
    "climatology-365d": "Climatology, 365 d",
    "persistence": "Persistence",
}


_FIXED_SHAPES = {
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
    """Label, colour, line and marker of one entrant; `marker` is a class of ``skill.css``."""

    label: str
    color: str
    width: float
    dash: str
    marker: str


def entrant_label(model_id: str) -> str:
    """Name an entrant for people: the fixed ones in words, a model by its name and version."""
    return _LABELS.get(model_id, model_id.replace("@", " "))


def styles(entrants: Sequence[Verification], tokens: Tokens) -> list[Style]:
    """Choose the look of each entrant; the first is the one that was asked for."""
    shapes = markers([entrant.model for entrant in entrants])
    return [
        _style(entrant.model, shape, tokens, is_first=index == 0)
        for index, (entrant, shape) in enumerate(zip(entrants, shapes, strict=True))
    ]


def markers(model_ids: Sequence[str]) -> list[str]:
    """Name the shape of each entrant's marker; further models have shapes of their own."""
    free = iter(_MODEL_SHAPES)
    return [_FIXED_SHAPES.get(model_id) or next(free, _MODEL_SHAPES[-1]) for model_id in model_ids]


def _style(model_id: str, shape: str, tokens: Tokens, *, is_first: bool) -> Style:
    label = entrant_label(model_id)
    if is_first:
        return Style(label, tokens.accent, 2, "solid", shape)
    color = tokens.text3 if shape.startswith("square") else tokens.text
    return Style(label, color, 1.5, _DASHES[shape], shape)
