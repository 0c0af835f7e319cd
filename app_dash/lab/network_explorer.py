"""The networks of a run in its page, drawn anew in place by two sliders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import dash
import orjson
from dash import MATCH, Input, Output, State, ctx, dcc, html
from dash.development.base_component import Component

from app_dash.frame.page import PageContext
from app_dash.frame.shell import Ids
from app_dash.guard import callback
from app_dash.lab.analysis_figures import join, keywords_figure, samples_figure
from app_dash.lab.answers import Run
from app_dash.lab.client import Lab
from app_dash.settings import DashSettings
from app_dash.shared.numbers import count, probability, quantity, score_text
from app_dash.shared.panels import empty_message, facts, graph, panel
from app_dash.shared.theme import Tokens, tokens
from database.people.principal import LAB_READ
from solar.errors import FlarewatchError

THRESHOLD, NEIGHBOURS, NETWORK = "lab-threshold", "lab-neighbours", "lab-network"
# What `model_training.analysis.network_study` keeps pairs for.
_LOWEST, _WIDEST = 0.3, 20
_PAUSE_SECONDS = 0.3
_HEIGHT = 380


def network_result(run: Run, read: Callable[[str], bytes], context: PageContext) -> Component:
    """Draw the networks of a run with its own threshold and neighbours, and their statistics."""
    found, explorer = orjson.loads(read("networks.json")), orjson.loads(read("explorer.json"))
    threshold, most = found["threshold"], found["max_neighbours"]
    wide = {"min": _LOWEST, "max": 0.99, "step": 0.01}
    sliders = [
        _slider(run, THRESHOLD, "Threshold", threshold, wide, unit="|r| at least"),
        _slider(
            run,
            NEIGHBOURS,
            "Neighbours",
            most,
            {"min": 1, "max": _WIDEST, "step": 1},
            unit="neighbours at most",
        ),
    ]
    drawn = html.Div(
        network_parts(explorer, threshold, most, context.tokens),
        id={"type": NETWORK, "run": run.run_id},
        className="curves",
    )
    made = [("samples", found["samples"]), *found["keywords"].items()]
    columns = [
        html.Div([html.H3(name.capitalize()), facts(_statistics(one))]) for name, one in made
    ]
    limits = f"another run goes below {_LOWEST} and beyond {_WIDEST} neighbours"
    asked = f"threshold {threshold:g}, {most} neighbours"
    return html.Div(
        [
            panel(
                "Networks", html.Div(sliders, className="explorer-sliders"), drawn, subtitle=limits
            ),
            panel("As the run made them", html.Div(columns, className="curves"), subtitle=asked),
        ],
        className="stack",
    )


def _slider(
    run: Run, kind: str, label: str, value: float, span: dict[str, Any], *, unit: str
) -> Component:
    entry = dcc.Input(
        id={"type": kind, "run": run.run_id},
        type="range",
        value=min(max(value, span["min"]), span["max"]),
        debounce=_PAUSE_SECONDS,
        className="slider",
        **span,
    )
    name = html.Span(label, className="slider-name")
    read_as: dict[str, Any] = {"data-unit": unit}
    return html.Label([name, entry], className="slider-row", **read_as)


def network_parts(
    explorer: Mapping[str, Any], threshold: float, most: float, tokens: Tokens
) -> list[Component]:
    """Draw the networks of an explorer with a threshold and so many neighbours at most."""
    # In this order what is no number becomes the least.
    threshold, most = min(1.0, max(_LOWEST, threshold)), int(min(_WIDEST, max(1, most)))
    parts = [_samples(explorer["samples"], threshold, most, tokens)]
    for name, correlations in explorer["keywords"].items():
        figure = keywords_figure(explorer["names"], correlations, tokens, threshold=threshold)
        identity, text = f"keywords-{name}".replace(" ", "-"), f"Network of keywords, {name}"
        drawn = graph(identity, figure, text=text, height=_HEIGHT)
        parts.append(html.Div([html.H3(f"Keywords: {name}"), drawn]))
    return parts


def _samples(
    samples: Mapping[str, Any] | None, threshold: float, most: int, tokens: Tokens
) -> Component:
    if samples is None:
        return empty_message("It has more than 2,000 samples; make a run with fewer of them.")
    joined = join(samples, threshold=threshold, most=most)
    alone, alike = int((joined.degrees == 0).sum()), joined.equal(samples["labels"])
    text = (
        f"{count(len(joined.pairs))} edges, {count(alone)} samples alone, mean degree"
        f" {joined.degrees.mean():.1f}, {probability(alike)} of edges join one class"
    )
    figure = samples_figure(samples, joined, tokens)
    drawn = graph("samples", figure, text=f"Network of samples: {text}", height=_HEIGHT)
    heading = html.H3(f"Samples: threshold {threshold:g}, {most} neighbours")
    return html.Div([heading, drawn, html.P(text, className="note", role="status")])


def _statistics(found: Mapping[str, Any]) -> list[tuple[str, Any]]:
    degree, components, alike = found["degree"], found["components"], found["homophily"]
    parts = f"{count(components['number'])}, largest {components['largest']}"
    rows = [
        ("Nodes, edges", f"{count(found['nodes'])}, {count(found['edges'])}"),
        ("Degree", f"{quantity(degree['mean'])}, up to {degree['max']}"),
        ("Components", f"{parts}, {components['isolated']} alone"),
    ]
    if alike is not None:
        equal, chance = probability(alike["equal"]), probability(alike["by_chance"])
        rows.append(("Edges of one class", f"{equal}, by chance {chance}"))
        rows.append(("Assortativity", score_text(alike["assortativity"])))
    return rows


def register(app: dash.Dash, settings: DashSettings) -> None:
    """Connect the sliders."""

    @callback(
        app,
        LAB_READ,
        Output({"type": NETWORK, "run": MATCH}, "children"),
        Input({"type": THRESHOLD, "run": MATCH}, "value"),
        Input({"type": NEIGHBOURS, "run": MATCH}, "value"),
        State(Ids.THEME, "data"),
        prevent_initial_call=True,
    )
    def explore(threshold: float | None, most: float | None, theme: str | None) -> Any:
        asks = ctx.triggered_id
        run_id = str(asks.get("run", "")) if isinstance(asks, dict) else ""
        try:
            explorer = orjson.loads(Lab(settings).output(run_id, "explorer.json"))
        except (FlarewatchError, ValueError) as error:
            # The run went meanwhile, or its file is larger than what a page reads.
            return empty_message(f"It cannot be drawn anew: {error}.")
        return network_parts(explorer, threshold or _LOWEST, most or 1, tokens(theme))
