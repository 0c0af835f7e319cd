"""Tables of runs: filtered, sorted, and several at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.frame import actions
from app_dash.frame.page import PageContext
from app_dash.frame.typed_fields import field_state
from app_dash.lab.answers import Owner, Run
from app_dash.lab.client import Listing
from app_dash.lab.marks import (
    EXPERIMENTS_PATH,
    NEW_PATH,
    PAGE,
    RUNS_PATH,
    doing_text,
    ended_text,
    filters,
    paging,
    run_link,
    score_cells,
    state_mark,
    state_word,
    table,
    text_field,
    took_text,
)
from app_dash.lab.query import Event, NewRunQuery, RunsQuery, Sort, State, TableQuery
from app_dash.shared.changes import change_text
from app_dash.shared.numbers import ABSENT, count
from app_dash.shared.panels import empty_message, panel
from database.people.principal import LAB

CHOOSE: tuple[Component | str, str] = (html.Span("Choose", className="visually-hidden"), "pick")
PICKED, BULK_TAG = "pick ", "bulk-tag"
COLUMNS: tuple[tuple[Sort | None, str, str], ...] = (
    ("state", "State", ""),
    ("name", "Run", ""),
    ("bss", "BSS", "number"),
    (None, "Interval", "wide"),
    (None, "−0.1 … 0.6", "wide"),
    ("took", "Took", "number wide"),
    ("ended", "Ended", "number"),
)
_OF_ALL: tuple[tuple[Sort | None, str, str], ...] = (
    ("owner", "Owner", "wide"),
    (None, "Tags", "wide"),
)
_DIFFERS = (None, "Unlike the first", "wide")
_LONGEST_DIFFERENCES = 160
_STATES: tuple[State, ...] = get_args(State)
_EVENTS: tuple[Event, ...] = get_args(Event)
_FIELDS = (("text", "Contains"), ("tag", "Tag"), ("recipe", "Recipe has"), ("least", "BSS from"))
_BULK = (("start", "Start"), ("stop", "Stop"), ("restart", "Restart"))


def shown_fields(query: RunsQuery) -> dict[str, str]:
    """Return what the typed fields show."""
    return {name: getattr(query, name) for name, _ in _FIELDS}


@dataclass(frozen=True)
class RunsTable:
    """A page of runs, chosen by a query at the address `path`; some of them are ticked."""

    listing: Listing
    query: RunsQuery
    context: PageContext
    path: str
    picked: Collection[str]

    @property
    def is_busy(self) -> bool:
        """Whether the state of some run changes by itself."""
        return any(run.is_under_way for run in self.listing.runs)


def runs_page(shown: RunsTable, message: str) -> Component:
    """Draw the table of all runs that the asker sees."""
    fields = field_state(shown_fields(shown.query), message)
    return html.Div([fields, runs_panel(shown)], className="stack")


def runs_panel(shown: RunsTable) -> Component:
    """Draw a table of runs with its filters and what may be done with several of them."""
    listing, query, context, path = shown.listing, shown.query, shown.context, shown.path
    runs = listing.runs
    may_act = context.who.may(LAB) and any(run.actions for run in runs)
    compared = [_DIFFERS] if any(run.differs is not None for run in runs) else []
    headings = [_heading(column, query, path) for column in (*COLUMNS, *_OF_ALL, *compared)]
    if may_act:
        headings.insert(0, CHOOSE)
    picked = shown.picked if may_act else None
    rows = [_row(run, query.event, context, picked) for run in runs]
    content = table("runs", headings, rows) if rows else _no_runs(query, path)
    is_part = bool(query.after or listing.following)
    return panel(
        "Runs",
        _filters(query, path, runs),
        html.Div(content, className="scrolled"),
        *([_bulk()] if may_act else []),
        paging(query, path, listing.following),
        subtitle=count(len(runs)) + (" on this page" if is_part else ""),
        class_name="flush",
    )


def _heading(
    column: tuple[Sort | None, str, str], query: RunsQuery, path: str
) -> tuple[Component | str, str]:
    sort, label, kind = column
    if sort is None:
        return label, kind
    is_sorted = query.sort == sort
    mark = (" ↑" if query.up else " ↓") if is_sorted else ""
    there = query.changed(sort=sort, up=is_sorted and not query.up, after="")
    label = f"{label} {query.event}+" if sort == "bss" else label
    return dcc.Link(label + mark, href=path + there.search(), className="sort"), kind


def run_cells(run: Run, event: str, now: datetime) -> list[Component | str]:
    """Return the cells of a run under COLUMNS, with its score for the event."""
    why = doing_text(run) if run.is_under_way else run.reason
    return [
        state_mark(run.state),
        html.Td([run_link(run), html.Span(run.note[:80], className="note")], className="run-name"),
        *score_cells((run.headline or {}).get(event), why),
        took_text(run),
        ended_text(run, now),
    ]


def _row(
    run: Run, event: str, context: PageContext, picked: Collection[str] | None
) -> list[Component | str]:
    cells = [
        *run_cells(run, event, context.now),
        owner_link(run.owner, RUNS_PATH),
        html.Td(", ".join(run.tags) or ABSENT, className="wide secondary"),
    ]
    if run.differs is not None:
        text = change_text({}, run.differs)
        shown = text if len(text) <= _LONGEST_DIFFERENCES else f"{text[:_LONGEST_DIFFERENCES]} …"
        cells.append(html.Td(shown, className="wide secondary", title=text))
    if picked is not None:
        cells.insert(0, pick(run.run_id, run.label, picked))
    return cells


def owner_link(owner: Owner, path: str) -> Component:
    """Link an owner to what they have done."""
    there = path + TableQuery(owner=owner.id).search()
    return dcc.Link(owner.name, href=there) if owner.id else html.Span(owner.name)


def pick(key: str, label: str, picked: Collection[str]) -> Component:
    """Offer to choose a row for what is done with several."""
    hidden: Any = html.Span(f"Choose {label}", className="visually-hidden")
    return dcc.Checklist(
        id=actions.input_id(PAGE, PICKED + key),
        options=[{"label": hidden, "value": key}],
        value=[key] if key in picked else [],
        className="choices",
    )


def _bulk() -> Component:
    buttons = [actions.button(PAGE, "bulk", label, of=action) for action, label in _BULK]
    tag = [
        actions.text_input(PAGE, BULK_TAG, "Tag", maxLength=40),
        actions.button(PAGE, "bulk", "Add tag", of="tag"),
        actions.button(PAGE, "bulk", "Take tag off", of="untag"),
    ]
    question = "The chosen runs go, with their logs and files. Those under way stay."
    delete = actions.asked(
        PAGE, "bulk", "Delete", question=question, sure="Delete the chosen runs", of="delete"
    )
    label = html.Span("With the chosen:", className="secondary")
    compare = actions.button(PAGE, "compare", "Compare")
    return html.Div([label, compare, *buttons, *tag, delete], className="person-buttons bulk")


def _filters(query: RunsQuery, path: str, runs: Sequence[Run]) -> Component:
    states = {state: state_word(state) if state else "Any" for state in _STATES}
    owners = owner_labels(query, [run.owner for run in runs])
    events = {event: f"{event}+" for event in _EVENTS}
    fields = [text_field(name, label, getattr(query, name)) for name, label in _FIELDS]
    menus: dict[str, Any] = {"event": events, "state": states, "owner": owners}
    return filters(query, path, fields, menus)


def owner_labels(query: TableQuery, owners: Iterable[Owner]) -> dict[str, str]:
    """Return by whose objects a table may be narrowed: of anybody, mine, of those on the page."""
    named = {owner.id: owner.name for owner in owners if owner.id}
    return {query.owner: "one without runs", "": "Anybody", "me": "Me"} | named


def _no_runs(query: RunsQuery, path: str) -> Component:
    if query == RunsQuery():
        experiment = path.removeprefix(f"{EXPERIMENTS_PATH}/")
        search = NewRunQuery(experiment=experiment).search() if experiment.isalnum() else ""
        begin = dcc.Link("New run", href=NEW_PATH + search, className="button")
        return empty_message("There are no runs yet.", begin)
    return empty_message(
        "No run matches these filters.", dcc.Link("Show all", href=path, className="button")
    )


def picks_of(values: dict[str, Any]) -> list[str]:
    """Return the runs that are ticked, from the values of the page's inputs."""
    return [
        name.removeprefix(PICKED)
        for name, value in values.items()
        if name.startswith(PICKED) and value
    ]
