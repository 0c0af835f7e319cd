"""The names of the regions on the disk, placed so that none lies upon another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app_dash.figures.chart import note
from app_dash.theme import Tokens

# How close two names may stand, a name and a spot, and two lines, in radii of the Sun.
_NAME, _SPOT, _LINE = (0.32, 0.13), (0.22, 0.1), 0.24
_BESIDE = 0.05
Point = tuple[float, float]


@dataclass(frozen=True)
class Label:
    """A name for the spot at (x, y); `lift` clears the spot, the heaviest is placed first."""

    name: str
    x: float
    y: float
    lift: float
    value: str
    weight: float
    is_near_limb: bool


def place(labels: Sequence[Label], tokens: Tokens) -> list[dict[str, Any]]:
    """Write names around their spots, those near the limb outside the disk.

    A name for which there is no room is left out; the spot still tells it when pointed at.
    """
    notes: list[dict[str, Any]] = []
    for side in (-1, 1):
        notes += _at_limb([n for n in labels if n.is_near_limb and n.x * side > 0], side, tokens)
    spots = [(label.x, label.y) for label in labels]
    taken = [(note["x"] * 1.17, note["y"]) for note in notes]
    inner = [label for label in labels if not label.is_near_limb]
    for label in sorted(inner, key=lambda label: -label.weight):
        free = next((p for p in _around(label) if _is_free(p, taken, spots)), None)
        if free is None:
            continue
        taken.append(free)
        notes.append(_note(label, free, tokens, xanchor="center"))
    return notes


def _at_limb(labels: Sequence[Label], side: int, tokens: Tokens) -> list[dict[str, Any]]:
    """Write one below the other where spots stand close."""
    notes, lowest = [], 2.0
    for label in sorted(labels, key=lambda label: -label.y):
        lowest = min(label.y, lowest - _LINE)
        edge = max(1 - lowest**2, 0.0) ** 0.5 + _BESIDE
        place = (side * max(edge, abs(label.x) + _BESIDE), lowest)
        notes.append(_note(label, place, tokens, xanchor="left" if side > 0 else "right"))
    return notes


def _around(label: Label) -> list[Point]:
    up, side = max(label.lift, 1.05 * _SPOT[1]), max(2 * label.lift, 1.05 * _SPOT[0])
    moves = ((0.0, up), (0.0, -up), (side, 0.0), (-side, 0.0))
    return [(label.x + dx, label.y + dy) for dx, dy in moves]


def _is_free(place: Point, names: Sequence[Point], spots: Sequence[Point]) -> bool:
    return _is_clear(place, names, _NAME) and _is_clear(place, spots, _SPOT)


def _is_clear(place: Point, others: Sequence[Point], room: Point) -> bool:
    return all(abs(place[0] - x) > room[0] or abs(place[1] - y) > room[1] for x, y in others)


def _note(label: Label, place: Point, tokens: Tokens, *, xanchor: str) -> dict[str, Any]:
    parts = [f"<b>{label.name}</b>", label.value, "near limb" if label.is_near_limb else ""]
    said = "<br>".join(filter(None, parts))
    return note(tokens, said, x=place[0], y=place[1], xanchor=xanchor, color=tokens.text)
