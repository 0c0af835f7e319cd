"""The table of data sets, and the place to send files that become one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.frame import actions
from app_dash.frame.page import PageContext
from app_dash.frame.typed_fields import field_state
from app_dash.lab.client import LAB as LAB_API
from app_dash.lab.client import Lab
from app_dash.lab.data_answers import FullDataset
from app_dash.lab.marks import (
    DATA_PATH,
    NEW_PATH,
    PAGE,
    dataset_address,
    filters,
    paging,
    rows_text,
    size_text,
    state_mark,
    state_word,
    table,
    text_field,
)
from app_dash.lab.query import DataQuery, DataState
from app_dash.shared.numbers import ABSENT, count
from app_dash.shared.panels import aria_label, empty_message, panel, script_button
from app_dash.shared.people import day_or_time
from database.people.principal import LAB

NAME, UPLOADS = "dataset-name", "dataset-uploads"
# The identifiers of a thousand uploads, and how long the API may take to unpack what they brought.
LONGEST_UPLOADS, UNPACKING_SECONDS = 30_000, 300.0
_STATES: tuple[DataState, ...] = get_args(DataState)
_HEADINGS = (
    ("State", ""),
    ("Data set", ""),
    ("Owner", "wide"),
    ("Rows", "number"),
    ("Files", "number wide"),
    ("Size", "number wide"),
    ("Made", "number"),
)


@dataclass(frozen=True)
class DataList:
    """A page of data sets, the cursor of the next one, and the longest file that may be sent."""

    datasets: list[FullDataset]
    following: str | None
    longest_upload: int | None = None


def read_data(lab: Lab, query: DataQuery, *, may_send: bool, limit: str) -> DataList:
    """Ask the API for a page of data sets; raises what the API refuses."""
    listed = lab.page(FullDataset, f"{LAB_API}/datasets", limit=limit, **query.filters())
    return DataList(*listed, lab.longest_upload() if may_send else None)


def data_page(data: DataList, query: DataQuery, context: PageContext, message: str) -> Component:
    """Draw the table of data sets, below the place to send files for those who may."""
    sending = [_upload_panel(data.longest_upload)] if context.who.may(LAB) else []
    listed = [field_state({"text": query.text}, message), *sending, _table(data, query, context)]
    return html.Div(listed, className="stack")


def _upload_panel(longest: int | None) -> Component:
    """Offer to send files; assets/lab_upload.js fills the list and says when all are complete."""
    limit = "" if longest is None else f", {size_text(longest)} each at most"
    text = "Drop files here: Parquet, CSV, TSV, .npz, or a zip of such files" + limit
    choose = script_button("Choose files …", {"data-chooses": "lab-uploads"}, kind="button primary")
    zone = html.Div([choose, html.Span(text, className="secondary")], className="drop-zone")
    hint = "the same again is its next version"
    making = [
        actions.text_input(PAGE, NAME, "Name", hint=hint, maxLength=80),
        actions.button(PAGE, "make-dataset", "Make data set", kind="button primary"),
    ]
    return panel(
        "Send files",
        zone,
        html.Ul(id="lab-uploads", className="uploads", **aria_label("Files")),
        html.Div(dcc.Input(id=actions.input_id(PAGE, UPLOADS), value=""), hidden=True),
        html.Div(making, className="form note-fields make-dataset"),
        actions=dcc.Link("From the store …", href=f"{NEW_PATH}?kind=snapshot", className="button"),
        class_name="upload-panel",
    )


def _table(data: DataList, query: DataQuery, context: PageContext) -> Component:
    rows = [_row(one, context.now) for one in data.datasets]
    content = table("runs", _HEADINGS, rows) if rows else _no_data(query)
    return panel(
        "Data sets",
        _filters(query),
        html.Div(content, className="scrolled"),
        paging(query, DATA_PATH, data.following),
        subtitle=count(len(rows)),
        class_name="flush",
    )


def _row(one: FullDataset, now: datetime) -> list[Component | str]:
    link = dcc.Link([html.B(one.name), f" v{one.version}"], href=dataset_address(one.dataset_id))
    note = html.Span((one.reason or one.description)[:80], className="note")
    return [
        state_mark(one.state),
        html.Td([link, note], className="run-name"),
        one.owner.name,
        rows_text(one),
        count(one.file_count),
        size_text(one.bytes),
        ABSENT if one.created_at is None else day_or_time(one.created_at, now),
    ]


def _filters(query: DataQuery) -> Component:
    states = {state: state_word(state) if state else "Any" for state in _STATES}
    contains = [text_field("text", "Contains", query.text)]
    return filters(query, DATA_PATH, contains, {"state": states})


def _no_data(query: DataQuery) -> Component:
    if query == DataQuery():
        return empty_message("There are no data sets yet.")
    every = dcc.Link("Show all", href=DATA_PATH, className="button")
    return empty_message("No data set matches these filters.", every)
