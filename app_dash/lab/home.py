"""The home of the Lab: what asks for me, my runs, the line, and who sits in which slot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.frame import actions
from app_dash.lab.answers import Placed, Run, Waiting, Worker
from app_dash.lab.client import LAB as LAB_API
from app_dash.lab.client import Lab
from app_dash.lab.marks import (
    DATA_PATH,
    EXPERIMENTS_PATH,
    NEW_PATH,
    PAGE,
    RUNS_PATH,
    action_buttons,
    doing_text,
    ended_text,
    lab_row,
    left_text,
    named,
    place_text,
    progress_bar,
    queue_name,
    run_address,
    run_link,
    state_mark,
    table,
)
from app_dash.lab.runs import COLUMNS, run_cells
from app_dash.shared.numbers import count, duration
from app_dash.shared.panels import empty_message, panel
from app_dash.shared.people import avatar
from database.lab.runs import CANCELLED, FAILED, LOST, SUCCEEDED, TIMED_OUT, UNDER_WAY
from database.people.principal import LAB, OPERATE, Principal

# What failed longer ago asks for nobody any more.
_ASKS_FOR = timedelta(days=2)
_MOST_ROWS = 12
_LIVE = (*UNDER_WAY, LOST)
_ENDED = (SUCCEEDED, FAILED, CANCELLED, TIMED_OUT)
_FAILED = (FAILED, TIMED_OUT)


@dataclass(frozen=True)
class HomeData:
    """What the page shows: the asker's runs, the line, the workers."""

    live: Sequence[Run]
    ended: Sequence[Run]
    line: Sequence[Waiting]
    workers: Sequence[Worker]

    def failures(self, now: datetime) -> list[Run]:
        """Return the runs that wait for their owner to look."""
        failed = [run for run in self.ended if run.state in _FAILED]
        ended = [run for run in failed if run.ended_at and now - run.ended_at < _ASKS_FOR]
        return [run for run in self.live if not run.is_under_way] + ended

    @property
    def under_way(self) -> list[Run]:
        """The runs whose state changes by itself."""
        return [run for run in self.live if run.is_under_way]


def read_home(lab: Lab) -> HomeData:
    """Ask the API for what the page shows."""
    return HomeData(
        live=lab.runs(owner="me", state=",".join(_LIVE)).runs,
        ended=lab.runs(owner="me", state=",".join(_ENDED), limit=str(_MOST_ROWS)).runs,
        line=lab.all(Waiting, f"{LAB_API}/line"),
        workers=lab.all(Worker, f"{LAB_API}/workers"),
    )


def home(data: HomeData, who: Principal, now: datetime) -> Component:
    """Draw the page."""
    asks = data.failures(now)
    is_new = not (data.live or data.ended)
    left = [_look_panel(has_workers=bool(data.workers))] if is_new or not data.workers else []
    left += [_asks_panel(asks, now)] if asks else []
    left += [_under_way_panel(data.under_way, who, now), _ended_panel(data.ended, now)]
    right = [_line_panel(data, who), _slots_panel(data, who, now)]
    columns = [
        html.Div(left, className="stack span-8"),
        html.Div(right, className="stack span-4"),
    ]
    return html.Div(columns, className="grid lab-home")


def _look_panel(*, has_workers: bool) -> Component:
    """Say what there is to look at where somebody has no runs, or nothing can be computed."""
    places = (("Data sets", DATA_PATH), ("Experiments", EXPERIMENTS_PATH), ("All runs", RUNS_PATH))
    links = [dcc.Link(text, href=path, className="button") for text, path in places]
    shared = (
        "Read what is shared: data sets with their break-down, and of each run the curves, the log,"
        " the recipe and the files that it made."
    )
    said: list[Component] = [html.P(shared)]
    if not has_workers:
        said = [
            html.P(f"No worker is there: nothing is computed, and what you start waits. {shared}"),
            html.P(
                [
                    html.Code("make demo LAB=1"),
                    " instead of ",
                    html.Code("make demo"),
                    " adds a worker to the demonstration, ",
                    html.Code("flarewatch work"),
                    " starts one anywhere else.",
                ]
            ),
        ]
    return panel(
        "Look around",
        *said,
        html.Div(links, className="row-buttons"),
        class_name="look-around",
    )


def _asks_panel(runs: Sequence[Run], now: datetime) -> Component:
    rows = [_ask_row(run, now) for run in runs]
    return panel("Asks for you", *rows, subtitle=count(len(runs)), class_name="flush")


def _ask_row(run: Run, now: datetime) -> Component:
    log = dcc.Link("Open log", href=f"{run_address(run.run_id)}?tab=log", className="button")
    return lab_row(
        "ask",
        state_mark(run.state),
        named(run_link(run), run.reason or "no reason given"),
        html.Span(ended_text(run, now), className="when"),
        html.Span([*action_buttons(run, ("restart",)), log], className="row-buttons"),
    )


def _under_way_panel(runs: Sequence[Run], who: Principal, now: datetime) -> Component:
    all_runs = dcc.Link("All runs", href=RUNS_PATH, className="link")
    if not runs:
        text = "None of your runs is under way."
        return panel("Under way", _begin(text, who), actions=all_runs)
    rows = [_under_way_row(run, now) for run in runs]
    subtitle = f"{count(len(runs))} of yours"
    return panel("Under way", *rows, subtitle=subtitle, actions=all_runs, class_name="flush")


def _begin(text: str, who: Principal) -> Component:
    if not who.may(LAB):
        return empty_message(f"{text} Your roles let you look; a researcher may have runs.")
    return empty_message(text, dcc.Link("New run", href=NEW_PATH, className="button"))


def _under_way_row(run: Run, now: datetime) -> Component:
    attempt = f", attempt {run.attempt}" if run.attempt > 1 else ""
    doing = html.Span(doing_text(run), className="note")
    return lab_row(
        "under-way",
        state_mark(run.state),
        named(run_link(run), f"{place_text(run)} · {run.kind}{attempt}"),
        html.Div([progress_bar(run), doing], className="far"),
        html.Span(left_text(run, now), className="when"),
        html.Span(action_buttons(run, ("stop", "restart")), className="row-buttons"),
    )


def _ended_panel(runs: Sequence[Run], now: datetime) -> Component:
    if not runs:
        return panel("Ended lately", empty_message("None of your runs has ended yet."))
    headings = [(label, kind) for _, label, kind in COLUMNS]
    listed = table("runs", headings, [run_cells(run, "M1.0", now) for run in runs])
    subtitle = "BSS of M1.0+ on the test, 95 %"
    return panel("Ended lately", listed, subtitle=subtitle, class_name="flush")


def _line_panel(data: HomeData, who: Principal) -> Component:
    line, soon = data.line, ": a run starts at once" if data.workers else ""
    if not line:
        return panel("Waiting", empty_message(f"Nobody waits{soon}."))
    mine = [str(one.position) for one in line if one.owner.id == who.owner]
    yours = f" · yours at {' and '.join(mine)}" if mine else ""
    rows = [_line_row(one, is_mine=one.owner.id == who.owner) for one in line[:_MOST_ROWS]]
    more = len(line) - len(rows)
    rest = [html.P(f"{count(more)} more", className="listed quiet")] if more > 0 else []
    return panel("Waiting", *rows, *rest, subtitle=f"{count(len(line))}{yours}", class_name="flush")


def _line_row(one: Waiting, *, is_mine: bool) -> Component:
    waits = one.waits_for or f"next free {queue_name(one.queue)} slot"
    link = html.B(placed_link(one)) if is_mine else placed_link(one)
    buttons = [] if is_mine else action_buttons(one, ("stop",))
    return lab_row(
        "waiting",
        html.Span(str(one.position), className="position"),
        html.Span(avatar(one.owner.name, is_me=is_mine), title=one.owner.name),
        named(link, f"{one.owner.name} · {waits}"),
        html.Span(buttons, className="row-buttons"),
    )


def placed_link(one: Placed) -> Component:
    """Link a run, if the asker may see it."""
    if one.run_id is None or one.name is None:
        return html.Span(one.label)
    return dcc.Link(one.label, href=run_address(one.run_id))


def _slots_panel(data: HomeData, who: Principal, now: datetime) -> Component:
    if not data.workers:
        text = "No worker is there, so queued runs wait. Start one: flarewatch work"
        return panel("Slots", empty_message(text))
    slots = sum(worker.slots for worker in data.workers)
    taken = sum(worker.slots - worker.free for worker in data.workers)
    rows = [worker_slots(worker, who, now) for worker in data.workers]
    return panel("Slots", *rows, subtitle=f"{count(taken)} of {count(slots)} taken")


def worker_slots(worker: Worker, who: Principal, now: datetime) -> Component:
    """Draw the slots of a worker, with who sits in them."""
    runs = worker.runs[: worker.slots]
    taken = max(worker.slots - worker.free, len(runs))
    name = queue_name(worker.queue)
    boxes = [_slot(name, run, worker, who) for run in runs]
    boxes += [_box("taken", name, "taken") for _ in range(taken - len(runs))]
    is_closed = worker.state != "ready"
    free = _box("closed", name, worker.state) if is_closed else _box("free", name, "free")
    boxes += [free] * max(worker.slots - taken, 0)
    title: list[Component] = [html.B(worker.host), _worker_state(worker, now)]
    title += [_drain(worker)] if who.may(OPERATE) and not is_closed else []
    parts = [html.Div(title, className="worker-head"), html.Ul(boxes, className="slots")]
    return html.Div(parts, className="worker")


def _drain(worker: Worker) -> Component:
    question = f"{worker.host} gets no new runs. What it executes goes on to its end."
    sure, of = f"Drain {worker.host}", worker.worker_id
    return actions.asked(
        PAGE, "drain", "Drain", question=question, sure=sure, of=of, kind="link", name=sure
    )


def _worker_state(worker: Worker, now: datetime) -> Component:
    taken = f"{worker.slots - worker.free} of {worker.slots} · "
    if worker.state == "away" and worker.last_seen_at is not None:
        silent = f"silent {duration(now - worker.last_seen_at)}"
        return html.Span([taken, html.Span(silent, className="silent")], className="secondary")
    return html.Span([taken, state_mark(worker.state)], className="secondary")


def _slot(name: str, run: Placed, worker: Worker, who: Principal) -> Component:
    is_mine = run.owner.id == who.owner
    kind = "silent" if worker.state == "away" else "mine" if is_mine else "taken"
    mark = avatar(run.owner.name, is_me=is_mine)
    title = f"{run.label}, of {run.owner.name}"
    parts = [html.Span([name, mark], className="slot-name"), html.B(placed_link(run))]
    return html.Li(parts, className=f"slot {kind}", title=title)


def _box(kind: str, name: str, text: str) -> Component:
    return html.Li([html.Span(name, className="slot-name"), html.B(text)], className=f"slot {kind}")
