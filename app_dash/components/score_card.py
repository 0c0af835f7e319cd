"""The score cards: each score of the asked model, and every entrant's with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import html
from dash.development.base_component import Component

from app_dash.figures.entrants import entrant_label, marker
from app_dash.figures.scores import (
    CARDS,
    Mark,
    ScoreKind,
    interval_text,
    place,
    scale,
    score_text,
)
from app_dash.skill_answer import SkillAnswer, Verification


def score_cards(answer: SkillAnswer) -> Component:
    """Lay the cards out side by side."""
    return html.Div([_card(kind, answer) for kind in CARDS], className="score-cards")


def entrant_legend(answer: SkillAnswer) -> list[Component]:
    """Name the markers of the entrants."""
    return [
        html.Span(
            [html.I(className=f"mark {marker(entrant.model)}"), entrant_label(entrant.model)],
            className=_row_class("entrant-key", index),
        )
        for index, entrant in enumerate(answer.all)
    ]


def _card(kind: ScoreKind, answer: SkillAnswer) -> Component:
    own = answer.score(kind.name)
    ends = scale(kind, [entrant.score(kind.name) for entrant in answer.all])
    arrow = {"lower": " ↓", "one": " → 1"}.get(kind.is_better, "")
    head = [html.Span(kind.label + arrow, className="score-name"),
            html.Span(interval_text(own), className="score-interval")]  # fmt: skip
    rows = [_row(kind, entrant, ends, index) for index, entrant in enumerate(answer.all)]
    return html.Div(
        [
            html.Div(head, className="score-head", title=kind.description),
            html.Div(score_text(own.value), className="score-value"),
            html.Div([*_reference(kind, ends), *rows], className="whiskers"),
            html.Div([html.Span(_tick(end)) for end in ends], className="score-axis"),
        ],
        className="score-card",
    )


def _row(
    kind: ScoreKind, entrant: Verification, ends: tuple[float, float], index: int
) -> Component:
    score = entrant.score(kind.name)
    said = f"{entrant_label(entrant.model)}: {kind.label} {score_text(score.value)}"
    interval = interval_text(score)
    text = f"{said} ({interval})" if interval else said
    spoken: dict[str, Any] = {"aria-label": text}
    marks = _marks(place(score, ends), marker(entrant.model))
    return html.Div(marks, className=_row_class("whisker", index), title=text, role="img", **spoken)


def _marks(mark: Mark, shape: str) -> Sequence[Component]:
    if mark.at is None:
        return [html.Span("undefined", className="undefined")]
    drawn = [html.I(className=f"mark {shape}", style={"left": f"{100 * mark.at:.2f}%"})]
    if mark.low is not None and mark.high is not None:
        span = {"left": f"{100 * mark.low:.2f}%", "width": f"{100 * (mark.high - mark.low):.2f}%"}
        drawn.insert(0, html.I(className="span", style=span))
    return drawn


def _reference(kind: ScoreKind, ends: tuple[float, float]) -> list[Component]:
    if kind.reference is None:
        return []
    share = (kind.reference - ends[0]) / (ends[1] - ends[0])
    return [html.I(className="reference", style={"left": f"{100 * share:.2f}%"})]


def _row_class(name: str, index: int) -> str:
    return f"{name} asked" if index == 0 else name


def _tick(value: float) -> str:
    return score_text(value, digits=0 if value == int(value) else 1)
