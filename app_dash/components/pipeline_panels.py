"""The panels below the senders: refusals with what to do, the store, the models, the notices."""

from __future__ import annotations

from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from app_dash.components.panels import empty_message, facts, panel
from app_dash.numbers import ABSENT, count, date_moment, moment
from app_dash.pipeline.view import ModelStatus
from database.delivery.rejections import RejectionTotal
from database.maintenance.size import StoreSize

MOST_TABLES = 8
_UNITS = ("B", "kB", "MB", "GB", "TB")
_CORRECT = "Correct these rows at their source and send them again."
# Where the fault itself does not say what to do.
_ADVICE = {
    "t_rec": "Check the clock of the sender; a time from JSOC is TAI and carries its label _TAI.",
    "(whole request)": "Compare what the sender writes with /docs of the API.",
    "(unknown field)": "Use the names that docs/keywords.md lists.",
}


def refusal_panel(refusals: Sequence[RejectionTotal], conflicts: int, *, label: str) -> Component:
    """List why rows were refused, the most frequent first, with a case and what to do."""
    how, contradicted = "pipeline-rejections", _contradicted(conflicts, label=label)
    if not refusals:
        content = empty_message(f"No row was rejected in the last {label}.")
        return panel("Rejected rows", content, *contradicted, how=how, class_name="span-8")
    head = [html.Th("Field"), html.Th("Rows", className="number"), html.Th("Last case"),
            html.Th("What to do"), html.Th("Last from")]  # fmt: skip
    table = html.Table(
        [html.Thead(html.Tr(head)), html.Tbody([_refusal(refusal) for refusal in refusals])],
        className="data refusal-table",
    )
    return panel(
        "Rejected rows", html.Div(table, className="table-scroll", tabIndex=0), *contradicted,
        subtitle="the most frequent reasons", how=how, class_name="span-8 flush",
    )  # fmt: skip


def _contradicted(conflicts: int, *, label: str) -> list[Component]:
    if not conflicts:
        return []
    said = (
        f"In the last {label}, {count(conflicts)} contradicting accounts of records lost against"
        " others. GET /api/v1/conflicts lists them with the reason."
    )
    return [html.P(said, className="caption", id="pipeline-conflicts")]


def _refusal(refusal: RejectionTotal) -> Component:
    fault, advice = advised(refusal.path, refusal.example)
    return html.Tr(
        [
            html.Th(refusal.path, scope="row"),
            html.Td(count(refusal.n), className="number"),
            html.Td(fault, className="refusal-text"),
            html.Td(advice, className="refusal-text"),
            html.Td([html.Div(refusal.last_sender),
                     html.Div(moment(refusal.last_at), className="quiet")],
                    className="refusal-last"),
        ]
    )  # fmt: skip


def advised(path: str, example: str) -> tuple[str, str]:
    """Part a case, ``path: fault; what to do``, into fault and advice."""
    text = example if path == "(whole request)" else example.split(": ", 1)[-1]
    fault, _, advice = text.partition("; ")
    said = f"{advice[:1].upper()}{advice[1:]}" if advice else _CORRECT
    return fault, _ADVICE.get(path, said)


def size_panel(size: StoreSize) -> Component:
    """Show what the store takes, and its largest tables."""
    rows = [
        (table.name, f"{count(table.rows)} rows{_share(table.size_bytes)}")
        for table in size.tables[:MOST_TABLES]
    ]
    return panel("Store", facts(rows), subtitle=byte_text(size.size_bytes), how="pipeline-size",
                 class_name="span-4")  # fmt: skip


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
    """List the registered models: their stage, the newest record they looked at, their origin."""
    how = "pipeline-models"
    if not models:
        content = empty_message("No model is registered yet. The API registers those it finds.")
        return panel("Models", content, how=how, class_name="span-8")
    head = [html.Th(text) for text in ("Model", "Stage", "Since", "Newest forecast from", "Made")]
    table = html.Table(
        [html.Thead(html.Tr(head)), html.Tbody([_model(status) for status in models])],
        className="data summary model-table",
    )
    return panel(
        "Models", html.Div(table, className="table-scroll", tabIndex=0),
        subtitle=f"{count(forecasts_today)} forecasts today", how=how, class_name="span-8 flush",
    )  # fmt: skip


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


def notice_panel(notices: dict[str, int]) -> Component:
    """Show how many messages about alerts stand where."""
    rows = [(state.capitalize(), count(number)) for state, number in notices.items()]
    return panel("Notices", facts(rows), subtitle="about alerts", how="pipeline-notices",
                 class_name="span-4")  # fmt: skip
