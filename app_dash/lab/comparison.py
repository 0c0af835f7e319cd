"""Comparisons of runs as the API answers them, and as files: CSV and a page of its own."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from html import escape
from typing import Any

from flask import Flask, Response, request

from app_dash.guard import route
from app_dash.lab.answers import Answer, Run
from app_dash.lab.client import LAB, Lab
from app_dash.lab.query import CompareQuery
from app_dash.settings import DashSettings
from app_dash.shared.numbers import ABSENT
from app_dash.shared.url_state import LAB_COMPARISON_PATH
from app_dash.shared.verification.report import ReliabilityBin, Score
from database.people.principal import LAB_READ

SCORES = (("bss", "BSS"), ("tss", "TSS"))
_COLUMNS = (
    *("run", "run_id", "part", "event", "n", "events", "score", "value", "low", "high"),
    *("difference", "difference_low", "difference_high", "says", "reason"),
)


class Difference(Score):
    """A paired difference to the first run, and what its interval says."""

    says: str = ""


class Compared(Answer):
    """A run on one event; `reason` says why it is not compared with the first one."""

    run_id: str
    reason: str | None = None
    n: int | None = None
    n_events: int | None = None
    n_withheld: int | None = None
    scores: dict[str, Score] | None = None
    reliability: tuple[ReliabilityBin, ...] = ()
    differences: dict[str, Difference] | None = None

    def score(self, name: str) -> Score:
        """Return a score; a missing one is undefined."""
        return (self.scores or {}).get(name) or Score()


class Event(Answer):
    """The runs on one event."""

    event: str
    runs: list[Compared]


class Parameter(Answer):
    """What each run was told, under one name."""

    name: str
    values: list[Any]
    differs: bool


class Comparison(Answer):
    """Runs side by side."""

    part: str
    runs: list[Run]
    events: list[Event]
    parameters: list[Parameter]


def read_comparison(lab: Lab, query: CompareQuery) -> Comparison:
    """Have the API compare the runs of the address."""
    return lab.one(Comparison, f"{LAB}/compare", runs=query.runs, part=query.part)


def summary(event: Event | None) -> str:
    """Say in words how the runs of an event stand to the first one by their Brier skill."""
    if event is None:
        return "no run has forecasts on these cases"
    said = [one.differences["bss"].says for one in event.runs if one.differences]
    words = [f"{said.count(word)} {word}" for word in ("better", "worse") if word in said]
    others = len(event.runs) - 1
    level = said.count("no difference")
    words += [f"{level} without a difference"] if level else []
    words += [f"{others - len(said)} on other cases"] if len(said) < others else []
    return f"on {event.event}+, by BSS against the first: {', '.join(words) or 'undefined'}"


def register(server: Flask, *, settings: DashSettings) -> None:
    """Serve a comparison as files; the query is that of the page."""

    @route(server, f"{LAB_COMPARISON_PATH}.<any(csv,html):kind>", permission=LAB_READ)
    def comparison_file(kind: str) -> Response:
        write, mimetype = (as_csv, "text/csv") if kind == "csv" else (as_html, "text/html")
        query = CompareQuery.parse(request.query_string.decode())
        content = write(read_comparison(Lab(settings), query))
        headers = {"Content-Disposition": f'attachment; filename="comparison.{kind}"'}
        return Response(content, mimetype=mimetype, headers=headers)


def _rows(found: Comparison) -> list[tuple[Any, ...]]:
    """Return a row for each event, run and score; undefined is None."""
    labels = {run.run_id: run.label for run in found.runs}
    rows: list[tuple[Any, ...]] = []
    for event, run in ((one.event, run) for one in found.events for run in one.runs):
        case = (labels[run.run_id], run.run_id, found.part, event, run.n, run.n_events)
        for score, label in SCORES:
            one, other = run.score(score), (run.differences or {}).get(score) or Difference()
            scored = (label, one.value, one.low, one.high)
            against = (other.value, other.low, other.high, other.says, run.reason)
            rows.append((*case, *scored, *against))
    return rows


def as_csv(found: Comparison) -> str:
    """Write scores and differences; undefined is empty."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([_COLUMNS, *_rows(found)])
    return text.getvalue()


def as_html(found: Comparison) -> str:
    """Write scores, differences and parameters as a page of its own."""
    labels = [run.label for run in found.runs]
    parameters = [(one.name, *map(written, one.values)) for one in found.parameters]
    return (
        "<!doctype html><meta charset=utf-8><title>Comparison of runs</title>"
        "<style>body{font:14px sans-serif}table{border-collapse:collapse;margin:1em 0}"
        "td,th{border:1px solid #bbb;padding:2px 8px;text-align:left}</style>"
        f"<h1>Comparison of {len(labels)} runs</h1>"
        f"<p>Differences are those to {escape(labels[0])}, on the same cases and resamples;"
        " intervals 95 %, by blocks of days.</p>"
        f"{_table(_COLUMNS, _rows(found))}{_table(('parameter', *labels), parameters)}\n"
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    def cells(values: Sequence[Any], tag: str) -> str:
        written = ("" if one is None else str(one) for one in values)
        return "".join(f"<{tag}>{escape(text)}</{tag}>" for text in written)

    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return f"<table><tr>{cells(head, 'th')}</tr>{body}</table>"


def written(value: object) -> str:
    """Write what a run was told."""
    if value is None:
        return ABSENT
    return (", ".join(map(str, value)) or "none") if isinstance(value, list) else str(value)
