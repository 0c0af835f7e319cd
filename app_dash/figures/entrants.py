"""How each entrant of a comparison looks: the model a circle, climatology a square, persistence
a diamond, so that no colour stands alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app_dash.skill_answer import Verification
from app_dash.theme import Tokens

_LABELS = {
    "climatology-120d": "Climatology, 120 d",
    "climatology-365d": "Climatology, 365 d",
    "persistence": "Persistence",
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
    return [_style(entrant.model, tokens, is_first=i == 0) for i, entrant in enumerate(entrants)]


def marker(model_id: str) -> str:
    """Name the marker's shape of an entrant."""
    if model_id.startswith("climatology"):
        return "square-open" if "365" in model_id else "square"
    return "diamond" if model_id == "persistence" else "circle"


def _style(model_id: str, tokens: Tokens, *, is_first: bool) -> Style:
    label, shape = entrant_label(model_id), marker(model_id)
    if is_first:
        return Style(label, tokens.accent, 2, "solid", shape)
    if shape == "diamond":
        return Style(label, tokens.text, 1.5, "5px,3px", shape)
    return Style(label, tokens.text3, 1.5, "dot" if shape == "square-open" else "4px,3px", shape)
