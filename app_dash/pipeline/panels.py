"""The panels of the Pipeline page: throughput, durations, rejected rows, store, models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
from dash import html
from dash.development.base_component import Component
from numpy.typing import NDArray

from app_dash.pipeline.data import ModelStatus
from app_dash.pipeline.definitions import DEFINITIONS
from app_dash.pipeline.figures import (
    MOST_NAMED,
    NAMES,
    OTHERS,
    SHARES,
    durations_figure,
    largest_senders,
    percentiles,
    sender_colours,
    throughput_figure,
)
from app_dash.pipeline.senders import stored_text
from app_dash.shared.numbers import ABSENT, count, date_moment, moment, quantity
from app_dash.shared.panels import empty_message, facts, graph, panel
from app_dash.shared.theme import Tokens
from database.delivery.flow import Flow
from database.delivery.rejections import RejectionTotal
from database.lineups import LineUp
from database.maintenance.size import StoreSize, TableSize
from database.schema.tables import observations
from database.server_processes import ServerProcess
from solar.durations import LATENCY, PROCESSING, DurationScale
from solar.time import Window

TALL, SHORT = 232, 208
# Title, scale, unit for display, seconds per unit, and the message without any duration.
_TIMED: dict[str, tuple[str, DurationScale, str, float, str]] = {
    "processing": (
        "Processing time",
        PROCESSING,
        "ms",
        1e-3,
        "No request arrived in this range. Widen it above.",
    ),
    "latency": (
        "Data latency",
        LATENCY,
        "min",
        60.0,
        "No forecast was issued within 115 days of its record. Old data are that late if they are"
        " sent while the clock is that on the wall.",
    ),
}
MOST_TABLES = 8
_UNITS = ("B", "kB", "MB", "GB", "TB")
_CORRECT = "Correct these rows at their source and send them again."
# Advice by field, where the fault does not say what to do.
_ADVICE = {
    "t_rec": "Check the clock of the sender; a time from JSOC is TAI and carries its label _TAI.",
    "(whole request)": "Compare what the sender writes with /docs of the API.",
    "(unknown field)": "Use the names that docs/keywords.md lists.",
}


def throughput_panel(flow: Flow, window: Window, tokens: Tokens, *, label: str) -> Component:
    """Show the rows a second of every sender; `label` names the range."""
    figure = throughput_figure(
        flow.start_at, flow.rows_by_sender, flow.bucket_seconds, window, tokens
    )
    rows = sum(int(of_one.sum()) for of_one in flow.rows_by_sender.values())
    requests = int(flow.counts["requests"].sum())
    text = f"{count(rows)} rows in {count(requests)} requests in the last {label}"
    return panel(
        "Throughput",
        graph("throughput", figure, text=f"Rows a second over time: {text}", height=TALL),
        subtitle=text,
        actions=[
            _legend(name, place, tokens)
            for place, name in enumerate(largest_senders(flow.rows_by_sender))
        ],
        definition=DEFINITIONS["pipeline-throughput"],
        class_name="span-12",
    )


def durations_panel(flow: Flow, window: Window, tokens: Tokens, *, name: str) -> Component:
    """Show the percentiles of ``processing`` or ``latency`` over time."""
    title, scale, unit, per_unit, nothing = _TIMED[name]
    histograms = getattr(flow, name)
    definition = DEFINITIONS[f"pipeline-{name}"]
    if np.isnan(percentiles(histograms, scale)).all():
        return panel(title, empty_message(nothing), definition=definition, class_name="span-6")
    figure = durations_figure(
        flow.start_at,
        histograms,
        scale,
        window,
        tokens,
        bucket_seconds=flow.bucket_seconds,
        unit=unit,
        per_unit=per_unit,
        title=title,
    )
    whole = scale.quantiles(histograms.sum(axis=0), SHARES)[0] / per_unit
    text = _percentile_text(whole, unit)
    drawn = graph(name, figure, text=f"{title} over time; in the whole range {text}", height=SHORT)
    return panel(title, drawn, subtitle=text, definition=definition, class_name="span-6")


def _percentile_text(whole: NDArray[np.float64], unit: str) -> str:
    """Write the percentiles (3,) of a whole range; infinite is longer than the scale."""
    if not np.isfinite(whole).any():
        return "most of it beyond the scale"
    texts = [f"{quantity(value)} {unit}" if np.isfinite(value) else "beyond" for value in whole]
    return ", ".join(f"{share} {text}" for share, text in zip(NAMES, texts, strict=True))


def _legend(name: str, place: int, tokens: Tokens) -> Component:
    slot = MOST_NAMED if name == OTHERS else place
    colour = {"--own": sender_colours(tokens)[slot]}
    return html.Span([html.I(style=colour), name], className=f"legend sender-key slot-{slot}")


def rejection_panel(
    rejections: Sequence[RejectionTotal], conflicts: int, *, label: str
) -> Component:
    """List why rows were rejected, the most frequent reason first, with a case and advice."""
    definition, conflict_note = (
        DEFINITIONS["pipeline-rejections"],
        _conflict_note(conflicts, label=label),
    )
    if not rejections:
        content = empty_message(f"No row was rejected in the last {label}.")
        return panel(
            "Rejected rows", content, *conflict_note, definition=definition, class_name="span-8"
        )
    head = [
        html.Th("Field"),
        html.Th("Rows", className="number"),
        html.Th("Last case"),
        html.Th("What to do"),
        html.Th("Last from"),
    ]
    table = html.Table(
        [
            html.Thead(html.Tr(head)),
            html.Tbody([_rejection_row(rejection) for rejection in rejections]),
        ],
        className="data refusal-table",
    )
    return panel(
        "Rejected rows",
        html.Div(table, className="table-scroll", tabIndex=0),
        *conflict_note,
        subtitle="the most frequent reasons",
        definition=definition,
        class_name="span-8 flush",
    )


def _conflict_note(conflicts: int, *, label: str) -> list[Component]:
    if not conflicts:
        return []
    text = (
        f"In the last {label}, {count(conflicts)} contradicting record versions were superseded."
        " GET /api/v1/conflicts lists them with the reason."
    )
    return [html.P(text, className="caption", id="pipeline-conflicts")]


def _rejection_row(rejection: RejectionTotal) -> Component:
    fault, advice = advised(rejection.path, rejection.example)
    return html.Tr(
        [
            html.Th(rejection.path, scope="row"),
            html.Td(count(rejection.n), className="number"),
            html.Td(fault, className="refusal-text"),
            html.Td(advice, className="refusal-text"),
            html.Td(
                [
                    html.Div(rejection.last_sender),
                    html.Div(moment(rejection.last_at), className="quiet"),
                ],
                className="refusal-last",
            ),
        ]
    )


def advised(path: str, example: str) -> tuple[str, str]:
    """Split a case, ``path: fault; what to do``, into fault and advice."""
    text = example if path == "(whole request)" else example.split(": ", 1)[-1]
    fault, _, advice = text.partition("; ")
    sentence = f"{advice[:1].upper()}{advice[1:]}" if advice else _CORRECT
    return fault, _ADVICE.get(path, sentence)


def size_panel(size: StoreSize, stored: int | None, *, now: datetime) -> Component:
    """Show the size of the store and its largest tables; `stored` are its records, counted now."""
    rows = [
        (table.name, f"{_rows(table, stored, now)}{_share(table.size_bytes)}")
        for table in size.tables[:MOST_TABLES]
    ]
    return panel(
        "Store",
        facts(rows),
        subtitle=byte_text(size.size_bytes),
        definition=DEFINITIONS["pipeline-size"],
        class_name="span-4",
    )


def _rows(table: TableSize, stored: int | None, now: datetime) -> str:
    if table.name == observations.name and stored is not None:
        return stored_text(stored, now)
    return f"{count(table.rows)} rows"


def _share(size_bytes: int | None) -> str:
    return "" if size_bytes is None else f", {byte_text(size_bytes)}"


def byte_text(size_bytes: int) -> str:
    """Write a size in the largest fitting unit of a thousand: ``3.2 MB``."""
    value, unit = float(size_bytes), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    digits = 0 if unit == 0 or value >= 100 else 1
    return f"{value:.{digits}f} {_UNITS[unit]}"


def model_panel(models: Sequence[ModelStatus], forecasts_today: int) -> Component:
    """List the registered models: stage, newest record they forecast from, origin."""
    definition = DEFINITIONS["pipeline-models"]
    if not models:
        content = empty_message("No model is registered yet. The API registers those it finds.")
        return panel("Models", content, definition=definition, class_name="span-8")
    head = [html.Th(text) for text in ("Model", "Stage", "Since", "Newest forecast from", "Made")]
    table = html.Table(
        [html.Thead(html.Tr(head)), html.Tbody([_model(status) for status in models])],
        className="data summary model-table",
    )
    return panel(
        "Models",
        html.Div(table, className="table-scroll", tabIndex=0),
        subtitle=f"{count(forecasts_today)} forecasts today",
        definition=definition,
        class_name="span-8 flush",
    )


def process_panel(processes: Sequence[ServerProcess], lineups: Mapping[int, LineUp]) -> Component:
    """List the processes that score records, and which models each of them serves."""
    newest = max(lineups, default=None)
    head = [html.Th(text) for text in ("Process", "Line-up", "Serves", "Since", "State")]
    rows = [_process(one, lineups, newest) for one in processes]
    table = html.Table(
        [html.Thead(html.Tr(head)), html.Tbody(rows)], className="data summary process-table"
    )
    up_to_date = sum(one.fault is None and one.line_up == newest for one in processes)
    return panel(
        "Processes",
        html.Div(table, className="table-scroll", tabIndex=0),
        subtitle=f"{count(up_to_date)} of {count(len(processes))} serve the newest line-up",
        definition=DEFINITIONS["pipeline-processes"],
        class_name="span-12 flush",
    )


def _process(
    process: ServerProcess, lineups: Mapping[int, LineUp], newest: int | None
) -> Component:
    line_up = lineups.get(process.line_up or 0)
    serves = ABSENT if line_up is None else ", ".join(line_up.model_ids)
    state = process.fault or ("up to date" if process.line_up == newest else "changes")
    return html.Tr(
        [
            html.Th(f"{process.kind} {process.host} {process.pid}", scope="row"),
            html.Td(ABSENT if process.line_up is None else count(process.line_up)),
            html.Td(serves),
            html.Td(date_moment(process.began_at)),
            html.Td(html.B(state) if process.fault else state),
        ]
    )


def _model(status: ModelStatus) -> Component:
    stage = status.model.stage
    newest = status.newest_t_rec
    return html.Tr(
        [
            html.Th(status.model.model_id, scope="row"),
            html.Td(html.Span(stage, className=f"stage {stage}")),
            html.Td(ABSENT if status.since is None else date_moment(status.since)),
            html.Td(ABSENT if newest is None else date_moment(newest)),
            html.Td(status.model.origin.removeprefix("made "), className="origin"),
        ]
    )


def notification_panel(notifications: dict[str, int]) -> Component:
    """Count the notifications about alerts by state."""
    rows = [(state.capitalize(), count(number)) for state, number in notifications.items()]
    return panel(
        "Notifications",
        facts(rows),
        subtitle="about alerts",
        definition=DEFINITIONS["pipeline-notices"],
        class_name="span-4",
    )
