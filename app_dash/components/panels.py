"""Panels and what stands in them: headers, links that choose, messages, graphs with a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.components.aria import labelled
from app_dash.components.explanation import explanation
from app_dash.figures.chart import CONFIG, Figure
from app_dash.numbers import NARROW, percent
from solar.flares import Event

_CONFIG: Any = CONFIG  # a plain dict, where dash wants its own class of dict

Content = Component | str | Sequence[Component | str] | None


def panel(
    title: str,
    *content: Component | str,
    subtitle: Content = None,
    actions: Content = None,
    class_name: str = "",
    how: str | None = None,
) -> Component:
    """Frame some content under a title; `actions` stand at the right end of the header.

    `how` names the entry of `definitions` that tells how the content is computed.
    """
    header = [html.H2(title), html.Span(subtitle, className="subtitle")]
    if how is not None:
        header.append(explanation(how))
    if actions is not None:
        header.append(html.Div(actions, className="actions"))
    return html.Section(
        [html.Div(header, className="panel-header"), *content],
        className=f"panel {class_name}".strip(),
    )


def segmented(name: str, choices: Sequence[tuple[str, str, bool]]) -> Component:
    """Offer a choice of (label, address, is active) as links, so that it lives in the address."""
    return html.Nav(
        [
            dcc.Link(label, href=href, className="active" if active else "")
            for label, href, active in choices
        ],
        className="segmented",
        **labelled(name),
    )


def event_badge(event: Event) -> Component:
    """Name an event in the colour of its class."""
    return html.Span(event.label, className=f"badge {event.name[0].lower()}")


def legend(kind: str, label: str) -> Component:
    """Explain one mark of a figure; `kind` is a class of panels.css such as ``hit``."""
    return html.Span([html.I(), label], className=f"legend {kind}")


def big_percent(value: float | None) -> list[Component | str]:
    """Write a probability large with its sign small, or a dash."""
    unit = [] if value is None else [html.Span(f"{NARROW}%", className="unit")]
    return [percent(value), *unit]


def graph(identity: str, figure: Figure, *, text: str, height: int) -> Component:
    """Show a figure with its one-sentence text alternative; heights are fixed, nothing jumps."""
    plot = dcc.Graph(id=identity, figure=figure, config=_CONFIG, style={"height": f"{height}px"})
    # The height stands before the figure is drawn, so that nothing below it jumps.
    return html.Div(
        plot, className="graph", role="img", style={"minHeight": f"{height}px"},
        **labelled(text),
    )  # fmt: skip


def facts(rows: Sequence[tuple[str, Any]]) -> Component:
    """List names and values in two columns."""
    return html.Dl([html.Div([html.Dt(name), html.Dd(value)]) for name, value in rows],
                   className="facts")  # fmt: skip


def empty_message(text: str, action: Component | None = None) -> Component:
    """Say that there is nothing to show, and what to do about it."""
    return html.Div([html.P(text), *([action] if action else [])], className="message")


def error_message(text: str, *, retry: str | None = None, label: str = "Retry") -> Component:
    """Say what failed; `retry` is the address that a full reload tries again."""
    again = [html.A(label, href=retry, className="button")] if retry else []
    return html.Div([html.P(text), *again], className="panel message error", role="alert")
