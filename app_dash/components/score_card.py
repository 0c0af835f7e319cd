"""The score cards: each score of the asked model, and every entrant's with its interval."""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from app_dash.components.explanation import explanation
from app_dash.components.whisker import reference, whisker
from app_dash.figures.entrants import entrant_label, markers
from app_dash.figures.scores import CARDS, ScoreKind, interval_text, place, scale, score_text
from app_dash.numbers import NARROW
from app_dash.skill.answer import SkillAnswer, Verification


def score_cards(answer: SkillAnswer) -> Component:
    """Lay the cards out side by side."""
    return html.Div([_card(kind, answer) for kind in CARDS], className="score-cards")


def _card(kind: ScoreKind, answer: SkillAnswer) -> Component:
    own = answer.score(kind.name)
    ends = scale(kind, [entrant.score(kind.name) for entrant in answer.all])
    shapes = markers([entrant.model for entrant in answer.all])
    rows = [
        _row(kind, entrant, ends, (shape, index))
        for index, (entrant, shape) in enumerate(zip(answer.all, shapes, strict=True))
    ]
    return html.Div(
        [
            _head(kind),
            html.Div(score_text(own.value), className="score-value"),
            html.Div(interval_text(own) or NARROW, className="score-interval"),
            html.Div([*_reference(kind, ends), *rows], className="whiskers"),
            html.Div([html.Span(_tick(end)) for end in ends], className="score-axis"),
        ],
        className="score-card",
    )  # fmt: skip


def _head(kind: ScoreKind) -> Component:
    arrow = {"lower": " ↓", "one": " → 1"}.get(kind.is_better, "")
    name = html.Span(kind.label + arrow, className="score-name", title=kind.description)
    return html.Div([name, explanation(kind.name)], className="score-head")


def _row(
    kind: ScoreKind, entrant: Verification, ends: tuple[float, float], look: tuple[str, int]
) -> Component:
    shape, index = look
    score = entrant.score(kind.name)
    said = f"{entrant_label(entrant.model)}: {kind.label} {score_text(score.value)}"
    interval = interval_text(score)
    text = f"{said} ({interval})" if interval else said
    return whisker(place(score, ends), shape, text=text, is_asked=index == 0)


def _reference(kind: ScoreKind, ends: tuple[float, float]) -> list[Component]:
    if kind.reference is None:
        return []
    return [reference((kind.reference - ends[0]) / (ends[1] - ends[0]))]


def _tick(value: float) -> str:
    return score_text(value, digits=0 if value == int(value) else 1)
