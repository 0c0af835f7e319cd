"""The Machines page: of each host who sits in its slots, and how much of it is in use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from dash import html
from dash.development.base_component import Component
from numpy.typing import NDArray

from app_dash.frame.page import PageContext
from app_dash.lab.answers import Machine, SlotRun, Worker
from app_dash.lab.client import LAB as LAB_API
from app_dash.lab.client import Lab
from app_dash.lab.home import placed_link, worker_slots
from app_dash.lab.marks import queue_name, scrolled, size_text, table
from app_dash.lab.query import MachinesQuery
from app_dash.shared.numbers import ABSENT, NARROW, count, duration
from app_dash.shared.panels import empty_message, panel, segmented
from app_dash.shared.people import avatar
from app_dash.shared.sparkline import Scale, sparkline
from app_dash.shared.theme import Tokens
from app_dash.shared.url_state import MACHINES_PATH

_SPANS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
# A line has so many points; a silence of more than two of them is a gap.
_POINTS = 120
_FEWEST_SILENT = 3
_SILENT_FOR = timedelta(seconds=30)
_WIDTH, _HEIGHT = 280, 44
_COLUMNS = (
    ("Process of", ""),
    ("Run", ""),
    ("Slot", ""),
    ("CPU", "number"),
    ("Memory", "number"),
    ("Since", "number"),
)


@dataclass(frozen=True)
class MachinesData:
    """What the page shows: machines that were seen within a day, and workers."""

    machines: Sequence[Machine]
    workers: Sequence[Worker]

    @property
    def hosts(self) -> list[str]:
        """All hosts by name, also one whose worker says nothing of its machine."""
        return sorted({one.host for one in self.machines} | {one.host for one in self.workers})


def read_machines(lab: Lab, query: MachinesQuery) -> MachinesData:
    """Ask the API for what the page shows."""
    machines, _ = lab.page(Machine, f"{LAB_API}/machines", span=query.span)
    return MachinesData(machines, lab.all(Worker, f"{LAB_API}/workers"))


def machines_page(data: MachinesData, query: MachinesQuery, context: PageContext) -> Component:
    """Draw the page."""
    if not data.hosts:
        text = "No machine has said anything yet. A worker starts with: flarewatch work"
        return html.Section(empty_message(text), className="panel")
    slots = sum(worker.slots for worker in data.workers)
    taken = sum(worker.slots - worker.free for worker in data.workers)
    choices = [
        (label, MACHINES_PATH + MachinesQuery.parse(f"?span={name}").search(), name == query.span)
        for name, label in (("hour", "Hour"), ("day", "Day"))
    ]
    hosts_here = "1 host" if len(data.hosts) == 1 else f"{count(len(data.hosts))} hosts"
    said = f"{hosts_here}, {count(taken)} of {count(slots)} slots taken"
    head = [segmented("Time span", choices), html.Span(said, className="secondary")]
    hosts = [_host(name, data, query, context) for name in data.hosts]
    return html.Div([html.Div(head, className="filters"), html.Div(hosts, className="machines")])


def _host(name: str, data: MachinesData, query: MachinesQuery, context: PageContext) -> Component:
    machine = next((one for one in data.machines if one.host == name), None)
    workers = [one for one in data.workers if one.host == name]
    slots = [worker_slots(worker, context.who, context.now) for worker in workers]
    here = [(run, worker) for worker in workers for run in worker.runs]
    parts: list[Component] = []
    if slots:
        parts.append(html.Div(slots, className="machine-slots"))
    if machine is None:
        parts.append(empty_message("The worker of this host says nothing of its machine."))
    else:
        parts += _meters(machine, query, context)
    parts += [_processes(here, context)] if here else []
    return panel(name, *parts, subtitle=_subtitle(machine, context.now), class_name="machine flush")


def _subtitle(machine: Machine | None, now: datetime) -> str:
    if machine is None or machine.seen_at is None:
        return ""
    silent = now - machine.seen_at
    cores = f"{count(machine.facts.cores)} cores"
    return cores if silent < _SILENT_FOR else f"{cores} · silent for {duration(silent)}"


def _meters(machine: Machine, query: MachinesQuery, context: PageContext) -> list[Component]:
    facts, series = machine.facts, machine.series
    line = _Line(series.at, _SPANS[query.span], context.now, context.tokens)
    in_use = f"{facts.cpu * facts.cores:.1f} of {count(facts.cores)} cores"
    swap = f"swap {size_text(facts.swap_used)}" if facts.swap else "swap none"
    return [
        _meter(
            "CPU", _share(facts.cpu), line.draw(series.cpu, 1.0), in_use, f"load {facts.load:.1f}"
        ),
        _meter(
            "Memory",
            size_text(facts.memory_used),
            line.draw(series.memory_used, facts.memory),
            f"of {size_text(facts.memory)}",
            swap,
        ),
        _meter(
            "Disk",
            size_text(facts.disk_used),
            line.draw(series.disk_used, facts.disk),
            f"of {size_text(facts.disk)}",
            f"{size_text(facts.disk - facts.disk_used)} free",
        ),
        *_gpu_meters(machine, line),
    ]


def _gpu_meters(machine: Machine, line: _Line) -> list[Component]:
    facts = machine.facts
    if not facts.gpus:
        said = html.P([html.B("No GPU found"), f" · {facts.no_gpu}"], className="absent")
        return [_meter("GPU", ABSENT, said)]
    uses = [gpu.use for gpu in facts.gpus if gpu.use is not None]
    mean = _share(sum(uses) / len(uses)) if uses else ABSENT
    said_of = [
        f"{gpu.name}: {size_text(gpu.memory_used)} of {size_text(gpu.memory)}"
        + ("" if gpu.celsius is None else f", {gpu.celsius:.0f} °C")
        for gpu in facts.gpus
    ]
    return [_meter("GPU", mean, line.draw(machine.series.gpu, 1.0), *said_of)]


def _meter(name: str, value: str, picture: Component, *details: str) -> Component:
    label = html.Div([html.Span(name, className="secondary"), html.B(value)], className="value")
    told = html.Div([html.Span(text) for text in details], className="details secondary")
    return html.Div([label, picture, told], className="meter")


@dataclass(frozen=True)
class _Line:
    """Draws what was in use at some times, over a span that ends now."""

    at: Sequence[datetime]
    span: timedelta
    now: datetime
    tokens: Tokens

    def draw(self, values: Sequence[float | None], most: float) -> Component:
        """Draw values from 0 to `most`, and say when there were none."""
        means = self._means(np.array([np.nan if one is None else one for one in values]))
        scale = Scale(_WIDTH, _HEIGHT, high=most)
        picture = html.Img(
            src=sparkline(means, scale, colour=self.tokens.text2),
            alt="",
            width=_WIDTH,
            height=_HEIGHT,
        )
        ends = [html.Span(f"{time:%H:%M}") for time in (self.now - self.span, self.now)]
        return html.Div(
            [picture, html.Div([ends[0], *self._gaps(means), ends[1]])], className="line"
        )

    def _means(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean of each of the `_POINTS` parts of the span; NaN where there is none."""
        begin = (self.now - self.span).timestamp()
        seconds = np.array([one.timestamp() for one in self.at]) - begin
        part = np.floor(seconds / self.span.total_seconds() * _POINTS).astype(np.int64)
        is_known = (part >= 0) & (part < _POINTS) & ~np.isnan(values)
        sums = np.bincount(part[is_known], values[is_known], _POINTS)
        numbers = np.bincount(part[is_known], minlength=_POINTS)
        return np.where(numbers > 0, sums / np.maximum(numbers, 1), np.nan)

    def _gaps(self, means: NDArray[np.float64]) -> list[Component]:
        """Say when the machine was silent, between its first and its last point; the last gap."""
        known = np.flatnonzero(~np.isnan(means))
        lengths = np.diff(known) - 1
        silent = np.flatnonzero(lengths >= _FEWEST_SILENT)
        if not len(silent):
            return []
        part = self.span / _POINTS
        begin = self.now - self.span + part * int(known[silent[-1]] + 1)
        end = begin + part * int(lengths[silent[-1]])
        return [html.Span(f"no report {begin:%H:%M} … {end:%H:%M}", className="silent")]


def _processes(here: Sequence[tuple[SlotRun, Worker]], context: PageContext) -> Component:
    rows = [
        (
            html.Span(
                [avatar(run.owner.name, is_me=run.owner.id == context.who.owner), run.owner.name]
            ),
            placed_link(run),
            queue_name(worker.queue),
            _share_of(run, context.now),
            ABSENT if run.rss is None else size_text(run.rss),
            ABSENT if run.started_at is None else f"{run.started_at:%H:%M}",
        )
        for run, worker in here
    ]
    return scrolled(table("processes", _COLUMNS, rows), "Processes of runs")


def _share_of(run: SlotRun, now: datetime) -> str:
    """Write the mean share of a core that the job of a run has used; a job may use several."""
    if run.cpu_s is None or run.started_at is None or now <= run.started_at:
        return ABSENT
    return _share(run.cpu_s / (now - run.started_at).total_seconds())


def _share(use: float) -> str:
    return f"{100 * use:.0f}{NARROW}%"
