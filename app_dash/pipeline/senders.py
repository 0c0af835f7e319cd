"""Senders and streams: what became of all rows, each sender's counts, the lag of partitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from dash import dcc, html
from dash.development.base_component import Component

from app_dash.pipeline.data import CONSUMER_SILENT_AFTER
from app_dash.pipeline.definitions import DEFINITIONS
from app_dash.shared.numbers import ABSENT, count, moment
from app_dash.shared.panels import aria_hidden, explanation, panel
from app_dash.shared.url_state import SENDERS_PATH
from database.delivery.senders import ACTIVE, SILENT, TAKEN_OVER, lost_rows, sender_state
from database.delivery.stream import StreamPartition
from database.maintenance.size import MOST_COUNTED, Balance

COUNTS = (
    ("Sent", "sent"),
    ("Accepted", "accepted"),
    ("Duplicate", "duplicates"),
    ("Revised", "revised"),
    ("Rejected", "rejected"),
    ("Lost", "lost"),
    ("Late", "late"),
    ("Spooled", "spooled"),
)
_NUMBERS = ("Consumed up to", "End", "Waiting")


def tiles(balance: Balance, senders: int, *, now: datetime) -> Component:
    """Show six counts of all senders together, and the line that checks their sum."""
    lost = None if balance.silent == senders else lost_of(balance)
    shown: tuple[tuple[str, str, int | None, str], ...] = (
        ("sent", "Sent", balance.sent, ""),
        ("accepted", "Accepted", balance.accepted, "new records"),
        ("duplicates", "Duplicate", balance.duplicates, "already known"),
        ("late", "Late", balance.late, "of the accepted"),
        ("rejected", "Rejected", balance.rejected, "broke a rule"),
        ("lost", "Lost", lost, "never arrived"),
    )
    return html.Section(
        [
            html.Div([_tile(*tile) for tile in shown], className="tiles"),
            balance_line(balance, senders, now=now),
        ],
        className="panel span-12",
    )


def lost_of(balance: Balance) -> int:
    """Return how many rows never arrived."""
    return max(0, balance.sent - received(balance))


def received(balance: Balance) -> int:
    """Return how many rows arrived, whatever became of them."""
    return balance.accepted + balance.duplicates + balance.revised + balance.rejected


def _tile(name: str, label: str, value: int | None, note: str) -> Component:
    is_bad = name in ("rejected", "lost") and bool(value)
    return html.Div(
        [
            html.Div(
                [html.Span(label), explanation(DEFINITIONS[f"pipeline-{name}"])],
                className="tile-head",
            ),
            html.Div(
                ABSENT if value is None else count(value),
                className="tile-number bad" if is_bad else "tile-number",
            ),
            html.Div(note, className="tile-said"),
        ],
        className=f"tile {name}",
    )


def balance_line(balance: Balance, senders: int, *, now: datetime) -> Component:
    """Say whether sent = stored, with all counts, and when they were read."""
    kind, headline, text = _balance(balance, senders, now)
    return html.P(
        [
            html.Span({"ok": "✓", "bad": "✗", "open": "…"}[kind], **aria_hidden()),
            html.B(headline),
            html.Span(text),
        ],
        className=f"proof {kind}",
        id="pipeline-proof",
    )


def stored_text(stored: int, now: datetime) -> str:
    """Write how many records the store holds, and when they were counted."""
    return f"{count(stored)} records at {now:%H:%M:%S}"


def _balance(balance: Balance, senders: int, now: datetime) -> tuple[str, str, str]:
    senders_text = "1 sender" if senders == 1 else f"{senders} senders"
    parts = (
        f"{senders_text} sent {count(balance.sent)} rows = {count(balance.accepted)} accepted +"
        f" {count(balance.duplicates)} duplicate + {count(balance.revised)} revised +"
        f" {count(balance.rejected)} rejected"
    )
    if lost_of(balance):
        return "bad", "Rows are missing.", f"{parts} + {count(lost_of(balance))} lost."
    if balance.stored is None:
        note = f"{parts}; beyond {count(MOST_COUNTED)} records the store is not counted here."
        return "ok", "Every row is accounted for.", note
    stored = f"the store holds {stored_text(balance.stored, now)}"
    if balance.stored != balance.accepted:
        surplus = balance.stored - balance.accepted
        direction = "more" if surplus > 0 else "fewer"
        note = f"{parts}; {stored}, {count(abs(surplus))} {direction} than were accepted."
        return "bad", "The store differs.", note
    return "ok", "Sent = stored.", f"{parts}; {stored}, one for each accepted row."


def sender_table(
    senders: Sequence[dict[str, Any]], recent: Mapping[str, int], *, label: str, now: datetime
) -> Component:
    """Write a line for each sender; `recent` are its rows within the range named `label`."""
    head = [
        html.Th("Sender"),
        html.Th("State"),
        html.Th("Last request"),
        html.Th("Batch", className="number"),
        *(html.Th(title, className="number") for title, _ in COUNTS),
        html.Th(f"Rows in {label}", className="number"),
    ]
    lines = [_sender_row(row, recent.get(row["sender_id"], 0), now) for row in senders]
    table = html.Table(
        [html.Thead(html.Tr(head)), html.Tbody(lines)], className="data summary sender-table"
    )
    return html.Div(table, className="table-scroll", tabIndex=0)


def _sender_row(row: dict[str, Any], recent: int, now: datetime) -> Component:
    counts = {**row, "lost": lost_rows(row)}
    batch, name = row["last_sequence"], row["sender_id"]
    return html.Tr(
        [
            html.Th(dcc.Link(name, href=sender_path(name), className="link"), scope="row"),
            html.Td(sender_state_mark(row, now)),
            html.Td(f"{row['last_seen_at']:%-d %b %H:%M:%S}", className="secondary"),
            html.Td(ABSENT if batch is None else count(batch), className="number"),
            *(count_cell(column, counts[column]) for _, column in COUNTS),
            html.Td(count(recent), className="number"),
        ]
    )


def count_cell(
    name: str, value: int | None, element: type[html.Td | html.Span] = html.Td
) -> Component:
    """Write a count of a sender, bad ones marked, a dash where it does not report it."""
    is_bad = name in ("rejected", "lost") and bool(value)
    text = ABSENT if value is None else count(value)
    hint = "this sender does not report it" if value is None else None
    return element(text, className="number bad" if is_bad else "number", title=hint)


def sender_path(name: str) -> str:
    """Return the address of the page of a sender."""
    return f"{SENDERS_PATH}/{quote(name, safe='')}"


def sender_state_mark(row: Mapping[str, Any], now: datetime) -> Component:
    """Say whether a sender is active, has finished, or is silent and taken over by whom."""
    state, since = sender_state(row, now), moment(row["last_seen_at"])
    if state == TAKEN_OVER:
        others = ", ".join(row["taken_over_by"])
        return html.Span(f"silent since {since}, taken over by {others}", className="sender-state")
    if state == SILENT:
        return html.Span(f"silent since {since}", className="sender-state bad")
    kind = "sender-state active" if state == ACTIVE else "sender-state"
    return html.Span(state, className=kind)


def stream_panel(partitions: Sequence[StreamPartition], *, now: datetime) -> Component:
    """List the partitions with their lag; the header shows the sum."""
    head = [
        *(html.Th(title) for title in ("Partition", "Group", "Consumer", "State")),
        *(html.Th(title, className="number") for title in _NUMBERS),
    ]
    table = html.Table(
        [
            html.Thead(html.Tr(head)),
            html.Tbody([_partition_row(partition, now) for partition in partitions]),
        ],
        className="data summary sender-table",
    )
    return panel(
        "Stream",
        html.Div(table, className="table-scroll", tabIndex=0),
        subtitle=_summary(partitions, now),
        definition=DEFINITIONS["pipeline-stream"],
        class_name="span-12 flush",
    )


def total_lag(partitions: Sequence[StreamPartition]) -> int:
    """Return how many messages wait in all partitions together."""
    return sum(partition.lag for partition in partitions)


def is_consumer_active(partition: StreamPartition, now: datetime) -> bool:
    """Tell whether the consumer of a partition has reported recently."""
    return now - partition.seen_at <= CONSUMER_SILENT_AFTER


def _summary(partitions: Sequence[StreamPartition], now: datetime) -> str:
    waiting, n = total_lag(partitions), len(partitions)
    alive = {
        partition.consumer_id for partition in partitions if is_consumer_active(partition, now)
    }
    consumers = "1 consumer" if len(alive) == 1 else f"{count(len(alive))} consumers"
    messages = "1 message waits" if waiting == 1 else f"{count(waiting)} messages wait"
    return f"{messages} in {n} partition{'s' if n > 1 else ''}; {consumers}"


def _partition_row(partition: StreamPartition, now: datetime) -> Component:
    return html.Tr(
        [
            html.Th(f"{partition.topic} {partition.partition_number}", scope="row"),
            html.Td(partition.group_id),
            html.Td(partition.consumer_id),
            html.Td(_consumer_state(partition, now)),
            html.Td(count(partition.committed), className="number"),
            html.Td(count(partition.end_offset), className="number"),
            html.Td(count(partition.lag), className="number"),
        ]
    )


def _consumer_state(partition: StreamPartition, now: datetime) -> Component:
    if is_consumer_active(partition, now):
        return html.Span("active", className="sender-state active")
    return html.Span(f"silent since {moment(partition.seen_at)}", className="sender-state bad")
