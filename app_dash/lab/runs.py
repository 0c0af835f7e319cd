"""Tables of runs, of all or of one experiment: filtered, sorted, and several at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, get_args

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.frame import actions
from app_dash.frame.page import PageContext
from app_dash.frame.typed_fields import field_id, field_state
from app_dash.lab.answers import Experiment, Listing, Run
from app_dash.lab.marks import (
    EXPERIMENTS_PATH,
    NEW_PATH,
    PAGE,
    doing_text,
    ended_text,
    headline_event,
    run_link,
    score_cells,
    state_mark,
    state_word,
    table,
    took_text,
)
from app_dash.lab.query import RunsQuery, Sort, State
from app_dash.shared.numbers import ABSENT, count
from app_dash.shared.panels import empty_message, menu, panel
from app_dash.shared.people import avatar, day_or_time
from database.people.principal import LAB

PICKED = "pick "
_COLUMNS: tuple[tuple[Sort | None, str, str], ...] = (
    ("state", "State", ""),
    ("name", "Run", ""),
    ("bss", "BSS", "number"),
    (None, "Interval", "wide"),
    (None, "−0.1 … 0.6", "wide"),
    ("took", "Took", "number wide"),
    ("ended", "Ended", "number"),
    (None, "Owner", "wide"),
    (None, "Tags", "wide"),
)
_STATES: tuple[State, ...] = get_args(State)
_BULK = (("start", "Start"), ("stop", "Stop"), ("restart", "Restart"))
_EXPERIMENT_HEADINGS = (
    ("Name", ""),
    ("Runs", ""),
    ("Owner", ""),
    ("Tags", "wide"),
    ("Begun", "number"),
)


def shown_fields(query: RunsQuery) -> dict[str, str]:
    """Return what the typed fields show."""
    return {"text": query.text, "tag": query.tag}


def runs_page(
    listing: Listing,
    query: RunsQuery,
    context: PageContext,
    *,
    path: str,
    message: str,
    picked: Collection[str],
) -> Component:
    """Draw the table of all runs that the asker sees."""
    runs = _runs_panel(listing, query, context, path=path, picked=picked)
    return html.Div([field_state(shown_fields(query), message), runs], className="stack")


def experiment_page(
    experiment: Experiment,
    listing: Listing,
    query: RunsQuery,
    context: PageContext,
    *,
    path: str,
    message: str,
    picked: Collection[str],
) -> Component:
    """Draw an experiment: what it is for, and its runs."""
    may_change = context.who.sees_all or experiment.owner.id == context.who.owner
    return html.Div(
        [
            field_state(shown_fields(query), message),
            _title(experiment, context.now, may_change=may_change and context.who.may(LAB)),
            _runs_panel(listing, query, context, path=path, picked=picked),
        ],
        className="stack",
    )


def _title(experiment: Experiment, now: datetime, *, may_change: bool) -> Component:
    known = [experiment.visibility, *experiment.tags]
    if experiment.archived_at is not None:
        known.append(f"archived {day_or_time(experiment.archived_at, now)}")
    owner = experiment.owner.name
    buttons = _experiment_buttons(experiment) if may_change else []
    said = [html.P(experiment.description, className="reason")] if experiment.description else []
    return html.Div(
        [
            html.Div(
                [
                    html.H2(experiment.name),
                    html.Span(
                        [avatar(owner), f" {owner} · ", " · ".join(known)], className="secondary"
                    ),
                ],
                className="run-title",
            ),
            html.Div(buttons, className="run-buttons"),
            *said,
        ],
        className="run-head",
    )


def _experiment_buttons(experiment: Experiment) -> list[Component]:
    of, n = experiment.experiment_id, sum(experiment.runs.values())
    is_open, is_private = experiment.archived_at is None, experiment.visibility == "private"
    return [
        _edit(experiment),
        actions.button(
            PAGE,
            "share" if is_private else "unshare",
            "Share" if is_private else "Make private",
            of=of,
        ),
        actions.button(
            PAGE,
            "archive" if is_open else "unarchive",
            "Archive" if is_open else "Take back",
            of=of,
        ),
        actions.asked(
            PAGE,
            "delete-experiment",
            "Delete",
            question=f"“{experiment.name}” goes with its {count(n)} runs and their files.",
            sure="Delete all of it",
            of=of,
        ),
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


def _runs_panel(
    listing: Listing,
    query: RunsQuery,
    context: PageContext,
    *,
    path: str,
    picked: Collection[str],
) -> Component:
    runs = sorted_runs(listing.runs, query)
    may_act = context.who.may(LAB) and any(run.actions for run in runs)
    headings = [_heading(column, query, path) for column in _COLUMNS]
    if may_act:
        headings.insert(0, (html.Span("Choose", className="visually-hidden"), "pick"))
    rows = [_row(run, context, picked if may_act else None) for run in runs]
    content = table("runs", headings, rows) if rows else _no_runs(query, path)
    return panel(
        "Runs",
        _filters(query, path),
        html.Div(content, className="scrolled"),
        *([_bulk()] if may_act else []),
        _paging(listing, query, path),
        subtitle=f"{count(len(runs))} on this page"
        if query.after or listing.following
        else count(len(runs)),
        class_name="flush",
    )


def sorted_runs(runs: Sequence[Run], query: RunsQuery) -> list[Run]:
    """Sort the runs of a page; those without the value stand last."""
    known = [run for run in runs if _key(run, query.sort) is not None]
    unknown = [run for run in runs if _key(run, query.sort) is None]
    return sorted(known, key=lambda run: _key(run, query.sort), reverse=not query.up) + unknown


def _key(run: Run, sort: Sort) -> Any:
    if sort == "bss":
        scored = headline_event(run.headline)
        return scored[1].bss if scored else None
    if sort == "name":
        return ((run.name or "").casefold(), run.number)
    # The identifier grows with the time at which the run was made.
    return {
        "made": run.run_id,
        "state": run.state,
        "took": run.took,
        "ended": run.ended_at,
    }[sort]


def _heading(
    column: tuple[Sort | None, str, str], query: RunsQuery, path: str
) -> tuple[Component | str, str]:
    sort, label, kind = column
    if sort is None:
        return label, kind
    is_sorted = query.sort == sort
    mark = (" ↑" if query.up else " ↓") if is_sorted else ""
    there = query.changed(sort=sort, up=is_sorted and not query.up)
    return dcc.Link(label + mark, href=path + there.search(), className="sort"), kind


def _row(run: Run, context: PageContext, picked: Collection[str] | None) -> Component:
    now, scored = context.now, headline_event(run.headline)
    why = doing_text(run) if run.is_under_way else run.reason
    cells = [
        html.Td(state_mark(run.state)),
        html.Td([run_link(run), html.Span(run.note[:80], className="note")], className="run-name"),
        *score_cells(scored and scored[1], why),
        html.Td(took_text(run), className="number wide"),
        html.Td(ended_text(run, now), className="number"),
        html.Td(run.owner.name, className="wide"),
        html.Td(", ".join(run.tags) or ABSENT, className="wide secondary"),
    ]
    if picked is not None:
        cells.insert(0, html.Td(_pick(run, is_picked=run.run_id in picked), className="pick"))
    return html.Tr(cells)


def _pick(run: Run, *, is_picked: bool) -> Component:
    label = html.Span(f"Choose {run.label}", className="visually-hidden")
    return dcc.Checklist(
        id=actions.input_id(PAGE, PICKED + run.run_id),
        options=[{"label": label, "value": run.run_id}],
        value=[run.run_id] if is_picked else [],
        className="choices",
    )


def _bulk() -> Component:
    buttons = [actions.button(PAGE, "bulk", label, of=action) for action, label in _BULK]
    question = "The chosen runs go, with their logs and files. Those under way stay."
    delete = actions.asked(
        PAGE, "bulk", "Delete", question=question, sure="Delete the chosen runs", of="delete"
    )
    label = html.Span("With the chosen:", className="secondary")
    return html.Div([label, *buttons, delete], className="person-buttons bulk")


def _filters(query: RunsQuery, path: str) -> Component:
    states = [
        (
            state_word(state) if state else "Any",
            path + query.changed(state=state, after="").search(),
            state == query.state,
        )
        for state in _STATES
    ]
    chosen = state_word(query.state) if query.state else "any"
    mine = path + query.changed(mine=not query.mine, after="").search()
    pressed: dict[str, Any] = {"aria-current": "true"} if query.mine else {}
    return html.Div(
        [
            _field("text", "Contains", query.text),
            _field("tag", "Tag", query.tag),
            menu("State", chosen, states),
            html.Span(
                dcc.Link("Mine", href=mine, className="toggle pressed" if query.mine else "toggle"),
                **pressed,
            ),
        ],
        className="filters run-filters",
    )


def _field(name: str, label: str, value: str) -> Component:
    entry = dcc.Input(
        id=field_id(PAGE, name),
        value=value,
        type="text",
        debounce=True,
        autoComplete="off",
        className="field",
    )
    return html.Label([html.Span(label), entry], className="labelled grow")


def _no_runs(query: RunsQuery, path: str) -> Component:
    if query == RunsQuery():
        return empty_message(
            "There are no runs yet.", dcc.Link("New run", href=NEW_PATH, className="button")
        )
    return empty_message(
        "No run matches these filters.", dcc.Link("Show all", href=path, className="button")
    )


def _paging(listing: Listing, query: RunsQuery, path: str) -> Component:
    links = []
    if query.after:
        newest = path + query.changed(after="").search()
        links.append(dcc.Link("Newest", href=newest, className="button"))
    if listing.following:
        older = path + query.changed(after=listing.following).search()
        links.append(dcc.Link("Older", href=older, className="button"))
    return html.Div(links, className="paging")


def experiments_page(experiments: Sequence[Experiment], context: PageContext) -> Component:
    """Draw the list of experiments, and the form of a new one for those who may begin one."""
    rows = [_experiment_row(one, context.now) for one in experiments]
    text = "There are no experiments yet. A run belongs to one: begin here, or with New run."
    listed = table("experiments", _EXPERIMENT_HEADINGS, rows) if rows else empty_message(text)
    subtitle = count(len(rows))
    parts = [panel("Experiments", listed, subtitle=subtitle, class_name="flush span-8")]
    if context.who.may(LAB):
        fields = [
            actions.text_input(PAGE, "experiment-name", "Name", maxLength=80),
            actions.text_input(PAGE, "experiment-text", "For what"),
            actions.button(PAGE, "new-experiment", "Begin", kind="button primary"),
        ]
        form = html.Div(fields, className="form note-fields")
        parts.append(html.Div(panel("New experiment", form), className="span-4"))
    return html.Div(parts, className="grid")


def _experiment_row(one: Experiment, now: datetime) -> Component:
    counted = [
        html.Span([state_mark(state), f" {count(n)}"], className="counted")
        for state, n in one.runs.items()
    ]
    link = dcc.Link(html.B(one.name), href=f"{EXPERIMENTS_PATH}/{one.experiment_id}")
    about = one.description + (" · archived" if one.archived_at is not None else "")
    begun = ABSENT if one.created_at is None else day_or_time(one.created_at, now)
    return html.Tr(
        [
            html.Td([link, html.Span(about, className="note")], className="run-name"),
            html.Td(counted or ABSENT, className="counts"),
            html.Td(one.owner.name),
            html.Td(", ".join(one.tags) or ABSENT, className="wide secondary"),
            html.Td(begun, className="number"),
        ]
    )


def picks_of(values: dict[str, Any]) -> list[str]:
    """Return the runs that are ticked, from the values of the page's inputs."""
    return [
        name.removeprefix(PICKED)
        for name, value in values.items()
        if name.startswith(PICKED) and value
    ]
