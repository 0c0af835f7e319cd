"""Experiments: the table of all of them, and the page of one with its runs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.frame import actions
from app_dash.frame.page import PageContext
from app_dash.frame.typed_fields import field_state
from app_dash.lab.answers import Experiment
from app_dash.lab.marks import (
    EXPERIMENTS_PATH,
    PAGE,
    filters,
    head,
    size_text,
    state_mark,
    table,
    text_field,
)
from app_dash.lab.query import ExperimentsQuery
from app_dash.lab.runs import (
    CHOOSE,
    RunsTable,
    owner_labels,
    owner_link,
    pick,
    runs_panel,
    shown_fields,
)
from app_dash.shared.numbers import ABSENT, count
from app_dash.shared.panels import empty_message, panel
from app_dash.shared.people import avatar, day_or_time
from database.people.principal import LAB

_HEADINGS = (("Name", ""), ("Runs", ""), ("Owner", ""), ("Tags", "wide"), ("Begun", "number"))


def experiments_page(
    experiments: Sequence[Experiment],
    query: ExperimentsQuery,
    context: PageContext,
    *,
    message: str,
    picked: Collection[str],
) -> Component:
    """Draw the list of experiments, and the form of a new one for those who may begin one."""
    path, may_act = EXPERIMENTS_PATH, context.who.may(LAB)
    rows = [_row(one, context.now, picked if may_act else None) for one in experiments]
    text = "There are no experiments yet. A run belongs to one: begin here, or with New run."
    none = text if query == ExperimentsQuery() else "No experiment matches these filters."
    headings = [*([CHOOSE] if may_act else []), *_HEADINGS]
    listed = table("experiments runs", headings, rows) if rows else empty_message(none)
    owners = owner_labels(query, [one.owner for one in experiments])
    states = {"": "All", "open": "Open", "archived": "Archived"}
    contains = [text_field("text", "Contains", query.text)]
    shown = [filters(query, path, contains, {"state": states, "owner": owners}), listed]
    shown += [_bulk()] if may_act and rows else []
    subtitle = count(len(rows))
    parts = [panel("Experiments", *shown, subtitle=subtitle, class_name="flush span-8")]
    if may_act:
        fields = [
            actions.text_input(PAGE, "experiment-name", "Name", maxLength=80),
            actions.text_input(PAGE, "experiment-text", "For what"),
            actions.button(PAGE, "new-experiment", "Begin", kind="button primary"),
        ]
        form = html.Div(fields, className="form note-fields")
        parts.append(html.Div(panel("New experiment", form), className="span-4"))
    state = field_state({"text": query.text}, message)
    return html.Div([state, html.Div(parts, className="grid")], className="stack")


def _bulk() -> Component:
    label = html.Span("With the chosen:", className="secondary")
    archive = actions.button(PAGE, "bulk-archive", "Archive", of="archive")
    back = actions.button(PAGE, "bulk-archive", "Take back", of="unarchive")
    return html.Div([label, archive, back], className="person-buttons bulk")


def _row(one: Experiment, now: datetime, picked: Collection[str] | None) -> list[Component | str]:
    chosen = [] if picked is None else [pick(one.experiment_id, one.name, picked)]
    counted = [
        html.Span([state_mark(state), f" {count(n)}"], className="counted")
        for state, n in one.runs.items()
    ]
    link = dcc.Link(html.B(one.name), href=f"{EXPERIMENTS_PATH}/{one.experiment_id}")
    about = one.description + (" · archived" if one.archived_at is not None else "")
    begun = ABSENT if one.created_at is None else day_or_time(one.created_at, now)
    return [
        *chosen,
        html.Td([link, html.Span(about, className="note")], className="run-name"),
        html.Td(counted or ABSENT, className="counts"),
        owner_link(one.owner, EXPERIMENTS_PATH),
        html.Td(", ".join(one.tags) or ABSENT, className="wide secondary"),
        begun,
    ]


def experiment_page(experiment: Experiment, shown: RunsTable, message: str) -> Component:
    """Draw an experiment: what it is for, and its runs."""
    context = shown.context
    may_change = context.who.sees_all or experiment.owner.id == context.who.owner
    may_change = may_change and context.who.may(LAB)
    title = _title(experiment, context.now, may_change=may_change)
    fields = field_state(shown_fields(shown.query), message)
    return html.Div([fields, title, runs_panel(shown)], className="stack")


def _title(experiment: Experiment, now: datetime, *, may_change: bool) -> Component:
    known = [experiment.visibility, *experiment.tags]
    if experiment.archived_at is not None:
        known.append(f"archived {day_or_time(experiment.archived_at, now)}")
    owner = experiment.owner.name
    about = html.Span([avatar(owner), f" {owner} · ", " · ".join(known)], className="secondary")
    buttons = _experiment_buttons(experiment) if may_change else []
    return head([html.H2(experiment.name), about], buttons, experiment.description)


def _experiment_buttons(experiment: Experiment) -> list[Component]:
    of, n = experiment.experiment_id, sum(experiment.runs.values())
    is_open, is_private = experiment.archived_at is None, experiment.visibility == "private"
    share = ("share", "Share") if is_private else ("unshare", "Make private")
    archive = ("archive", "Archive") if is_open else ("unarchive", "Take back")
    files = f"{count(n)} runs and their files, {size_text(experiment.bytes)}"
    question, sure = f"“{experiment.name}” goes with its {files}.", "Delete all of it"
    return [
        _edit(experiment),
        actions.button(PAGE, *share, of=of),
        actions.button(PAGE, *archive, of=of),
        actions.asked(PAGE, "delete-experiment", "Delete", question=question, sure=sure, of=of),
    ]


def _edit(experiment: Experiment) -> Component:
    fields = [
        actions.text_input(PAGE, "experiment-name", "Name", value=experiment.name, maxLength=80),
        actions.text_input(PAGE, "experiment-text", "For what", value=experiment.description),
        actions.text_input(PAGE, "experiment-tags", "Tags", value=", ".join(experiment.tags)),
        actions.button(PAGE, "experiment", "Save", of=experiment.experiment_id),
    ]
    form = html.Div(fields, className="form note-fields")
    return html.Details([html.Summary("Edit", className="button"), form], className="asking")
