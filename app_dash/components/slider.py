"""A slider over a logarithmic axis, drawn under the figure whose axis it shares."""

from __future__ import annotations

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.figures.logarithmic import HIGHEST, LOWEST, slid

# Long enough to drag on without the page answering at every step.
PAUSE_SECONDS = 0.5


def slider(identity: str, label: str, value: float | None) -> Component:
    """Offer the values of the axis; a slider with nothing to choose is disabled."""
    return html.Label(
        [
            html.Span(label, className="slider-name"),
            dcc.Input(
                id=identity,
                type="range",
                min=slid(LOWEST),
                max=slid(HIGHEST),
                step=0.01,
                value=slid(value or LOWEST),
                debounce=PAUSE_SECONDS,
                disabled=value is None,
                className="slider",
            ),
        ],
        className="slider-row",
    )
