"""The Pipeline page: whether everything that was sent has come, how fast, and what failed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import dash
import sqlalchemy as sa
from dash import Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from app_dash import delta
from app_dash.components.drift_panel import drift_panel
from app_dash.components.flow_panels import durations_panel, throughput_panel
from app_dash.components.panels import empty_message, panel, segmented
from app_dash.components.pipeline_panels import (
    model_panel,
    notice_panel,
    refusal_panel,
    size_panel,
)
from app_dash.components.pipeline_tiles import tiles
from app_dash.components.sender_table import sender_table
from app_dash.components.stream_panel import stream_panel
from app_dash.pipeline.query import PATH, RANGES, PipelineQuery
from app_dash.pipeline.view import PipelineView, look, pulse
from app_dash.shell import Ids
from app_dash.theme import Tokens, tokens
from app_dash.view import View
from solar.errors import FlarewatchError
from solar.time import Window

LIVE = "pipeline-live"
MARKS = "pipeline-marks"
ROTATION = timedelta(days=27)


def layout(view: View, _pathname: str, search: str) -> Component:
    """Draw the page; it keeps itself up to date from here on."""
    query = PipelineQuery.parse(search)
    drawn = content(look(view.engine, query, now=view.now), query, view.tokens)
    return html.Div(
        [
            dcc.Store(id=MARKS, data=[pulse(view.engine, now=view.now), *delta.marks(drawn)]),
            html.Div(drawn, id=LIVE),
            drift_panel(view, drift_window(view)),
        ],
        className="pipeline",
    )


def drift_window(view: View) -> Window:
    """Return the last rotation of data: drift is a matter of days, not of the hours above."""
    newest = view.state.newest_t_rec or view.now
    return Window(newest - ROTATION, newest + timedelta(microseconds=1))


def register(app: dash.Dash, engine: sa.Engine) -> None:
    """Look again at every tick, whether rows have come or not: a sender that fell quiet shows."""

    @app.callback(
        Output(LIVE, "children"),
        Output(MARKS, "data"),
        Input(Ids.TICK, "n_intervals"),
        State(Ids.URL, "search"),
        State(Ids.THEME, "data"),
        State(MARKS, "data"),
        prevent_initial_call=True,
    )
    def again(_tick: int | None, search: str | None, theme: str | None, standing: Any) -> Any:
        return refreshed(engine, search, theme=theme, standing=standing)


def refreshed(
    engine: sa.Engine, search: str | None, *, theme: str | None, standing: list[str] | None
) -> tuple[Any, Any]:
    """Return the parts that differ from those that stand; the pulse and the marks of all."""
    now = datetime.now(UTC)
    try:
        beat = pulse(engine, now=now)
        if standing and standing[0] == beat:
            return no_update, no_update
        query = PipelineQuery.parse(search)
        drawn = content(look(engine, query, now=now), query, tokens(theme))
    except FlarewatchError:
        # The strip says that the store is away; what was last seen stays.
        return no_update, no_update
    marks = delta.marks(drawn)
    return delta.changes(drawn, (standing or [])[1:], marks), [beat, *marks]


def content(seen: PipelineView, query: PipelineQuery, colours: Tokens) -> Component:
    """Draw everything; without a sender, how to start one."""
    below = [
        refusal_panel(seen.refusals, seen.conflicts, label=query.label),
        size_panel(seen.size),
        notice_panel(seen.notices),
        model_panel(seen.models, seen.forecasts_today),
    ]
    above = _flowing(seen, query, colours) if seen.senders else [_nobody()]
    stream = [stream_panel(seen.stream, now=seen.now)] if seen.stream else []
    return html.Div([*above, *stream, *below], className="grid")


def _nobody() -> Component:
    text = "No sender has delivered yet. Start one: flarewatch send simulate"
    return panel("Senders", empty_message(text), how="pipeline-senders", class_name="span-12")


def _flowing(seen: PipelineView, query: PipelineQuery, colours: Tokens) -> list[Component]:
    flow, window = seen.flow, seen.window
    return [
        tiles(seen.balance, len(seen.senders)),
        _senders(seen, query),
        _ranges(query),
        throughput_panel(flow, window, colours, label=query.label),
        durations_panel(flow, window, colours, name="processing"),
        durations_panel(flow, window, colours, name="latency"),
    ]


def _senders(seen: PipelineView, query: PipelineQuery) -> Component:
    recent = {name: int(rows.sum()) for name, rows in seen.flow.rows_by_sender.items()}
    table = sender_table(seen.senders, recent, label=query.label, now=seen.now)
    return panel(
        "Senders",
        table,
        subtitle="since the first request of each; times in UTC",
        how="pipeline-senders",
        class_name="span-12 flush",
    )


def _ranges(query: PipelineQuery) -> Component:
    choices = [
        (label, PATH + PipelineQuery(range=name).search(), name == query.range)
        for name, (label, _, _) in RANGES.items()
    ]
    said = html.Span("What came in the last", className="secondary")
    return html.Div([said, segmented("Time range", choices)], className="filters span-12")
