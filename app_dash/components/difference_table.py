"""The paired differences: the asked model minus each entrant on the same cases, with intervals."""

from __future__ import annotations

from collections.abc import Mapping

from dash import html
from dash.development.base_component import Component

from app_dash.components.whisker import reference, whisker
from app_dash.figures.entrants import entrant_label, markers
from app_dash.figures.scores import interval_text, place, score_text
from app_dash.skill.answer import Score, SkillAnswer

COMPARED = (("tss", "TSS"), ("hss2", "HSS2"), ("bss", "BSS"), ("auc", "AUC"))
_ENDS = (0.25, 0.5, 1.0, 2.0)


def difference_table(answer: SkillAnswer) -> Component:
    """Write a row for each entrant and score, and whether its interval excludes zero."""
    names = [entrant.model for entrant in answer.all]
    shapes = dict(zip(names, markers(names), strict=True))
    end = _end(answer)
    bodies = [
        html.Tbody(_rows(entrant, differences, (shapes.get(entrant, "circle"), end)))
        for entrant, differences in answer.differences.items()
    ]
    scale = html.Th(f"{score_text(-end)} to {score_text(end)}")
    head = html.Tr([html.Th("Score"), html.Th("Difference", className="number"), scale,
                    html.Th("95 % says")])  # fmt: skip
    table = html.Table([html.Thead(head), *bodies], className="data summary differences")
    return html.Div(table, className="table-scroll", tabIndex=0)


def verdict(difference: Score) -> tuple[str, str]:
    """Say in words what the interval allows, and the class of the word."""
    if difference.value is None:
        return "undefined", "quiet"
    if difference.low is None or difference.high is None:
        return "no interval", "quiet"
    if difference.low > 0:
        return "better", "better"
    if difference.high < 0:
        return "worse", "worse"
    return "no difference", "secondary"


def _end(answer: SkillAnswer) -> float:
    """Choose the ends of the scale from few steps, so that nothing known lies outside."""
    known = [abs(value) for differences in answer.differences.values()
             for score in differences.values()
             for value in (score.value, score.low, score.high) if value is not None]  # fmt: skip
    return next((end for end in _ENDS if end >= max(known, default=0.0)), _ENDS[-1])


Look = tuple[str, float]


def _rows(entrant: str, differences: Mapping[str, Score], look: Look) -> list[Component]:
    label = entrant_label(entrant)
    title = html.Tr(html.Th(f"minus {label}", scope="rowgroup", colSpan=4), className="first")
    rows = [_row(label, name, differences.get(key) or Score(), look) for key, name in COMPARED]
    return [title, *rows]


def _row(entrant: str, label: str, difference: Score, look: Look) -> Component:
    shape, end = look
    word, kind = verdict(difference)
    interval = interval_text(difference)
    text = f"minus {entrant}: {label} {score_text(difference.value)} ({interval or 'no interval'})"
    value = [html.Span(interval, className="score-interval"), html.B(_signed(difference.value))]
    line = [reference(0.5), whisker(place(difference, (-end, end)), shape, text=text,
                                    is_asked=False)]  # fmt: skip
    return html.Tr(
        [html.Th(label, scope="row"), html.Td(value, className="number score-cell"),
         html.Td(html.Div(line, className="whiskers")), html.Td(word, className=kind)]
    )  # fmt: skip


def _signed(value: float | None) -> str:
    text = score_text(value)
    return f"+{text}" if value is not None and value > 0 and float(text) > 0 else text
