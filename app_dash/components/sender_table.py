"""The table of senders: one line per replica, and whether all that it sent has come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from dash import html
from dash.development.base_component import Component

from app_dash.numbers import ABSENT, count, moment
from app_dash.pipeline.view import ACTIVE
from database.delivery.senders import lost_rows

_COUNTS = (
    ("Sent", "sent"), ("Accepted", "accepted"), ("Duplicate", "duplicates"),
    ("Revised", "revised"), ("Rejected", "rejected"), ("Lost", "lost"), ("Late", "late"),
    ("Spooled", "spooled"),
)  # fmt: skip


def sender_table(
    senders: Sequence[dict[str, Any]], recent: Mapping[str, int], *, label: str, now: datetime
) -> Component:
    """Write a line for each sender; `recent` are its rows within the range named `label`."""
    head = [
        html.Th("Sender"), html.Th("State"), html.Th("Last request"),
        html.Th("Batch", className="number"),
        *(html.Th(title, className="number") for title, _ in _COUNTS),
        html.Th(f"Rows in {label}", className="number"),
    ]  # fmt: skip
    lines = [_line(row, recent.get(row["sender_id"], 0), now) for row in senders]
    table = html.Table(
        [html.Thead(html.Tr(head)), html.Tbody(lines)], className="data summary sender-table"
    )
    return html.Div(table, className="table-scroll", tabIndex=0)


def _line(row: dict[str, Any], recent: int, now: datetime) -> Component:
    counts = {**row, "lost": lost_rows(row)}
    batch = row["last_sequence"]
    return html.Tr(
        [
            html.Th(row["sender_id"], scope="row"),
            html.Td(_state(row["last_seen_at"], now)),
            html.Td(f"{row['last_seen_at']:%-d %b %H:%M:%S}", className="secondary"),
            html.Td(ABSENT if batch is None else count(batch), className="number"),
            *(_count(name, counts[name]) for _, name in _COUNTS),
            html.Td(count(recent), className="number"),
        ]
    )


def _count(name: str, value: int | None) -> Component:
    is_bad = name in ("rejected", "lost") and bool(value)
    text = ABSENT if value is None else count(value)
    hint = "this sender does not say" if value is None else None
    return html.Td(text, className="number bad" if is_bad else "number", title=hint)


def _state(last_seen_at: datetime, now: datetime) -> Component:
    if now - last_seen_at <= ACTIVE:
        return html.Span("active", className="sender-state active")
    return html.Span(f"quiet since {moment(last_seen_at)}", className="sender-state")
