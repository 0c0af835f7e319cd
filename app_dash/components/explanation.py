"""The small question mark that opens how a number is computed."""

from __future__ import annotations

from functools import cache

from dash import html
from dash.development.base_component import Component

from app_dash.components.aria import labelled
from app_dash.definitions import DEFINITIONS


@cache
def explanation(name: str, *, ask: str = "?") -> Component:
    """Offer the definition of `name`, a key of ``DEFINITIONS``; it opens without a callback.

    `ask` is what stands on the button.
    """
    known = DEFINITIONS[name]
    return html.Details(
        [
            html.Summary(ask, **labelled(f"{_question(ask)}: {known.title}")),
            html.Div(
                [html.B(known.title), html.P(known.says), html.Code(known.formula),
                 html.P(known.reference, className="reference")]
            ),
        ],
        className="explanation" if ask == "?" else "explanation worded",
    )  # fmt: skip


def _question(ask: str) -> str:
    return "How is this computed" if ask == "?" else ask
