"""Senders: the rows that each has delivered, the progress of its own count, and its state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from database.clock.clock import SILENT_AFTER
from database.delivery.flow import COLUMNS as FLOW_COLUMNS
from database.delivery.flow import FlowValues, Traffic, flow_query, flow_rows
from database.delivery.row_outcomes import OUTCOMES, RowOutcomes
from database.delivery.sent_count import (
    SentCount,
    advance_count,
    advance_unordered_count,
    read_stretches,
    write_stretches,
)
from database.round_trips import (
    as_utc,
    forget_read_ahead,
    locking,
    name_literal,
    read,
    read_ahead,
)
from database.schema.tables import ingest_flow, senders, shard_leases
from database.upsert import upsert

ACTIVE, FINISHED, SILENT, TAKEN_OVER = "active", "finished", "silent", "taken over"

_COLUMNS = tuple(column.name for column in senders.columns)
_SENDERS = str(sa.select(senders))


def lost_rows(sender: Mapping[str, Any]) -> int | None:
    """Return how many sent rows never arrived; None when the sender does not count."""
    if sender["sent"] is None:
        return None
    return max(0, int(sender["sent"]) - sum(int(sender[name]) for name in OUTCOMES))


@dataclass(frozen=True)
class Delivery:
    """What became of one request of a sender, and what the sender says of it.

    Parameters
    ----------
    sequence : the running number of the request; the stored one never goes back
    sent : rows that the sender has sent up to and including this request
    spooled : rows that wait at the sender behind this request
    """

    sender_id: str
    outcomes: RowOutcomes
    sequence: int | None = None
    sent: int | None = None
    spooled: int | None = None


def record_deliveries(
    connection: sa.Connection,
    deliveries: Sequence[Delivery],
    *,
    now: datetime,
    in_order: bool = True,
) -> None:
    """Add requests to the counters of their senders and to the flow of this minute.

    Parameters
    ----------
    in_order : whether the requests of a sender arrive as it sends them; else no row of these
        was sent before, and `sent` is the highest count of any row
    """
    names = sorted({delivery.sender_id for delivery in deliveries})
    known, flow = _locked(connection, names, now=now)
    traffic = {name: Traffic() for name in names}
    for delivery in deliveries:
        row = known[delivery.sender_id]
        counts = _advance(row, delivery, in_order=in_order)
        row |= {"last_seen_at": now, "spooled": delivery.spooled, "finished_at": None}
        traffic[delivery.sender_id].add(counts, delivery.outcomes)
    rows = [[known[name][column] for column in _COLUMNS] for name in names]
    upsert(connection, senders, columns=_COLUMNS, rows=rows)
    upsert(connection, ingest_flow, columns=FLOW_COLUMNS, rows=flow_rows(flow, traffic, now=now))


def _advance(row: dict[str, Any], delivery: Delivery, *, in_order: bool) -> dict[str, int]:
    """Add one request to the row of its sender; return what it adds to the flow."""
    outcomes = delivery.outcomes
    received = sum(row[name] for name in OUTCOMES)
    follow = advance_count if in_order else advance_unordered_count
    count = SentCount(row["sent"], row["sent_before"], read_stretches(row["missing"]))
    count, repeated = follow(count, delivery.sent, n=len(outcomes), received=received)
    counted, late = outcomes.counts(repeated=repeated), outcomes.late(repeated=repeated)
    counts = {**vars(counted), "late": late}
    sequences = [s for s in (row["last_sequence"], delivery.sequence) if s is not None]
    row |= {name: row[name] + n for name, n in counts.items()}
    row |= {
        "last_sequence": max(sequences, default=None),
        "sent": count.total,
        "sent_before": count.before,
        "missing": write_stretches(count.missing),
    }
    return {**counts, "requests": 1, "predictions": outcomes.predictions}


def sender_count(connection: sa.Connection, sender_id: str) -> tuple[int, int]:
    """Return a sender's own count: the rows it has sent, and the number of its last batch."""
    query = sa.select(senders.c.sent, senders.c.sent_before, senders.c.last_sequence)
    row = connection.execute(query.where(senders.c.sender_id == sender_id)).first()
    if row is None:
        return 0, 0
    return (row.sent or row.sent_before) - row.sent_before, row.last_sequence or 0


def list_senders(
    connection: sa.Connection, *, limit: int, after: str | None = None
) -> list[dict[str, Any]]:
    """Read the senders by name; `taken_over_by` are those that took over their shards."""
    query = sa.select(senders).order_by(senders.c.sender_id).limit(limit)
    if after is not None:
        query = query.where(senders.c.sender_id > after)
    return _with_takeovers(connection, query)


def find_senders(
    connection: sa.Connection, *, named: str | None = None, containing: str = "", limit: int
) -> list[dict[str, Any]]:
    """Read the sender of a name, or those whose name contains a text, the last heard first."""
    if not f"{named or containing}".isascii():
        return []  # no sender may have such a name, and MariaDB refuses to compare it
    name = senders.c.sender_id
    is_found = name.icontains(containing, autoescape=True) if named is None else name == named
    ordered = sa.select(senders).where(is_found).order_by(senders.c.last_seen_at.desc(), name)
    return _with_takeovers(connection, ordered.limit(limit))


def _with_takeovers(connection: sa.Connection, query: sa.Select[Any]) -> list[dict[str, Any]]:
    rows = [dict(row) for row in connection.execute(query).mappings()]
    lost, taken = shard_leases.c.lost_by, shard_leases.c.taken_by
    took_over = sa.select(lost, taken).where(taken.is_not(None)).distinct()
    by_sender: dict[str, set[str]] = {}
    for name, other in connection.execute(took_over):
        by_sender.setdefault(name, set()).add(other)
    return [
        row | {"taken_over_by": sorted(by_sender.get(row["sender_id"], set()) - {row["sender_id"]})}
        for row in rows
    ]


def sender_state(sender: Mapping[str, Any], now: datetime) -> str:
    """Return the state of a sender of `list_senders` at a time of the clock on the wall."""
    if sender["finished_at"] is not None:
        return FINISHED
    if now - sender["last_seen_at"] <= SILENT_AFTER:
        return ACTIVE
    return TAKEN_OVER if sender["taken_over_by"] else SILENT


def record_heartbeat(
    connection: sa.Connection, sender_id: str, *, is_finished: bool, now: datetime
) -> None:
    """Note that a sender is there, or that it has finished, beside what it delivers."""
    upsert(connection, senders, columns=_COLUMNS, rows=[_blank(sender_id, now)], keep=_COLUMNS)
    values = {"last_seen_at": now, "finished_at": now if is_finished else None}
    connection.execute(senders.update().where(senders.c.sender_id == sender_id).values(values))


def sender_activity(connection: sa.Connection, *, since: datetime) -> tuple[datetime | None, int]:
    """Return the time of the last request, and how many senders were active `since`."""
    at = senders.c.last_seen_at
    active = sa.func.count(sa.case((at >= since, 1)))
    last_at, n_active = connection.execute(sa.select(sa.func.max(at), active)).one()
    return last_at, n_active


def _locked(
    connection: sa.Connection, names: Sequence[str], *, now: datetime
) -> tuple[dict[str, dict[str, Any]], FlowValues]:
    """Read senders by name, locked with their rows of the flow at `now`."""
    asked = delivery_queries(connection, names, now=now)
    read_ahead(connection, asked)
    known = [_sender(row) for row in read(connection, asked[0])]
    if missing := sorted(set(names) - {row["sender_id"] for row in known}):
        # Of two concurrent first requests one waits here for the other, then both add up.
        rows = [_blank(name, now) for name in missing]
        upsert(connection, senders, columns=_COLUMNS, rows=rows, keep=_COLUMNS)
        forget_read_ahead(connection)
        read_ahead(connection, asked)
        known = [_sender(row) for row in read(connection, asked[0])]
    flow = {(row[0], row[1]): row[2:] for row in read(connection, asked[1])}
    return {row["sender_id"]: row for row in known}, flow


def _blank(sender_id: str, now: datetime) -> list[Any]:
    """Return the row of a sender that has delivered nothing yet."""
    zeros = dict.fromkeys((*OUTCOMES, "late", "sent_before"), 0)
    blank = {"sender_id": sender_id, "first_seen_at": now, "last_seen_at": now, **zeros}
    return [blank.get(name) for name in _COLUMNS]


def _sender(row: Sequence[Any]) -> dict[str, Any]:
    sender = dict(zip(_COLUMNS, row, strict=True))
    return sender | {name: as_utc(sender[name]) for name in ("first_seen_at", "last_seen_at")}


def delivery_queries(
    connection: sa.Connection, names: Sequence[str], *, now: datetime
) -> list[str]:
    """Return what `record_deliveries` asks, to be read ahead.

    Senders in the order of their names, and their rows of the flow, which nobody else changes
    while the senders are locked.
    """
    is_asked = f"sender_id IN ({','.join(map(name_literal, names))})"
    return [
        f"{_SENDERS} WHERE {is_asked}{locking(connection)}",
        flow_query(is_asked, now=now),
    ]
