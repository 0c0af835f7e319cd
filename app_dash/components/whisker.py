"""A whisker: one score on a short line with its interval, its entrant told by shape and colour."""

from __future__ import annotations

from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from app_dash.components.aria import labelled
from app_dash.figures.entrants import entrant_label, markers
from app_dash.figures.scores import Mark
from app_dash.skill.answer import SkillAnswer


def whisker(mark: Mark, shape: str, *, text: str, is_asked: bool) -> Component:
    """Draw the mark; what has no value says so in its place."""
    return html.Div(
        _marks(mark, shape),
        className="whisker asked" if is_asked else "whisker",
        title=text,
        role="img",
        **labelled(text),
    )


def reference(share: float) -> Component:
    """Draw the upright line at the value without skill."""
    return html.I(className="reference", style={"left": f"{100 * share:.2f}%"})


def entrant_legend(answer: SkillAnswer) -> list[Component]:
    """Name the markers of the entrants."""
    names = [entrant.model for entrant in answer.all]
    return [
        html.Span(
            [html.I(className=f"mark {shape}"), entrant_label(name)],
            className="entrant-key asked" if index == 0 else "entrant-key",
        )
        for index, (name, shape) in enumerate(zip(names, markers(names), strict=True))
    ]


def _marks(mark: Mark, shape: str) -> Sequence[Component]:
    if mark.at is None:
        return [html.Span("undefined", className="undefined")]
    drawn = [html.I(className=f"mark {shape}", style={"left": f"{100 * mark.at:.2f}%"})]
    if mark.low is not None and mark.high is not None:
        span = {"left": f"{100 * mark.low:.2f}%", "width": f"{100 * (mark.high - mark.low):.2f}%"}
        drawn.insert(0, html.I(className="span", style=span))
    return drawn
