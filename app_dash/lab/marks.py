"""The marks of a run on a page: its state, its progress, its score, what may be done with it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.frame import actions
from app_dash.lab.answers import Dataset, Placed, Run, Score
from app_dash.shared.numbers import ABSENT, count, duration, score_text
from app_dash.shared.panels import aria_hidden, aria_label
from app_dash.shared.people import day_or_time
from app_dash.shared.url_state import LAB_PATH
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
    named: list[Any] = [html.B(run.name), " › "] if run.name else []
    # Most runs train, and those without a recipe are called after their kind.
    kind = [] if run.kind in ("train", run.name) else [html.Span(f" {run.kind}", className="note")]
    return dcc.Link([*named, f"run {run.number}", *kind], href=run_address(run.run_id) + search)


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
    return html.Div(
        html.I(style={"width": f"{share * 100:.1f}%"}),
        className=kind,
        role="progressbar",
        **aria_label(f"Progress of {run.label}"),
        **_values(share),
    )


def _values(share: float) -> dict[str, Any]:
    return {"aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": f"{share * 100:.0f}"}


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


def _interval_text(score: Score) -> str:
    """Write the interval of a score."""
    if score.low is None or score.high is None:
        return ABSENT
    return f"{score_text(score.low)} … {score_text(score.high)}"


def _whisker(score: Score) -> Component:
    """Draw a score with its interval on a common scale with a mark at 0."""
    parts = [html.I(className="zero", style={"left": _at(0.0)})]
    if score.low is not None and score.high is not None:
        left, right = _at(score.low), _at(score.high)
        style = {"left": left, "right": f"calc(100% - {right})"}
        parts.append(html.I(className="span", style=style))
    if score.bss is not None:
        parts.append(html.I(className="dot", style={"left": _at(score.bss)}))
    return html.Span(parts, className="bss-whisker", **aria_hidden())


def _at(value: float) -> str:
    low, high = SCALE
    share = (min(max(value, low), high) - low) / (high - low)
    return f"{share * 100:.1f}%"


def score_cells(score: Score | None, reason: str | None) -> list[Component]:
    """Write a score, its interval and its whisker into three cells, or why there is none."""
    if score is None:
        note = html.Span(reason or "", className="note", title=reason or "")
        return [html.Td(ABSENT, className="number"), html.Td(note, colSpan=2, className="wide why")]
    return [
        html.Td(html.B(score_text(score.bss)), className="number"),
        html.Td(_interval_text(score), className="wide"),
        html.Td(_whisker(score), className="wide"),
    ]


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
    kind: str, headings: Sequence[tuple[Component | str, str]], rows: Sequence[Component]
) -> Component:
    """Lay rows out under headings, each with the class of its column."""
    heads = [html.Th(text, scope="col", className=of) for text, of in headings]
    return html.Table(
        [html.Thead(html.Tr(heads)), html.Tbody(list(rows))], className=f"data {kind}"
    )


def size_text(size: int) -> str:
    """Write a number of bytes: ``812 B``, ``1.4 MB``."""
    value, unit = float(size), 0
    while value >= 1000 and unit < len(_BYTES) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.0f} {_BYTES[unit]}" if unit == 0 else f"{value:.1f} {_BYTES[unit]}"


def tags_of(text: str) -> list[str]:
    """Read tags between commas."""
    return [tag for tag in (part.strip() for part in text.split(",")) if tag]
