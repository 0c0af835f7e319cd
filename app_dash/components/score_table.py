"""The table of all scores: one row per score, one column per entrant, with intervals."""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from app_dash.components.explanation import explanation
from app_dash.figures.entrants import entrant_label
from app_dash.figures.scores import KINDS, ScoreKind, interval_text, score_text
from app_dash.skill.answer import Score, SkillAnswer, Verification

# The Brier score of rare events differs in its third decimal.
_DIGITS = {"brier": 4}


def score_table(answer: SkillAnswer) -> Component:
    """Write every score of every entrant; undefined is a dash."""
    names = [entrant_label(entrant.model) for entrant in answer.all]
    head = html.Tr([html.Th("Score"), *(html.Th(name, className="number") for name in names)])
    rows = [_row(kind, answer) for kind in KINDS]
    rows += [_against(reference, answer) for reference in _references(answer)]
    table = html.Table([html.Thead(head), html.Tbody(rows)], className="data summary score-table")
    return html.Div(table, className="table-scroll", tabIndex=0)


def _row(kind: ScoreKind, answer: SkillAnswer) -> Component:
    digits = _DIGITS.get(kind.name, 2)
    cells = [_cell(entrant.score(kind.name), digits) for entrant in answer.all]
    return html.Tr([_name(kind), *cells])


def _against(reference: str, answer: SkillAnswer) -> Component:
    label = f"BSS, {entrant_label(reference)}"
    cells = [_cell(_versus(entrant, reference), 2) for entrant in answer.all]
    return html.Tr([html.Th(label, scope="row"), *cells])


def _name(kind: ScoreKind) -> Component:
    how = explanation(kind.name)
    return html.Th(html.Div([kind.label, how], className="score-head"), scope="row")


def _references(answer: SkillAnswer) -> list[str]:
    return sorted({name for entrant in answer.all for name in entrant.bss_against})


def _versus(entrant: Verification, reference: str) -> Score:
    return entrant.bss_against.get(reference) or Score()


def _cell(score: Score, digits: int) -> Component:
    interval = interval_text(score, digits=digits)
    parts = [
        html.Span(interval, className="score-interval"),
        html.B(score_text(score.value, digits=digits)),
    ]
    return html.Td(parts, className="number score-cell")
