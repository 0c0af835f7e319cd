"""The page of a data set: what it asks, what was found in it, its files and its layout."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.api_client import ApiUnavailableError
from app_dash.frame import actions
from app_dash.frame.page import PageContext
from app_dash.lab.answers import Lab, dataset_path
from app_dash.lab.data_answers import (
    Balance,
    Breakdown,
    DataFile,
    Feature,
    FoundAnswer,
    FullDataset,
    Question,
)
from app_dash.lab.marks import (
    NEW_PATH,
    PAGE,
    rows_text,
    run_address,
    size_text,
    state_mark,
    table,
)
from app_dash.lab.query import NewRunQuery
from app_dash.shared.numbers import ABSENT, count, date_moment, probability
from app_dash.shared.panels import aria_label, empty_message, facts, panel
from app_dash.shared.people import avatar
from app_dash.shared.url_state import LAB_FILES_PATH
from database.people.principal import LAB

ANSWER = "dataset-answer"
_FILE_HEADINGS = (("Name", ""), ("Size", "number"), ("SHA-256", "wide"))
_FEATURE_HEADINGS = (
    ("Feature", ""),
    ("Unit", "wide"),
    ("Missing", "number"),
    ("Least", "number"),
    ("Greatest", "number"),
)
_EVENT_HEADINGS = (("Event", ""), ("With", "number"), ("Without", "number"), ("Unknown", "number"))


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


def dataset_page(data: DatasetData, context: PageContext) -> Component:
    """Draw a data set: what it asks, what was found in it, its files and its layout."""
    one = data.dataset
    is_own = context.who.sees_all or one.owner.id == context.who.owner
    may_change = is_own and context.who.may(LAB)
    state = _state_panel(data, may_change=may_change)
    found = [] if data.breakdown is None else _found_panels(data.breakdown)
    layout = [] if one.layout is None else [_layout_panel(one.layout)]
    return html.Div(
        [
            _head(one, context, may_change=may_change),
            html.Div(
                [
                    html.Div([*state, *found], className="stack span-8"),
                    html.Div(
                        [_facts_panel(data), _files_panel(one), *layout], className="stack span-4"
                    ),
                ],
                className="grid",
            ),
        ],
        className="stack lab-run",
    )


def _head(one: FullDataset, context: PageContext, *, may_change: bool) -> Component:
    buttons: list[Component] = []
    if one.state == "ready" and context.who.may(LAB):
        address = NEW_PATH + NewRunQuery(dataset=one.dataset_id).search()
        buttons.append(dcc.Link("New run with it", href=address, className="button"))
    if may_change:
        buttons += _change_buttons(one)
    title = [
        html.H2([one.name, html.Span(f" v{one.version}", className="secondary")]),
        state_mark(one.state, is_pill=True),
        html.Span(
            [avatar(one.owner.name), f" {one.owner.name} · {one.visibility}"],
            className="secondary",
        ),
    ]
    said = [html.P(one.description, className="reason")] if one.description else []
    return html.Div(
        [
            html.Div(title, className="run-title"),
            html.Div(buttons, className="run-buttons"),
            *said,
        ],
        className="run-head",
    )


def _change_buttons(one: FullDataset) -> list[Component]:
    is_private = one.visibility == "private"
    act, word = ("share", "Share") if is_private else ("unshare", "Make private")
    return [
        actions.button(PAGE, f"{act}-dataset", word, of=one.dataset_id),
        actions.asked(
            PAGE,
            "delete-dataset",
            "Delete",
            question=f"“{one.label}” goes with its {count(one.file_count)} files.",
            sure="Delete the data set",
            of=one.dataset_id,
        ),
    ]


def _state_panel(data: DatasetData, *, may_change: bool) -> list[Component]:
    """Say what a data set waits for, asks, or was refused for; of a ready one nothing."""
    one = data.dataset
    if one.state == "asks" and one.question is not None:
        return [_question_panel(one, one.question, may_change=may_change)]
    if one.state == "refused":
        text = one.reason or "No reason was told."
        return [panel("Refused", html.P(text, className="error-text"))]
    if one.state == "checking":
        run = [_run_link(one.described_by)] if one.described_by else []
        return [panel("Checking", empty_message("A run looks into the files.", *run))]
    return [panel("Break-down", empty_message(data.unread or "Nothing was found out."))] * (
        data.breakdown is None
    )


def _run_link(run_id: str) -> Component:
    return dcc.Link("Its log", href=f"{run_address(run_id)}?tab=log", className="button")


def _question_panel(one: FullDataset, question: Question, *, may_change: bool) -> Component:
    if not may_change:
        listed = html.Ul([html.Li(reading.label) for reading in question.answers])
        return panel(question.text, listed, subtitle="its owner answers", class_name="asks-panel")
    choices = dcc.RadioItems(
        id=actions.input_id(PAGE, ANSWER),
        options=[
            {
                "label": html.Span(
                    [reading.label, html.Span(f" {reading.detail}", className="hint")]
                ),
                "value": reading.value,
            }
            for reading in question.answers
        ],
        # The likeliest answer comes first.
        value=question.answers[0].value if question.answers else None,
        className="choices",
    )
    answer = actions.button(
        PAGE, "answer-dataset", "Answer", of=one.dataset_id, kind="button primary"
    )
    group = html.Div(choices, role="group", **aria_label(question.text))
    form = html.Div([group, answer], className="answers")
    return panel(question.text, form, subtitle="it asks you", class_name="asks-panel")


def _facts_panel(data: DatasetData) -> Component:
    one, found = data.dataset, data.breakdown
    rows: list[tuple[str, Any]] = [
        ("Rows", rows_text(one)),
        ("Files", f"{count(one.file_count)}, {size_text(one.bytes)}"),
        ("Made, UTC", ABSENT if one.created_at is None else date_moment(one.created_at)),
        ("Licence", one.licence or ABSENT),
    ]
    if found is not None:
        rows += [
            ("Cases", f"{count(found.cases)} of {count(found.regions)} regions"),
            ("First", ABSENT if found.first_at is None else date_moment(found.first_at)),
            ("Last", ABSENT if found.last_at is None else date_moment(found.last_at)),
            ("Window", _window_text(found)),
        ]
    if one.described_by and one.state != "checking":
        link = dcc.Link("its run", href=run_address(one.described_by), className="link")
        rows.append(("Looked into by", link))
    return panel("Facts", facts(rows))


def _window_text(found: Breakdown) -> str:
    steps = f"{count(found.steps)} step" + ("s" if found.steps != 1 else "")
    return steps if found.cadence_hours is None else f"{steps} of {found.cadence_hours:g} h"


def _found_panels(found: Breakdown) -> list[Component]:
    features = table("outputs", _FEATURE_HEADINGS, [_feature_row(one) for one in found.features])
    events = table("outputs", _EVENT_HEADINGS, [_event_row(one) for one in found.events])
    remarks = [html.Li(remark) for remark in found.remarks]
    return [
        panel(
            "Features",
            html.Div(features, className="scrolled"),
            subtitle=count(len(found.features)),
            class_name="flush",
        ),
        panel("Classes", html.Div(events, className="scrolled"), class_name="flush"),
        *([panel("Remarks", html.Ul(remarks))] if remarks else []),
    ]


def _feature_row(one: Feature) -> Component:
    least, greatest = (
        (None, None) if one.spread is None else (one.spread.minimum, one.spread.maximum)
    )
    return html.Tr(
        [
            html.Td(one.name),
            html.Td(one.unit or ABSENT, className="wide secondary"),
            html.Td(probability(one.missing) if one.missing else "0", className="number"),
            html.Td(_figure(least), className="number"),
            html.Td(_figure(greatest), className="number"),
        ]
    )


def _figure(value: float | None) -> str:
    return ABSENT if value is None else f"{value:.4g}"


def _event_row(one: Balance) -> Component:
    figures = (one.events, one.none, one.unknown)
    return html.Tr([html.Td(one.event), *(html.Td(count(n), className="number") for n in figures)])


def _files_panel(one: FullDataset) -> Component:
    rows = [_file_row(one.dataset_id, file) for file in one.files]
    listed = html.Div(table("outputs", _FILE_HEADINGS, rows), className="scrolled")
    return panel("Files", listed, subtitle=count(len(rows)), class_name="flush")


def _file_row(dataset_id: str, file: DataFile) -> Component:
    address = f"{LAB_FILES_PATH}/{dataset_id}/{file.sha256}/{quote(file.name)}"
    return html.Tr(
        [
            html.Td(html.A(file.name, href=address, className="link", download="")),
            html.Td(size_text(file.bytes), className="number", title=f"{file.bytes:,} bytes"),
            html.Td(html.Code(file.sha256[:12]), title=file.sha256, className="wide"),
        ]
    )


def _layout_panel(layout: Mapping[str, Any]) -> Component:
    text = layout_text(layout)
    copied: dict[str, Any] = {"data-copy": text}
    return panel(
        "Layout",
        html.Pre(text, className="toml", tabIndex=0, role="region", **aria_label("TOML")),
        html.Button("Copy", type="button", className="button", **copied),
        subtitle="the [data] table of a recipe",
        class_name="flush recipe-text",
    )


def layout_text(layout: Mapping[str, Any]) -> str:
    """Write a layout as the ``[data]`` table of a recipe."""
    lines = [f"{_toml(key)} = {_toml_value(value)}" for key, value in _known(layout)]
    return "\n".join(["[data]", *lines]) + "\n"


def _known(values: Mapping[str, Any]) -> Sequence[tuple[str, Any]]:
    return [(key, value) for key, value in values.items() if value is not None]


def _toml_value(value: Any) -> str:
    if isinstance(value, dict):
        pairs = [f"{_toml(key)} = {_toml_value(one)}" for key, one in _known(value)]
        return "{ " + ", ".join(pairs) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_toml_value(one) for one in value) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _toml(key: str) -> str:
    return (
        key
        if key.isascii() and key.replace("_", "").replace("-", "").isalnum()
        else (_toml_value(key))
    )
