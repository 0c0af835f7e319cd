"""The page of one sender: its state, its leases, what became of its rows, its last requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote

import numpy as np
import sqlalchemy as sa
from dash import dcc, html
from dash.development.base_component import Component

from app_dash.pipeline.definitions import DEFINITIONS
from app_dash.pipeline.figures import NAMES, SHARES
from app_dash.pipeline.panels import throughput_panel
from app_dash.pipeline.senders import COUNTS, count_cell, sender_path, sender_state_mark
from app_dash.shared.numbers import ABSENT, count, date_moment, moment, quantity
from app_dash.shared.panels import empty_message, facts, panel
from app_dash.shared.theme import Tokens
from app_dash.shared.url_state import PIPELINE_PATH, SENDERS_PATH, Query
from database.delivery.flow import Flow, flow
from database.delivery.member_leases import MemberLease, member_leases
from database.delivery.senders import find_senders, lost_rows
from database.engine import reading
from solar.durations import PROCESSING
from solar.time import Window, to_datetime

SPAN, MINUTE = timedelta(hours=1), timedelta(minutes=1)
MOST_MINUTES = 30
MOST_FOUND = 50
_REQUESTS = ("requests", "accepted", "duplicates", "revised", "late", "rejected")


class SenderSearch(Query):
    """The text that is searched for in the names of senders."""

    q: str = ""


@dataclass(frozen=True)
class SenderData:
    """What is stored of one sender; `flow` covers the hour up to its last request."""

    now: datetime
    row: dict[str, Any]
    leases: Sequence[MemberLease]
    flow: Flow
    window: Window


def sender_of(pathname: str) -> str | None:
    """Return the sender of ``/pipeline/senders/<name>``, empty for the search, None elsewhere."""
    if pathname.rstrip("/") == SENDERS_PATH:
        return ""
    name = pathname.removeprefix(f"{SENDERS_PATH}/")
    return None if name == pathname else unquote(name).strip("/")


def sender_content(
    engine: sa.Engine, name: str, search: str, *, now: datetime, tokens: Tokens
) -> Component:
    """Draw the page of a sender; of an unknown one, the search with the names like it."""
    with reading(engine) as connection:
        data = _read(connection, name, now=now)
        if data is None:
            text = name or SenderSearch.parse(search).q.strip()
            like = find_senders(connection, containing=text, limit=MOST_FOUND)
            found = like or find_senders(connection, limit=MOST_FOUND)
            notes = _notes(name, text, is_like=bool(like), is_any=bool(found))
            return html.Div([_search_panel(notes, text, found, now=now)], className="grid")
    return html.Div(_panels(data, tokens), className="grid")


def _read(connection: sa.Connection, name: str, *, now: datetime) -> SenderData | None:
    rows = find_senders(connection, named=name, limit=1) if name else []
    if not rows:
        return None
    end_at = rows[0]["last_seen_at"].replace(second=0, microsecond=0) + MINUTE
    window = Window(end_at - SPAN, end_at)
    measured = flow(connection, window, sender_id=name)
    return SenderData(now, rows[0], member_leases(connection, name), measured, window)


def _notes(name: str, text: str, *, is_like: bool, is_any: bool) -> list[str]:
    unknown = f"No sender {name} has delivered to this store."
    other = f"No sender's name contains {text}; these were heard last."
    empty = "No sender has delivered yet. Start one: flarewatch send simulate"
    told = ((bool(name), unknown), (is_any and not is_like, other), (not is_any, empty))
    return [note for is_told, note in told if is_told]


def _search_panel(
    notes: Sequence[str], text: str, found: Sequence[dict[str, Any]], *, now: datetime
) -> Component:
    entry = dcc.Input(
        id="sender-search", type="search", name="q", value=text, className="field find-field"
    )
    label = html.Label([html.Span("Name contains"), entry], className="labelled")
    form = html.Form(
        [label, html.Button("Search", type="submit", className="button")],
        action=SENDERS_PATH,
        method="get",
        className="filters",
    )
    table = html.Table(
        [
            html.Thead(html.Tr([html.Th(title) for title in ("Sender", "State", "Last request")])),
            html.Tbody([_found_row(row, now) for row in found]),
        ],
        className="data summary sender-table",
    )
    return panel(
        "Senders",
        *(html.P(note, className="note") for note in notes),
        form,
        html.Div(table, className="table-scroll", tabIndex=0),
        actions=_back(),
        class_name="span-12 flush sender-search",
    )


def _found_row(row: dict[str, Any], now: datetime) -> Component:
    link = dcc.Link(row["sender_id"], href=sender_path(row["sender_id"]), className="link")
    cells = (sender_state_mark(row, now), f"{row['last_seen_at']:%-d %b %Y %H:%M:%S}")
    return html.Tr([html.Th(link, scope="row"), *(html.Td(cell) for cell in cells)])


def _back() -> Component:
    return dcc.Link("All senders", href=PIPELINE_PATH, className="link")


def _panels(data: SenderData, tokens: Tokens) -> list[Component]:
    last = f"hour before {moment(data.window.end_at)}"
    return [
        _facts_panel(data),
        _lease_panel(data),
        throughput_panel(data.flow, data.window, tokens, label=last),
        _minutes_panel(data.flow),
    ]


def _facts_panel(data: SenderData) -> Component:
    row = data.row
    counts = {**row, "lost": lost_rows(row)}
    batch = row["last_sequence"]
    rows = [
        ("State", sender_state_mark(row, data.now)),
        ("First request", f"{date_moment(row['first_seen_at'])} UTC"),
        ("Last request", f"{row['last_seen_at']:%-d %b %Y %H:%M:%S} UTC"),
        ("Last batch", ABSENT if batch is None else count(batch)),
        *((title, count_cell(name, counts[name], html.Span)) for title, name in COUNTS),
    ]
    return panel(
        f"Sender {row['sender_id']}",
        facts(rows),
        subtitle=f"counted at {data.now:%H:%M:%S} UTC",
        actions=_back(),
        definition=DEFINITIONS["pipeline-senders"],
        class_name="span-5",
    )


def _lease_panel(data: SenderData) -> Component:
    if not data.leases:
        text = "This sender shares no source with others: it sends every row of its own."
        content: Component = empty_message(text)
    else:
        content = facts([line for lease in data.leases for line in _lease_lines(lease)])
    return panel(
        "Leases", content, definition=DEFINITIONS["pipeline-leases"], class_name="span-7 leases"
    )


def _lease_lines(lease: MemberLease) -> list[tuple[str, str]]:
    times = "not a member now"
    if lease.joined_at and lease.seen_at:
        times = f"since {date_moment(lease.joined_at)}, renewed {lease.seen_at:%H:%M:%S}"
    held = f"{numbers_text(lease.held)} of {lease.shards}, {lease.unfinished} not finished"
    lost = [f"{numbers_text(shards)} to {name}" for name, shards in lease.taken_by.items()]
    taken = [f"{numbers_text(shards)} from {name}" for name, shards in lease.taken_from.items()]
    return [
        ("Source", lease.source),
        ("Lease", times),
        ("Shards held", held),
        ("Taken over by others", "; ".join(lost) or "none"),
        ("Took over", "; ".join(taken) or "none"),
    ]


def numbers_text(numbers: Sequence[int]) -> str:
    """Write numbers in order, runs of them with a dash: ``0–3, 7``."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    texts = (f"{run[0]}–{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
    return ", ".join(texts) or "none"


def _minutes_panel(measured: Flow) -> Component:
    places = np.flatnonzero(measured.counts["requests"])[::-1][:MOST_MINUTES].tolist()
    head = [
        html.Th("Minute, UTC"),
        *(html.Th(name.capitalize(), className="number") for name in _REQUESTS),
        *(html.Th(f"{name}, ms", className="number") for name in NAMES),
    ]
    table = html.Table(
        [
            html.Thead(html.Tr(head)),
            html.Tbody([_minute_row(measured, place) for place in places]),
        ],
        className="data summary sender-table",
    )
    none = empty_message("The requests by the minute are no longer kept.")
    return panel(
        "Last requests",
        html.Div(table, className="table-scroll", tabIndex=0) if places else none,
        subtitle=f"by {'minute' if measured.bucket_seconds == MINUTE.seconds else 'time'}",
        definition=DEFINITIONS["pipeline-processing"],
        class_name="span-12 flush",
    )


def _minute_row(measured: Flow, place: int) -> Component:
    times = PROCESSING.quantiles(measured.processing[[place]], SHARES)[0] * 1000
    cells = [
        *(count(int(measured.counts[name][place])) for name in _REQUESTS),
        *(quantity(value) if np.isfinite(value) else ABSENT for value in times.tolist()),
    ]
    at = to_datetime(measured.start_at[place])
    return html.Tr(
        [
            html.Th(f"{at:%-d %b %H:%M}", scope="row"),
            *(html.Td(cell, className="number") for cell in cells),
        ]
    )
