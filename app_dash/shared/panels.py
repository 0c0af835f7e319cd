"""Panels and the parts they are made of: headers, choices, menus, messages, graphs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.shared.chart import CONFIG, Figure
from app_dash.shared.definitions import Definition
from app_dash.shared.numbers import NARROW, percent
from solar.flares import Event

_CONFIG: Any = CONFIG  # a plain dict, where dash wants its own class of dict

Content = Component | str | Sequence[Component | str] | None


def aria_label(text: str) -> dict[str, Any]:
    """Name a part of the page for screen readers; Python cannot spell the attribute."""
    return {"aria-label": text}


def aria_hidden() -> dict[str, Any]:
    """Hide a mark from screen readers because words beside it say the same."""
    return {"aria-hidden": "true"}


@cache
def explanation(definition: Definition) -> Component:
    """Offer a definition behind a small button; it opens without a callback."""
    return html.Details(
        [
            html.Summary("?", **aria_label(f"How is this computed: {definition.title}")),
            html.Div(
                [
                    html.B(definition.title),
                    html.P(definition.meaning),
                    html.Code(definition.formula),
                    html.P(definition.reference, className="reference"),
                ]
            ),
        ],
        className="explanation",
    )


def panel(
    title: str,
    *content: Component | str,
    subtitle: Content = None,
    actions: Content = None,
    class_name: str = "",
    definition: Definition | None = None,
) -> Component:
    """Frame content under a title; `actions` are at the right end of the header.

    `definition` says how the content is computed.
    """
    header = [html.H2(title), html.Span(subtitle, className="subtitle")]
    if definition is not None:
        header.append(explanation(definition))
    if actions is not None:
        header.append(html.Div(actions, className="actions"))
    return html.Section(
        [html.Div(header, className="panel-header"), *content],
        className=f"panel {class_name}".strip(),
    )


def segmented(name: str, choices: Sequence[tuple[str, str, bool]]) -> Component:
    """Offer choices (label, address, is active) as links, so that the address holds the state."""
    return html.Nav(
        [
            dcc.Link(label, href=href, className="active" if active else "")
            for label, href, active in choices
        ],
        className="segmented",
        **aria_label(name),
    )


def event_badge(event: Event) -> Component:
    """Show the name of an event in the colour of its class."""
    return html.Span(event.label, className=f"badge {event.name[0].lower()}")


def legend(kind: str, label: str) -> Component:
    """Explain one mark of a figure; `kind` is a class of panels.css such as ``hit``."""
    return html.Span([html.I(), label], className=f"legend {kind}")


def script_button(label: str, data: dict[str, str], *, kind: str = "button") -> Component:
    """Offer a button for a script of the assets, which finds it by an attribute."""
    named: dict[str, Any] = data
    return html.Button(label, type="button", className=kind, **named)


def big_percent(value: float | None) -> list[Component | str]:
    """Write a probability large with its sign small, or a dash."""
    unit = [] if value is None else [html.Span(f"{NARROW}%", className="unit")]
    return [percent(value), *unit]


def graph(identity: str, figure: Figure, *, text: str, height: int) -> Component:
    """Show a figure with its one-sentence text alternative; the height is fixed."""
    plot = dcc.Graph(id=identity, figure=figure, config=_CONFIG, style={"height": f"{height}px"})
    # The height is reserved before the figure is drawn, so that nothing below it moves.
    return html.Div(
        plot,
        className="graph",
        role="img",
        style={"minHeight": f"{height}px"},
        **aria_label(text),
    )


def facts(rows: Sequence[tuple[str, Any]]) -> Component:
    """List names and values in two columns."""
    return html.Dl(
        [html.Div([html.Dt(name), html.Dd(value)]) for name, value in rows], className="facts"
    )


def empty_message(text: str, action: Component | None = None) -> Component:
    """Say that there is nothing to show, and what to do."""
    return html.Div([html.P(text), *([action] if action else [])], className="message")


def error_message(text: str, *, retry: str | None = None, label: str = "Retry") -> Component:
    """Say what failed; `retry` is the address that a full reload tries again."""
    retry_link = [html.A(label, href=retry, className="button")] if retry else []
    return html.Div([html.P(text), *retry_link], className="panel message error", role="alert")


def menu(name: str, chosen: str, choices: Sequence[tuple[str, str, bool]]) -> Component:
    """Offer choices (label, address, is active) behind one button that shows the current one."""
    links = [
        dcc.Link(label, href=href, className="active" if active else "")
        for label, href, active in choices
    ]
    button = html.Summary([html.Span(f"{name} "), html.B(chosen)], className="button")
    named: dict[str, Any] = {"aria-label": name}
    return html.Details([button, html.Nav(links, **named)], className="menu")
