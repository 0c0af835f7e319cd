"""What the pages of the Lab draw alike: states, progress, scores, rows, tables, filters, titles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.frame import actions
from app_dash.frame.typed_fields import field_id
from app_dash.lab.answers import BrierSkill, Dataset, Placed, Run
from app_dash.lab.query import TableQuery
from app_dash.shared.numbers import ABSENT, count, duration, score_text
from app_dash.shared.panels import Content, aria_hidden, aria_label, menu, panel, script_button
from app_dash.shared.people import day_or_time
from app_dash.shared.url_state import LAB_PATH
from app_dash.shared.verification.score_axis import interval_text, place
from app_dash.shared.verification.tables import no_skill_line, whisker
from database.lab.runs import LOST, QUEUED, TIMED_OUT

PAGE = "lab"
DATA_PATH = f"{LAB_PATH}/data"
RUNS_PATH = f"{LAB_PATH}/runs"
EXPERIMENTS_PATH = f"{LAB_PATH}/experiments"
ANALYSIS_PATH = f"{LAB_PATH}/analysis"
NEW_PATH = f"{LAB_PATH}/new"
COMPARE_PATH = f"{LAB_PATH}/compare"

# The part of the scale of Brier skill scores that a whisker shows.
SCALE = (-0.1, 0.6)
_WORDS = {TIMED_OUT: "Timed out"}
ACTION_WORDS = {
    "start": "Start",
    "stop": "Stop",
    "restart": "Restart",
    "clone": "Clone",
    "delete": "Delete",
}
_BYTES = ("B", "kB", "MB", "GB", "TB")


def state_word(state: str) -> str:
    """Write a state as a word."""
    return _WORDS.get(state, state.capitalize())


def state_mark(state: str, *, is_pill: bool = False) -> Component:
    """Show a state by shape, word and colour; in a title as a pill."""
    kind = "run-state pill" if is_pill else "run-state"
    return html.Span([html.I(**aria_hidden()), state_word(state)], className=f"{kind} {state}")


def run_link(run: Run, *, tab: str = "") -> Component:
    """Link a run under the name of its recipe and its number, with its kind."""
    search = f"?tab={tab}" if tab else ""
    experiment: list[Any] = [html.B(run.name), " › "] if run.name else []
    # Most runs train, and those without a recipe are called after their kind.
    kind = [] if run.kind in ("train", run.name) else [html.Span(f" {run.kind}", className="note")]
    return dcc.Link(
        [*experiment, f"run {run.number}", *kind], href=run_address(run.run_id) + search
    )


def run_address(run_id: str) -> str:
    """Return the address of the page of a run."""
    return f"{RUNS_PATH}/{run_id}"


def dataset_address(dataset_id: str) -> str:
    """Return the address of the page of a data set."""
    return f"{DATA_PATH}/{dataset_id}"


def rows_text(one: Dataset) -> str:
    """Write the number of rows, a dash where nobody knows."""
    return ABSENT if one.rows is None else count(one.rows)


def place_text(run: Run) -> str:
    """Write where a run is executed, or where it is to be."""
    if run.worker is not None:
        return f"{run.worker.host or 'a worker'} {queue_name(run.queue)}"
    return queue_name(run.queue)


def queue_name(queue: str) -> str:
    """Write a queue: ``cpu``, ``any gpu``, ``gpu 0``."""
    parts = queue.split(".")
    if parts[0] == "gpu":
        return f"gpu {parts[-1]}" if len(parts) > 2 else "any gpu"
    return queue


def progress_bar(run: Run) -> Component:
    """Show how far a run is; the part that a lost run had done is hatched."""
    share = min(max(run.progress or 0.0, 0.0), 1.0)
    kind = "progress lost" if run.state == LOST else "progress"
    told = aria_label(f"Progress of {run.label}") | {
        "aria-valuemin": "0",
        "aria-valuemax": "100",
        "aria-valuenow": f"{share * 100:.0f}",
    }
    return html.Div(
        html.I(style={"width": f"{share * 100:.1f}%"}),
        className=kind,
        role="progressbar",
        **told,
    )


def doing_text(run: Run) -> str:
    """Write the step that a run is at, or why it does not go on."""
    if run.stop_asked_at is not None and run.is_under_way:
        return "stopping: it keeps a checkpoint first"
    if run.state == "queued":
        behind = f"place {run.position} in the line" if run.position else "in the line"
        return f"{behind}: {run.reason}" if run.reason else behind
    if run.state == "published":
        return "handed out, not claimed yet"
    if run.state == LOST:
        return f"last heard: {run.doing}" if run.doing else (run.reason or "no report")
    return run.doing or "starting"


def left_text(run: Run, now: datetime) -> str:
    """Write how long a run will take, or when it is restarted."""
    if run.restarts_at is not None:
        return f"restarts in {duration(run.restarts_at - now)}"
    if run.state != "running" or run.eta_s is None:
        return ABSENT
    return f"{duration(timedelta(seconds=run.eta_s))} left"


def took_text(run: Run) -> str:
    """Write how long a run took."""
    return ABSENT if run.took is None else duration(run.took)


def ended_text(run: Run, now: datetime) -> str:
    """Write when a run ended."""
    return ABSENT if run.ended_at is None else day_or_time(run.ended_at, now)


def score_cells(score: BrierSkill | None, reason: str | None) -> list[Component | str]:
    """Write a score, its interval and its whisker into three cells, or why there is none."""
    if score is None:
        note = html.Span(reason or "", className="note", title=reason or "")
        return [ABSENT, html.Td(note, colSpan=2, className="wide why")]
    bounds = interval_text(score) or ABSENT
    # A mark at 0, where a forecast has no skill.
    lines = [no_skill_line(-SCALE[0] / (SCALE[1] - SCALE[0]))]
    lines.append(whisker(place(score, SCALE), "circle", text=f"BSS, 95 %: {bounds}", is_asked=True))
    return [html.B(score_text(score.value)), bounds, html.Div(lines, className="whiskers bss")]


def action_buttons(
    run: Run | Placed, names: Sequence[str], *, kind: str = "button"
) -> list[Component]:
    """Offer those of the actions that the asker may do with a run now."""
    return [
        _button(run, name, kind=f"{kind} danger" if name == "stop" else kind)
        for name in names
        if name in run.actions
    ]


def _button(run: Run | Placed, name: str, *, kind: str) -> Component:
    is_cancel = name == "stop" and isinstance(run, Run) and run.state == QUEUED
    word = "Cancel" if is_cancel else ACTION_WORDS[name]
    return actions.button(
        PAGE, name, word, of=run.run_id or "", kind=kind, name=f"{word} {run.label}"
    )


def table(
    kind: str, headings: Sequence[tuple[Component | str, str]], rows: Iterable[Sequence[Any]]
) -> Component:
    """Lay rows out under headings; what is no cell becomes one with the class of its column."""
    heads = [html.Th(text, scope="col", className=of) for text, of in headings]
    kinds = [of for _, of in headings]
    # A cell that spans columns makes its row shorter.
    lines = [html.Tr(list(map(_cell, row, kinds))) for row in rows]
    return html.Table([html.Thead(html.Tr(heads)), html.Tbody(lines)], className=f"data {kind}")


def _cell(content: Any, kind: str) -> Component:
    return content if isinstance(content, html.Td | html.Th) else html.Td(content, className=kind)


def scrolled(content: Content, label: str, *, kind: str = "scrolled") -> Component:
    """Let wide content scroll by itself, with the keys too."""
    region = aria_label(label)
    return html.Div(content, className=kind, tabIndex=0, role="region", **region)


def head(title: Sequence[Component], buttons: Sequence[Component], text: str | None) -> Component:
    """Name an object, offer what may be done with it, and say what there is to say of it."""
    said = [html.P(text, className="reason")] if text else []
    parts = html.Div(title, className="run-title"), html.Div(buttons, className="run-buttons")
    return html.Div([*parts, *said], className="run-head")


def toml_panel(title: str, text: str, subtitle: str) -> Component:
    """Show a text that can be copied; without a clipboard, it is chosen."""
    shown = html.Pre(text, className="toml", tabIndex=0, role="region", **aria_label("TOML"))
    copy = script_button("Copy", {"data-copy": text})
    return panel(title, shown, copy, subtitle=subtitle, class_name="flush recipe-text")


def lab_row(kind: str, *cells: Component) -> Component:
    """Lay a row of a list out; ``lab.css`` has the columns of each kind."""
    return html.Div(list(cells), className=f"lab-row {kind}")


def named(link: Component, note: Content) -> Component:
    """Name a row of a list, with a note below."""
    return html.Div([link, html.Span(note, className="note")], className="named")


def filters(
    query: TableQuery,
    path: str,
    fields: Sequence[Component],
    menus: Mapping[str, Mapping[Any, str]],
) -> Component:
    """Set what is typed, and a menu for each other field of the address, above a table."""
    offered = [_filter_menu(query, path, name, choices) for name, choices in menus.items()]
    return html.Div([*fields, *offered], className="filters run-filters")


def _filter_menu(query: TableQuery, path: str, name: str, choices: Mapping[Any, str]) -> Component:
    links = [
        (text, path + query.changed(**{name: one, "after": ""}).search(), one == chosen)
        for chosen in [getattr(query, name)]
        for one, text in choices.items()
    ]
    return menu(name.capitalize(), choices[getattr(query, name)], links)


def text_field(name: str, label: str, value: str) -> Component:
    """Offer a filter that is typed."""
    entry = dcc.Input(
        id=field_id(PAGE, name),
        value=value,
        type="text",
        debounce=True,
        autoComplete="off",
        className="field",
    )
    return html.Label([html.Span(label), entry], className="labelled grow")


def paging(query: TableQuery, path: str, following: str | None) -> Component:
    """Link the first page, where another one is shown, and the next one, where there is one."""
    places = [("First", "" if query.after else None), ("Next", following)]
    links = [
        dcc.Link(label, href=path + query.changed(after=after).search(), className="button")
        for label, after in places
        if after is not None
    ]
    return html.Div(links, className="paging")


def size_text(size: int) -> str:
    """Write a number of bytes: ``812 B``, ``1.4 MB``."""
    value, unit = float(size), 0
    while value >= 1000 and unit < len(_BYTES) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.0f} {_BYTES[unit]}" if unit == 0 else f"{value:.1f} {_BYTES[unit]}"


def tags_of(text: str) -> list[str]:
    """Read tags between commas."""
    return [tag for tag in (part.strip() for part in text.split(",")) if tag]
