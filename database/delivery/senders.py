"""Senders: the rows that each has delivered, and the progress of its own count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from database.delivery.flow import COLUMNS as FLOW_COLUMNS
from database.delivery.flow import FLOW_VALUES, SPANS, flow_rows, span_starts
from database.delivery.row_outcomes import OUTCOMES, RowOutcomes
from database.delivery.sent_count import (
    SentCount,
    advance_count,
    advance_unordered_count,
    read_stretches,
    write_stretches,
)
from database.schema.columns import UtcDateTime
from database.schema.tables import ingest_flow, senders
from database.upsert import batched_writes, upsert

_COLUMNS = tuple(column.name for column in senders.columns)


def lost_rows(sender: Mapping[str, Any]) -> int | None:
    """Return how many sent rows never arrived; None when the sender does not count."""
    if sender["sent"] is None:
        return None
    return max(0, int(sender["sent"]) - sum(int(sender[name]) for name in OUTCOMES))


def record_delivery(
    connection: sa.Connection,
    sender_id: str,
    outcomes: RowOutcomes,
    *,
    sequence: int | None,
    sent: int | None,
    now: datetime,
    spooled: int | None = None,
    in_order: bool = True,
) -> None:
    """Add one request to the counters of its sender and to the flow of its minute.

    Parameters
    ----------
    sequence : the running number of the batch; the stored one never goes back
    sent : rows that the sender has sent up to and including this request
    spooled : rows that wait at the sender behind this request
    in_order : whether the requests of a sender arrive as it sends them; else no row of this one
        was sent before, and `sent` is the highest count of any row
    """
    known, flow = _locked(connection, sender_id, now=now)
    received = sum(known[name] for name in OUTCOMES)
    follow = advance_count if in_order else advance_unordered_count
    count = SentCount(known["sent"], known["sent_before"], read_stretches(known["missing"]))
    count, repeated = follow(count, sent, n=len(outcomes), received=received)
    counted, late = outcomes.counts(repeated=repeated), outcomes.late(repeated=repeated)
    by_outcome = {name: getattr(counted, name) for name in OUTCOMES}
    sequences = [s for s in (known["last_sequence"], sequence) if s is not None]
    row = {
        **known,
        **{name: known[name] + by_outcome[name] for name in OUTCOMES},
        "late": known["late"] + late,
        "last_seen_at": now,
        "last_sequence": max(sequences, default=None),
        "sent": count.total,
        "sent_before": count.before,
        "missing": write_stretches(count.missing),
        "spooled": spooled,
    }
    counts = {**by_outcome, "late": late, "requests": 1, "predictions": outcomes.predictions}
    rows = flow_rows(flow, sender_id, counts, outcomes, now=now)
    with batched_writes(connection):
        upsert(connection, senders, columns=_COLUMNS, rows=[[row[name] for name in _COLUMNS]])
        upsert(connection, ingest_flow, columns=FLOW_COLUMNS, rows=rows)


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
    """Read the senders by name."""
    query = sa.select(senders).order_by(senders.c.sender_id).limit(limit)
    if after is not None:
        query = query.where(senders.c.sender_id > after)
    return [dict(row) for row in connection.execute(query).mappings()]


def sender_activity(connection: sa.Connection, *, since: datetime) -> tuple[datetime | None, int]:
    """Return the time of the last request, and how many senders were active `since`."""
    at = senders.c.last_seen_at
    active = sa.func.count(sa.case((at >= since, 1)))
    last_at, n_active = connection.execute(sa.select(sa.func.max(at), active)).one()
    return last_at, n_active


def _locked(
    connection: sa.Connection, sender_id: str, *, now: datetime
) -> tuple[dict[str, Any], dict[int, Sequence[Any]]]:
    """Read a sender with its rows of the flow at `now`, both locked."""
    row_with_flow = _find(connection, sender_id, now=now)
    if row_with_flow is None:
        # Of two concurrent first requests one waits here for the other, then both add up.
        zeros = dict.fromkeys((*OUTCOMES, "late", "sent_before"), 0)
        blank = {"sender_id": sender_id, "first_seen_at": now, "last_seen_at": now, **zeros}
        row = [blank.get(name) for name in _COLUMNS]
        upsert(connection, senders, columns=_COLUMNS, rows=[row], keep=_COLUMNS)
        row_with_flow = _find(connection, sender_id, now=now)
    values = list(row_with_flow or ())
    width = len(FLOW_VALUES)
    starts = range(len(_COLUMNS), len(values), width)
    return dict(zip(_COLUMNS, values[: len(_COLUMNS)], strict=True)), {
        span: values[start : start + width] for span, start in zip(SPANS, starts, strict=True)
    }


def _find(connection: sa.Connection, sender_id: str, *, now: datetime) -> sa.Row[Any] | None:
    starts = {f"start_{span}": at for span, at in span_starts(now).items()}
    return connection.execute(_WITH_FLOW, {"sender": sender_id, **starts}).first()


def _with_flow() -> sa.Select[Any]:
    """Select a sender and its row of each length, each by its whole key."""
    source: sa.FromClause = senders
    values: list[sa.ColumnElement[Any]] = list(senders.columns)
    for span in SPANS:
        row = ingest_flow.alias(f"flow_{span}")
        start_at = sa.bindparam(f"start_{span}", type_=UtcDateTime)
        key = (row.c.span_seconds == span, row.c.start_at == start_at)
        source = sa.outerjoin(source, row, sa.and_(*key, row.c.sender_id == senders.c.sender_id))
        values += [row.c[name] for name in FLOW_VALUES]
    chosen = senders.c.sender_id == sa.bindparam("sender")
    return sa.select(*values).select_from(source).where(chosen).with_for_update()


_WITH_FLOW = _with_flow()
