"""The contingency table: the four outcomes of the asked model, and the entrants' below it."""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from app_dash.figures.entrants import entrant_label
from app_dash.numbers import ABSENT, count
from app_dash.skill.answer import Contingency, SkillAnswer, Verification


def contingency_table(answer: SkillAnswer) -> Component:
    """Draw the two-by-two table with its sums, and a row per entrant on the same cases."""
    table = answer.contingency
    square = _square(table) if table else html.P("No case to count.", className="quiet")
    return html.Div([square, _comparison(answer)], className="contingency")


def _square(table: Contingency) -> Component:
    yes, no = table.hits + table.false_alarms, table.misses + table.correct_negatives
    events, quiet = table.hits + table.misses, table.false_alarms + table.correct_negatives
    head = html.Tr([html.Td(), *(html.Th(t, scope="col") for t in ("Event observed", "No event")),
                    html.Th("Sum", scope="col", className="number")])  # fmt: skip
    sums = [html.Td(count(n), className="sum") for n in (events, quiet)]
    total = html.Td(html.B(count(events + quiet)), className="number")
    return html.Table(
        [
            html.Thead(head),
            html.Tbody(
                [
                    _outcomes("Forecast yes", ("hits", table.hits, "hit"),
                              ("false alarms", table.false_alarms, ""), yes),
                    _outcomes("Forecast no", ("misses", table.misses, "miss"),
                              ("correct quiet", table.correct_negatives, ""), no),
                    html.Tr([html.Th("Sum", scope="row"), *sums, total]),
                ]
            ),
        ],
        className="outcomes",
    )  # fmt: skip


Outcome = tuple[str, int, str]


def _outcomes(label: str, left: Outcome, right: Outcome, total: int) -> Component:
    cells = [
        html.Td(html.Div([html.B(count(n)), html.Span(name)], className=f"outcome {kind}".strip()))
        for name, n, kind in (left, right)
    ]
    return html.Tr([html.Th(label, scope="row"), *cells, html.Td(count(total), className="number")])


def _comparison(answer: SkillAnswer) -> Component:
    titles = ("Hits", "False al.", "Misses", "Quiet")
    head = [html.Th("Same cases"), *(html.Th(t, className="number") for t in titles)]
    rows = [_row(entrant, is_asked=i == 0) for i, entrant in enumerate(answer.all)]
    return html.Table(
        [html.Thead(html.Tr(head)), html.Tbody(rows)], className="data summary same-cases"
    )


def _row(entrant: Verification, *, is_asked: bool) -> Component:
    table = entrant.contingency
    values = (
        [ABSENT] * 4
        if table is None
        else [count(n) for n in (table.hits, table.false_alarms, table.misses,
                                 table.correct_negatives)]
    )  # fmt: skip
    cells = [html.Td(value, className="number") for value in values]
    name = html.Th(entrant_label(entrant.model), scope="row", className="asked" if is_asked else "")
    return html.Tr([name, *cells])
