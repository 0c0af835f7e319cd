"""The page of a data set: what it asks, what was found in it, its files and its layout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.api_client import ApiUnavailableError
from app_dash.frame import actions
from app_dash.frame.page import PageContext
from app_dash.lab.answers import Dataset
from app_dash.lab.breakdown import (
    BreakdownView,
    balance_panel,
    correlation_panels,
    feature_panels,
    series_pictures,
)
from app_dash.lab.client import Lab, dataset_path
from app_dash.lab.data_answers import (
    Breakdown,
    DataFile,
    FoundAnswer,
    FullDataset,
    Question,
    Reading,
)
from app_dash.lab.marks import (
    NEW_PATH,
    PAGE,
    dataset_address,
    head,
    rows_text,
    run_address,
    size_text,
    state_mark,
    table,
    toml_panel,
)
from app_dash.lab.query import DatasetQuery
from app_dash.shared.numbers import ABSENT, count, date_moment
from app_dash.shared.panels import aria_label, empty_message, facts, panel
from app_dash.shared.people import avatar
from app_dash.shared.url_state import LAB_FILES_PATH
from database.lab.runs import RESTARTABLE
from database.people.principal import LAB
from solar.toml import write_toml

ANSWER, TEXT, LICENCE = "dataset-answer", "dataset-text", "dataset-licence"
# The runs that a data set invites to.
_KINDS = ("process", "augment", "network", "cluster", "forecast", "train")
_FILE_HEADINGS = (("Name", ""), ("Size", "number"), ("SHA-256", "wide"))


@dataclass(frozen=True)
class DatasetData:
    """A data set and what was found in it; `unread` says why the latter cannot be shown."""

    dataset: FullDataset
    breakdown: Breakdown | None = None
    unread: str = ""


def read_dataset(lab: Lab, dataset_id: str) -> DatasetData:
    """Ask the API for a data set and what was found in it; raises what the API refuses."""
    dataset = lab.one(FullDataset, dataset_path(dataset_id))
    if dataset.state != "ready":
        return DatasetData(dataset)
    try:
        found = lab.one(FoundAnswer, f"{dataset_path(dataset_id)}/breakdown")
        return DatasetData(dataset, found.breakdown)
    except ApiUnavailableError as error:
        # A worker of another version wrote it; the rest of the page needs none.
        return DatasetData(dataset, unread=str(error))


def dataset_page(data: DatasetData, context: PageContext, query: DatasetQuery) -> Component:
    """Draw a data set: what it asks, what was found in it, its files and its layout."""
    one = data.dataset
    is_own = context.who.sees_all or one.owner.id == context.who.owner
    may_change = is_own and context.who.may(LAB)
    state = _state_panel(data, context, may_change=may_change)
    features, found = _found_panels(data, context, query)
    about = "the [data] table of a recipe"
    layout = [toml_panel("Layout", layout_text(one.layout), about)] if one.layout else []
    columns = [
        html.Div([*state, *features, _files_panel(one), *layout], className="stack span-8"),
        html.Div([_facts_panel(data), *found], className="stack span-4"),
    ]
    title = _head(one, context, may_change=may_change)
    return html.Div([title, html.Div(columns, className="grid")], className="stack lab-run")


def _head(one: FullDataset, context: PageContext, *, may_change: bool) -> Component:
    buttons: list[Component] = []
    if one.state == "ready" and context.who.may(LAB):
        buttons += [html.Span(_run_with(one, kind)) for kind in _KINDS]
    if may_change:
        buttons += _change_buttons(one)
    owner = one.owner.name
    title = [
        html.H2([one.name, html.Span(f" v{one.version}", className="secondary")]),
        state_mark(one.state, is_pill=True),
        html.Span([avatar(owner), f" {owner} · {one.visibility}"], className="secondary"),
    ]
    return head(title, buttons, one.description)


def _run_with(one: FullDataset, kind: str) -> Component:
    address = f"{NEW_PATH}?kind={kind}&dataset={one.dataset_id}"
    return dcc.Link(f"{kind.capitalize()} …", href=address, className="button")


def _change_buttons(one: FullDataset) -> list[Component]:
    is_private = one.visibility == "private"
    act, word = ("share", "Share") if is_private else ("unshare", "Make private")
    fields = [
        actions.text_input(PAGE, TEXT, "Description", value=one.description, maxLength=500),
        actions.text_input(PAGE, LICENCE, "Licence", value=one.licence, maxLength=200),
        actions.button(PAGE, "edit-dataset", "Save", of=one.dataset_id),
    ]
    form = html.Div(fields, className="form note-fields")
    question = f"“{one.label}” goes with its {count(one.file_count)} files."
    of, sure = one.dataset_id, "Delete the data set"
    return [
        html.Details([html.Summary("Edit", className="button"), form], className="asking"),
        actions.button(PAGE, f"{act}-dataset", word, of=of),
        actions.asked(PAGE, "delete-dataset", "Delete", question=question, sure=sure, of=of),
    ]


def _state_panel(data: DatasetData, context: PageContext, *, may_change: bool) -> list[Component]:
    """Say what a data set waits for, asks, or was refused for; of a ready one nothing."""
    one = data.dataset
    if one.state == "asks" and one.question is not None:
        return [_question_panel(one, one.question, context, may_change=may_change)]
    if one.state == "refused":
        text = one.reason or "No reason was told."
        again: list[Component] = []
        if may_change and one.described_by and one.described_state in RESTARTABLE:
            again = [actions.button(PAGE, "restart", "Look again", of=one.described_by)]
        return [panel("Refused", html.P(text, className="error-text"), *again)]
    if one.state == "checking":
        address = f"{run_address(one.described_by or '')}?tab=log"
        log = dcc.Link("Its log", href=address, className="button") if one.described_by else None
        return [panel("Checking", empty_message("A run looks into the files.", log))]
    return [panel("Break-down", empty_message(data.unread or "Nothing was found out."))] * (
        data.breakdown is None
    )


def _question_panel(
    one: FullDataset, question: Question, context: PageContext, *, may_change: bool
) -> Component:
    readings = [_reading(reading, context) for reading in question.answers]
    kind = "choices drawn" if any(reading.series for reading in question.answers) else "choices"
    if not may_change:
        listed = html.Ul([html.Li(reading) for reading in readings], className=kind)
        return panel(question.text, listed, subtitle="its owner answers", class_name="asks-panel")
    values = [reading.value for reading in question.answers]
    options = [{"label": of, "value": one} for of, one in zip(readings, values, strict=True)]
    # The likeliest answer comes first.
    likeliest, name = values[0] if values else None, actions.input_id(PAGE, ANSWER)
    choices = dcc.RadioItems(id=name, options=options, value=likeliest, className=kind)
    of, sure, then = one.dataset_id, "Refuse the data set", "The data set is refused then."
    refuse = actions.asked(PAGE, "refuse-dataset", "None of these", question=then, sure=sure, of=of)
    answer = actions.button(PAGE, "answer-dataset", "Answer", of=of, kind="button primary")
    group = html.Div(choices, role="group", **aria_label(question.text))
    form = html.Div(
        [group, html.Div([answer, refuse], className="run-buttons")], className="answers"
    )
    return panel(question.text, form, subtitle="it asks you", class_name="asks-panel")


def _reading(reading: Reading, context: PageContext) -> Component:
    """Write an answer, with what speaks for it and what the data look like then."""
    detail = html.Span(f" {reading.detail}", className="hint")
    return html.Span([reading.label, detail, *series_pictures(reading.series, context.tokens)])


def _facts_panel(data: DatasetData) -> Component:
    one, found = data.dataset, data.breakdown
    rows: list[tuple[str, Any]] = [
        ("Rows", rows_text(one)),
        ("Files", f"{count(one.file_count)}, {size_text(one.bytes)}"),
        ("Made, UTC", ABSENT if one.created_at is None else date_moment(one.created_at)),
        ("Licence", one.licence or ABSENT),
    ]
    if one.made_of is not None:
        rows.append(("Made of", _dataset_link(one.made_of)))
    if one.made_by_run:
        rows.append(("Made by", _run_link(one.made_by_run)))
    if one.children:
        rows.append(("Made of it", [html.Div(_dataset_link(child)) for child in one.children]))
    if found is not None:
        rows += [
            ("Cases", f"{count(found.cases)} of {count(found.regions)} regions"),
            ("First", ABSENT if found.first_at is None else date_moment(found.first_at)),
            ("Last", ABSENT if found.last_at is None else date_moment(found.last_at)),
            ("Window", _window_text(found)),
        ]
    if one.described_by and one.state != "checking":
        rows.append(("Looked into by", _run_link(one.described_by)))
    return panel("Facts", facts(rows))


def _run_link(run_id: str) -> Component:
    return dcc.Link("its run", href=run_address(run_id), className="link")


def _dataset_link(one: Dataset) -> Component:
    return dcc.Link(one.label, href=dataset_address(one.dataset_id), className="link")


def _window_text(found: Breakdown) -> str:
    steps = f"{count(found.steps)} step" + ("s" if found.steps != 1 else "")
    return steps if found.cadence_hours is None else f"{steps} of {found.cadence_hours:g} h"


def _found_panels(
    data: DatasetData, context: PageContext, query: DatasetQuery
) -> tuple[list[Component], list[Component]]:
    """Draw the features, and what stands beside them."""
    if data.breakdown is None:
        return [], []
    path = dataset_address(data.dataset.dataset_id)
    view = BreakdownView(data.breakdown, query, path, context.tokens)
    return feature_panels(view), [balance_panel(view.found), *correlation_panels(view)]


def _files_panel(one: FullDataset) -> Component:
    rows = [_file_row(one.dataset_id, file) for file in one.files]
    listed = html.Div(table("outputs", _FILE_HEADINGS, rows), className="scrolled")
    return panel("Files", listed, subtitle=count(len(rows)), class_name="flush")


def _file_row(dataset_id: str, file: DataFile) -> list[Component]:
    address = f"{LAB_FILES_PATH}/{dataset_id}/{file.sha256}/{quote(file.name)}"
    return [
        html.A(file.name, href=address, className="link", download=""),
        html.Span(size_text(file.bytes), title=f"{file.bytes:,} bytes"),
        html.Code(file.sha256[:12], title=file.sha256),
    ]


def layout_text(layout: Mapping[str, Any]) -> str:
    """Write a layout as the ``[data]`` table of a recipe."""
    return write_toml({"data": layout}).lstrip()
