"""The page of a run: its state and what may be done, progress, log, recipe, outputs, history."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.frame import actions
from app_dash.frame.page import PageContext
from app_dash.lab.answers import Attempt, Dataset, Entry, History, Output, Recipe, Run
from app_dash.lab.client import Lab, run_path
from app_dash.lab.marks import (
    EXPERIMENTS_PATH,
    NEW_PATH,
    PAGE,
    action_buttons,
    head,
    lab_row,
    place_text,
    run_address,
    size_text,
    state_mark,
    table,
    toml_panel,
)
from app_dash.lab.outputs import outputs_tab
from app_dash.lab.progress import machine_tab, progress_tab
from app_dash.lab.query import NewRunQuery, RunQuery, Tab
from app_dash.lab.result import Found, result_tab
from app_dash.shared.changes import change_text
from app_dash.shared.numbers import ABSENT, count, duration
from app_dash.shared.panels import aria_label, empty_message, facts, panel
from app_dash.shared.people import avatar, day_or_time
from app_dash.shared.url_state import LAB_LOG_PATH

TABS: tuple[tuple[Tab, str], ...] = (
    ("progress", "Progress"),
    ("log", "Log"),
    ("result", "Result"),
    ("recipe", "Recipe"),
    ("outputs", "Outputs"),
    ("machine", "Machine"),
    ("history", "History"),
)
_ATTEMPT_HEADINGS = (
    ("No", ""),
    ("Ended as", ""),
    ("Host", ""),
    ("Began, UTC", "number"),
    ("CPU", "number wide"),
    ("Memory", "number wide"),
    ("Code", "wide"),
)
# The tabs that show the attempts.
_OF_ATTEMPTS = ("progress", "log", "machine", "history")
# The kinds that may make a data set.
_MAKING = ("process", "augment", "snapshot")


@dataclass(frozen=True)
class RunData:
    """A run, and of the rest what its open tab shows."""

    run: Run
    events: str = ""
    recipe: Recipe | None = None
    outputs: Sequence[Output] = ()
    history: History = field(default_factory=History)
    read: Callable[[str], bytes] = field(default=lambda name: b"")
    made: Sequence[Dataset] = ()


def read_run(lab: Lab, run_id: str, query: RunQuery) -> RunData:
    """Ask the API for what the open tab shows."""
    run = lab.run(run_id)
    tab, history = query.tab, f"{run_path(run_id)}/history"
    is_begun = run.attempt > 0
    listed = lab.datasets() if tab == "result" and run.kind in _MAKING else []
    return RunData(
        run,
        events=lab.events(run_id) if tab in ("progress", "machine") and is_begun else "",
        recipe=lab.recipe(run.recipe_id) if tab == "recipe" and run.recipe_id else None,
        outputs=lab.outputs(run_id) if tab in ("result", "outputs") else (),
        history=lab.one(History, history) if tab in _OF_ATTEMPTS else History(),
        read=lambda name: lab.output(run_id, name),
        made=[one for one in listed if one.made_by_run == run_id],
    )


def run_page(data: RunData, query: RunQuery, context: PageContext) -> Component:
    """Draw the page with its open tab."""
    run, now = data.run, context.now
    tabs: Mapping[Tab, Callable[[], Component]] = {
        "progress": lambda: progress_tab(data.run, data.events, data.history.attempts, context),
        "log": lambda: _log_tab(data, query),
        "result": lambda: result_tab(
            Found(run, data.outputs, data.read, query, data.made), context
        ),
        "recipe": lambda: _recipe_tab(data),
        "outputs": lambda: outputs_tab(run, data.outputs, data.read, query),
        "machine": lambda: machine_tab(data.run, data.events, data.history.attempts, context),
        "history": lambda: _history_tab(data, now),
    }
    open_tab = tabs[query.tab]()
    return html.Div([_title(run, now), _tabs(run, query), open_tab], className="stack lab-run")


def _title(run: Run, now: datetime) -> Component:
    """Name the run, say how it is, and offer what may be done."""
    experiment = dcc.Link(run.name or "Run", href=f"{EXPERIMENTS_PATH}/{run.experiment_id}")
    named = [experiment, html.Span(f" › run {run.number}", className="secondary")]
    known = [run.visibility, run.kind]
    known += [f"attempt {run.attempt}"] if run.attempt else []
    known += [place_text(run)]
    at = run.ended_at or run.started_at or run.queued_at or run.created_at
    known += [f"since {day_or_time(at, now)} UTC"] if at else []
    owner: list[Any] = (
        [avatar(run.owner.name), " ", run.owner.name, " · "] if run.owner.name else []
    )
    about = html.Span([*owner, " · ".join(known)], className="secondary")
    # A remark of why it waits, failed or was lost stands where the state is read.
    return head(
        [html.H2(named), state_mark(run.state, is_pill=True), about], _buttons(run), run.reason
    )


def _buttons(run: Run) -> list[Component]:
    buttons = action_buttons(run, ("clone",))
    if "clone" in run.actions and run.kind != "describe":
        address = NEW_PATH + NewRunQuery(run=run.run_id).search()
        buttons.append(dcc.Link("Clone with changes", href=address, className="button"))
    if "change" in run.actions:
        is_private = run.visibility == "private"
        share = ("share-run", "Share") if is_private else ("unshare-run", "Make private")
        buttons.append(actions.button(PAGE, *share, of=run.run_id))
    if "delete" in run.actions:
        files = f"the files it has made, {size_text(run.bytes)}"
        question = f"{run.label.capitalize()} goes, with its log and {files}."
        buttons.append(
            actions.asked(
                PAGE, "delete", "Delete", question=question, sure="Delete the run", of=run.run_id
            )
        )
    first = "button primary"
    return [
        *buttons,
        *action_buttons(run, ("stop",)),
        *action_buttons(run, ("restart", "start"), kind=first),
    ]


def _tabs(run: Run, query: RunQuery) -> Component:
    at, kinds = run_address(run.run_id), {True: "active", False: ""}
    links = [
        dcc.Link(label, href=at + RunQuery(tab=name).search(), className=kinds[name == query.tab])
        for name, label in TABS
    ]
    return html.Nav(links, className="tabs", **aria_label("Parts of the run"))


def _log_tab(data: RunData, query: RunQuery) -> Component:
    """Hold the place of the log; ``assets/lab_log.js`` fills it."""
    run = data.run
    if run.attempt == 0:
        return panel("Log", empty_message("There is no log before the run has begun."))
    shown = query.attempt or run.attempt
    pressed: dict[str, Any] = {"aria-pressed": "true"}
    told = {"data-run": run.run_id, "data-attempt": str(shown), "data-url": LAB_LOG_PATH}
    named: dict[str, Any] = told | aria_label("Log")
    find = dcc.Input(
        id="lab-find",
        type="search",
        placeholder="Find in log",
        className="field find-field",
        autoComplete="off",
    )
    file = f"{LAB_LOG_PATH}?{urlencode({'run': run.run_id, 'attempt': shown, 'download': 1})}"
    return panel(
        "Log",
        html.P("", id="lab-log-note", className="log-note", role="status"),
        html.Pre(id="lab-log", className="log", tabIndex=0, role="log", **named),
        subtitle=_attempt_choice(data, shown),
        actions=[
            html.Label([html.Span("Find in log", className="visually-hidden"), find]),
            html.Button("First warning", id="lab-first", type="button", className="button"),
            html.Button(
                "Following", id="lab-follow", type="button", className="toggle pressed", **pressed
            ),
            html.A("Download", href=file, className="link", download=""),
        ],
        class_name="flush log-panel",
    )


def _attempt_choice(data: RunData, shown: int) -> list[Component | str]:
    numbers = sorted({one.attempt for one in data.history.attempts} | {data.run.attempt})
    if len(numbers) < 2:
        return [f"attempt {shown}"]
    links: list[Component | str] = ["attempt "]
    for number in numbers:
        search = RunQuery(tab="log", attempt=number).search()
        address = run_address(data.run.run_id) + search
        kind = "link strong" if number == shown else "link"
        links += [dcc.Link(str(number), href=address, className=kind), " "]
    return links


def _recipe_tab(data: RunData) -> Component:
    if data.recipe is None:
        return panel("Recipe", empty_message(f"A run of the kind {data.run.kind} has no recipe."))
    shown = toml_panel("Recipe", data.recipe.document, "as it runs")
    if data.recipe.differs is None:
        return shown
    rows = [(path, change_text(*pair)) for path, pair in data.recipe.differs.items()]
    changed = facts(rows) if rows else empty_message("Name and texts alone.")
    subtitle = "against the recipe that it was made from"
    return html.Div([panel("What differs", changed, subtitle=subtitle), shown], className="stack")


def _history_tab(data: RunData, now: datetime) -> Component:
    attempts = sorted(data.history.attempts, key=lambda one: -one.attempt)
    rows = [_attempt_row(one, now) for one in attempts]
    shown = table("attempts", _ATTEMPT_HEADINGS, rows) if rows else empty_message("None yet.")
    entries = [_entry(one, now) for one in data.history.audit]
    done = entries or [empty_message("Nothing is known.")]
    return html.Div(
        [
            panel("Attempts", shown, subtitle=count(len(rows)), class_name="flush"),
            panel("What was done", *done, subtitle=count(len(entries)), class_name="flush"),
        ],
        className="stack",
    )


def _attempt_row(one: Attempt, now: datetime) -> list[Any]:
    state = [state_mark(one.outcome or "running"), html.Span(one.reason or "", className="note")]
    began = ABSENT if one.began_at is None else day_or_time(one.began_at, now)
    cpu = ABSENT if one.cpu_s is None else duration(timedelta(seconds=one.cpu_s))
    memory = ABSENT if one.peak_rss is None else size_text(one.peak_rss)
    libraries = ", ".join(f"{name} {version}" for name, version in one.libraries.items())
    code = html.Code(one.code_version[:12], title=libraries)
    return [str(one.attempt), state, one.host, began, cpu, memory, code]


def _entry(entry: Entry, now: datetime) -> Component:
    changed = change_text(entry.before, entry.after)
    return lab_row(
        "entry",
        html.Span(day_or_time(entry.at, now), className="when"),
        html.Span([avatar(entry.actor), " ", entry.actor]),
        html.Span(entry.action, className="strong"),
        html.Span(changed[:200], className="note"),
    )
