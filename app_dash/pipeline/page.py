"""The Pipeline page: whether all that was sent has come, how fast, what failed, and drift."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dash
import sqlalchemy as sa
from dash import Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from app_dash.frame import delta
from app_dash.frame.page import PageContext
from app_dash.frame.shell import Ids
from app_dash.guard import callback
from app_dash.pipeline.data import PipelineData, read_pipeline, state_key
from app_dash.pipeline.definitions import DEFINITIONS
from app_dash.pipeline.faults import fault_panel
from app_dash.pipeline.figures import median_line, psi_mark
from app_dash.pipeline.panels import (
    durations_panel,
    model_panel,
    notification_panel,
    process_panel,
    rejection_panel,
    size_panel,
    throughput_panel,
)
from app_dash.pipeline.query import RANGES, PipelineQuery
from app_dash.pipeline.sender import sender_content, sender_of
from app_dash.pipeline.senders import sender_table, stream_panel, tiles
from app_dash.shared.as_of import store_of
from app_dash.shared.numbers import ABSENT, NARROW, count, score_text
from app_dash.shared.panels import empty_message, panel, segmented
from app_dash.shared.theme import Tokens, tokens
from app_dash.shared.url_state import PIPELINE_PATH
from database.drift.drift import Drift, VariableDrift, drift
from database.engine import reading
from database.models import ELSEWHERE
from database.people.principal import READ
from solar.drift import FEWEST_DAYS, Assessment
from solar.errors import FlarewatchError
from solar.flares import event
from solar.sharp import BY_NAME
from solar.time import Window

LIVE = "pipeline-live"
MARKS = "pipeline-marks"
ROTATION = timedelta(days=27)
_COLUMNS = (
    ("Variable", "", ""),
    ("Daily median", "picture", "Deciles of the training set by which the median lies off"),
    ("PSI", "number", "Population stability index with its 95 % interval"),
    ("0 to 1, bands at 0.1 and 0.25", "picture", "Pale: what the scatter of the days explains"),
    ("KS", "number wide", "Kolmogorov-Smirnov distance"),
    ("W₁", "number wide", "Wasserstein distance in ranks of the training set"),
    ("Missing", "number wide", "Share of missing values, in training in brackets"),
    ("Verdict", "", ""),
)
_TITLE = "Drift"


def layout(context: PageContext, pathname: str, search: str) -> Component:
    """Draw the page, or that of one sender, which then refreshes itself."""
    drawn = _drawn(context.engine, pathname, search, now=context.now, colours=context.tokens)
    is_of_sender = sender_of(pathname) is not None
    return html.Div(
        [
            dcc.Store(
                id=MARKS,
                data=[state_key(context.engine, now=context.now), *delta.fingerprints(drawn)],
            ),
            html.Div(drawn, id=LIVE),
            *([] if is_of_sender else [drift_panel(context, drift_window(context))]),
        ],
        className="pipeline",
    )


def register(app: dash.Dash, engine: sa.Engine) -> None:
    """Refresh at every tick, with or without new rows, to show senders that fell silent."""

    @callback(
        app,
        READ,
        Output(LIVE, "children"),
        Output(MARKS, "data"),
        Input(Ids.TICK, "n_intervals"),
        State(Ids.URL, "pathname"),
        State(Ids.URL, "search"),
        State(Ids.THEME, "data"),
        State(MARKS, "data"),
        prevent_initial_call=True,
    )
    def refresh(
        _tick: int | None,
        pathname: str | None,
        search: str | None,
        theme: str | None,
        previous: list[str] | None,
    ) -> Any:
        address = pathname or PIPELINE_PATH
        changed, marks = refreshed(engine, address, search, theme=theme, previous=previous)
        return delta.apply(changed), marks


def refreshed(
    engine: sa.Engine,
    pathname: str,
    search: str | None,
    *,
    theme: str | None,
    previous: list[str] | None,
) -> tuple[Any, Any]:
    """Return the parts that differ from `previous`, with the state key and all fingerprints."""
    now = datetime.now(UTC)
    try:
        key = state_key(engine, now=now)
        if previous and previous[0] == key:
            return [], no_update
        store = store_of(engine, search)
        drawn = _drawn(store, pathname, search or "", now=now, colours=tokens(theme))
    except FlarewatchError:
        # The strip reports the unavailable store; the last values stay.
        return [], no_update
    parts = delta.fingerprints(drawn)
    return delta.changes(drawn, (previous or [])[1:], parts), [key, *parts]


def _drawn(
    engine: sa.Engine, pathname: str, search: str, *, now: datetime, colours: Tokens
) -> Component:
    name = sender_of(pathname)
    if name is not None:
        return sender_content(engine, name, search, now=now, tokens=colours)
    query = PipelineQuery.parse(search)
    return content(read_pipeline(engine, query, now=now), query, colours)


def content(data: PipelineData, query: PipelineQuery, colours: Tokens) -> Component:
    """Draw all panels; without a sender, say how to start one."""
    below = [
        rejection_panel(data.rejections, data.conflicts, label=query.label),
        size_panel(data.size, data.balance.stored, now=data.now),
        notification_panel(data.notifications),
        model_panel(data.models, data.forecasts_today),
        *([process_panel(data.processes, data.lineups)] if data.processes else []),
    ]
    above = _with_senders(data, query, colours) if data.senders else [_no_sender()]
    stream = [stream_panel(data.stream, now=data.now)] if data.stream else []
    faults = [fault_panel(data.faults, now=data.sun_now)] if data.faults else []
    return html.Div([*above, *faults, *stream, *below], className="grid")


def _no_sender() -> Component:
    text = "No sender has delivered yet. Start one: flarewatch send simulate"
    return panel(
        "Senders",
        empty_message(text),
        definition=DEFINITIONS["pipeline-senders"],
        class_name="span-12",
    )


def _with_senders(data: PipelineData, query: PipelineQuery, colours: Tokens) -> list[Component]:
    flow, window = data.flow, data.window
    return [
        tiles(data.balance, len(data.senders), now=data.now),
        _senders(data, query),
        _ranges(query),
        throughput_panel(flow, window, colours, label=query.label),
        durations_panel(flow, window, colours, name="processing"),
        durations_panel(flow, window, colours, name="latency"),
    ]


def _senders(data: PipelineData, query: PipelineQuery) -> Component:
    recent = {name: int(rows.sum()) for name, rows in data.flow.rows_by_sender.items()}
    table = sender_table(data.senders, recent, label=query.label, now=data.now)
    return panel(
        "Senders",
        table,
        subtitle="since the first request of each; times in UTC",
        definition=DEFINITIONS["pipeline-senders"],
        class_name="span-12 flush",
    )


def _ranges(query: PipelineQuery) -> Component:
    choices = [
        (label, PIPELINE_PATH + query.changed(range=name).search(), name == query.range)
        for name, (label, _, _) in RANGES.items()
    ]
    heading = html.Span("Received in the last", className="secondary")
    return html.Div([heading, segmented("Time range", choices)], className="filters span-12")


def drift_window(context: PageContext) -> Window:
    """Return the last solar rotation of data: drift needs days, not the hours above."""
    newest = context.state.newest_t_rec or context.now
    return Window(newest - ROTATION, newest + timedelta(microseconds=1))


def drift_panel(context: PageContext, window: Window) -> Component:
    """Show the drift of every variable of the live model over the whole UTC days of a window."""
    model = context.state.model
    if model is None:
        return panel(_TITLE, empty_message("No model is live."), definition=DEFINITIONS["drift"])
    with reading(context.engine) as connection:
        result = drift(connection, model=model, window=window)
    if not result.variables:
        remedy = "" if model.made_by == ELSEWHERE else " Train it again to have one."
        text = f"{result.reason}.{remedy}" if result.reason else ""
        return panel(_TITLE, empty_message(text), definition=DEFINITIONS["drift"])
    return panel(
        _TITLE,
        *_notes(result),
        drift_table(result.variables, context.tokens),
        subtitle=f"against the training set of {result.model_id}, {_days(result)}",
        actions=_summary(result.variables),
        definition=DEFINITIONS["drift"],
        class_name="flush drift",
    )


def _days(result: Drift) -> str:
    n = len(result.days)
    if not n:
        return "no whole day"
    first, last = (f"{day.item():%-d %b %Y}" for day in (result.days[0], result.days[-1]))
    span = first if n == 1 else f"{first} – {last}"
    return f"{count(n)} whole {'day' if n == 1 else 'days'}, {span}"


def _notes(result: Drift) -> list[Component]:
    texts = []
    if len(result.days) < FEWEST_DAYS:
        texts.append(
            f"Undefined: {len(result.days)} whole days are counted in this range, {FEWEST_DAYS} are"
            " needed. Choose a longer range."
        )
    if result.n_partial:
        days = "day" if result.n_partial == 1 else "days"
        texts.append(f"{count(result.n_partial)} {days} with records in too few hours left out.")
    return [html.P(text, className="note") for text in texts]


def _summary(variables: Sequence[VariableDrift]) -> str:
    counts = Counter(v.assessment.band for v in variables if v.assessment)
    parts = [f"{counts[word]} {word}" for word in ("drift", "watch", "no drift") if counts[word]]
    return " · ".join(parts)


def drift_table(variables: Sequence[VariableDrift], tokens: Tokens) -> Component:
    """List the variables, the furthest from training first, those without a verdict last."""
    ordered = sorted(variables, key=_rank)
    # One reason for all is already above the table.
    is_reason_shared = len({variable.reason for variable in variables}) == 1
    heads = [html.Th(name, className=kind, title=hint) for name, kind, hint in _COLUMNS]
    rows = [
        html.Tr(_cells(variable, tokens, is_reason_shared=is_reason_shared)) for variable in ordered
    ]
    table = html.Table([html.Thead(html.Tr(heads)), html.Tbody(rows)], className="data drift-table")
    return html.Div(table, className="scroll", tabIndex="0")


def _rank(variable: VariableDrift) -> tuple[int, float]:
    assessment = variable.assessment
    if assessment is None:
        return 3, 0.0
    return ("drift", "watch", "no drift").index(assessment.band), -assessment.psi


def _cells(variable: VariableDrift, tokens: Tokens, *, is_reason_shared: bool) -> list[Component]:
    assessment = variable.assessment
    return [
        html.Td(_name(variable)),
        html.Td(_median_image(variable, tokens), className="picture"),
        html.Td(score_text(assessment.psi if assessment else None), className="number"),
        html.Td(_psi_image(assessment, tokens) if assessment else ABSENT, className="picture"),
        html.Td(score_text(assessment.ks if assessment else None), className="number wide"),
        html.Td(
            score_text(assessment.wasserstein if assessment else None), className="number wide"
        ),
        html.Td(_missing(variable), className="number wide"),
        html.Td(_verdict(variable, is_reason_shared=is_reason_shared)),
    ]


def _name(variable: VariableDrift) -> list[Component]:
    if variable.kind == "prediction":
        label = event(variable.name).label
        return [html.B(f"P {label}"), html.Span("forecast, calibrated", className="what")]
    known = BY_NAME[variable.name]
    return [html.B(known.name), html.Span(known.description, className="what")]


def _median_image(variable: VariableDrift, tokens: Tokens) -> Component | str:
    if not len(variable.shifts):
        return ABSENT
    text = f"Daily median of {variable.name}, last {variable.shifts[-1]:+.1f} deciles off"
    return html.Img(src=median_line(variable.shifts, tokens), alt=text, title=text)


def _psi_image(assessment: Assessment, tokens: Tokens) -> Component:
    text = (
        f"PSI {score_text(assessment.psi)}, 95 % interval {score_text(assessment.low)} to"
        f" {score_text(assessment.high)}; the scatter of {assessment.blocks} blocks of days"
        f" explains up to {score_text(assessment.explained)}"
    )
    return html.Img(src=psi_mark(assessment, tokens), alt=text, title=text)


def _missing(variable: VariableDrift) -> str:
    if variable.missing_share is None or variable.kind == "prediction":
        return ABSENT
    trained = variable.trained_missing_share
    in_training = ABSENT if trained is None else f"{100 * trained:.0f}"
    return f"{100 * variable.missing_share:.0f} ({in_training}){NARROW}%"


def _verdict(variable: VariableDrift, *, is_reason_shared: bool) -> Component:
    assessment = variable.assessment
    if assessment is None:
        reason = "" if is_reason_shared else variable.reason
        return html.Span([f"{ABSENT} ", html.Small(reason)], className="quiet")
    return html.Span(assessment.band, className=f"verdict {assessment.band.replace(' ', '-')}")
