"""Notices: the outbox of what people are to be told, written with the alerts in one commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from database.alerts.announcement import announcement, noaa_ars_of
from database.tables import notices
from database.upsert import upsert

if TYPE_CHECKING:
    from database.alerts.alert import Alert

WAITING, SENT, DRY_RUN, FAILED = STATES = ("waiting", "sent", "dry-run", "failed")

# Longer than any sending takes; whoever dies while sending is stood in for after so long.
LEASE = timedelta(minutes=2)
# So many are tried when others are claiming at the same moment.
_CANDIDATES = 16
_LONGEST_ERROR = 255
_COLUMNS = ("notice_id", "alert_id", "change", "channel", "body", "state", "attempts",
            "created_at", "next_at")  # fmt: skip


@dataclass(frozen=True)
class Notice:
    """One message to one channel; a claimed one belongs to its claimer until `next_at`.

    `attempts` counts the deliveries that were begun; `sent_at` is None until one succeeded.
    """

    notice_id: str
    alert_id: str
    change: str
    channel: str
    body: str
    state: str
    attempts: int
    created_at: datetime
    next_at: datetime
    sent_at: datetime | None
    last_error: str | None


def enqueue(
    connection: sa.Connection,
    changes: Sequence[tuple[Alert, str]],
    *,
    channels: Sequence[str],
    now: datetime,
) -> None:
    """Have each change of an alert told on every channel; one that is known stays as it is."""
    if not changes or not channels:
        return
    numbers = noaa_ars_of(connection, {alert.region_id for alert, _ in changes})
    rows = [
        _row(alert, change, channel, noaa_ars=numbers.get(alert.region_id, []), now=now)
        for alert, change in changes
        for channel in channels
    ]
    # In the order of the key, so that two writers never wait for each other in a ring.
    upsert(connection, notices, columns=_COLUMNS, rows=sorted(rows), keep=_COLUMNS)


def _row(
    alert: Alert, change: str, channel: str, *, noaa_ars: Sequence[int], now: datetime
) -> tuple[Any, ...]:
    notice_id = f"{alert.alert_id}.{change}.{channel}"
    body = announcement(alert, change, notice_id=notice_id, noaa_ars=noaa_ars, now=now)
    return (notice_id, alert.alert_id, change, channel, body, WAITING, 0, now, now)


def is_any_due(connection: sa.Connection, channel: str, *, now: datetime) -> bool:
    """Tell whether `claim` would find something to do, without writing."""
    query = sa.select(notices.c.notice_id).where(_is_due(channel, now)).limit(1)
    return connection.execute(query).first() is not None


def claim(connection: sa.Connection, channel: str, *, now: datetime) -> Notice | None:
    """Take the notice that is due longest, so that nobody else sends it before LEASE is over."""
    table = notices.c
    is_due = _is_due(channel, now)
    query = sa.select(notices).where(is_due).order_by(table.next_at).limit(_CANDIDATES)
    for row in connection.execute(query).all():
        # Whoever comes second finds the condition false, since the first has moved `next_at`.
        taken = connection.execute(
            notices.update()
            .where(table.notice_id == row.notice_id, is_due)
            .values(next_at=now + LEASE, attempts=table.attempts + 1)
        )
        if taken.rowcount == 1:
            claimed = {"next_at": now + LEASE, "attempts": row.attempts + 1}
            return Notice(**{**row._mapping, **claimed})
    return None


def settle(connection: sa.Connection, notice: Notice, *, state: str, now: datetime) -> None:
    """Note that a claimed notice needs nothing more: it is sent, or would have been."""
    table = notices.c
    connection.execute(
        notices.update()
        .where(table.notice_id == notice.notice_id)
        .values(state=state, sent_at=now if state == SENT else None, last_error=None)
    )


def postpone(
    connection: sa.Connection, notice: Notice, *, until: datetime | None, error: str
) -> None:
    """Note that a claimed notice was not delivered: it is due again, or has failed (None)."""
    table = notices.c
    connection.execute(
        notices.update()
        # Whoever has claimed it meanwhile knows better.
        .where(
            table.notice_id == notice.notice_id,
            table.state == WAITING,
            table.next_at == notice.next_at,
        )
        .values(
            state=FAILED if until is None else WAITING,
            next_at=until or notice.next_at,
            last_error=error[:_LONGEST_ERROR],
        )
    )


def revive(connection: sa.Connection, *, now: datetime) -> int:
    """Have all failed notices delivered after all, from the first attempt on; return how many."""
    renewed = notices.update().where(notices.c.state == FAILED)
    return connection.execute(renewed.values(state=WAITING, attempts=0, next_at=now)).rowcount


def pending(connection: sa.Connection, *, limit: int = 100) -> list[Notice]:
    """Return what waits to be delivered, the next one first."""
    return _in_state(connection, WAITING, order=notices.c.next_at.asc(), limit=limit)


def failed(connection: sa.Connection, *, limit: int = 100) -> list[Notice]:
    """Return what was given up, the latest first."""
    return _in_state(connection, FAILED, order=notices.c.next_at.desc(), limit=limit)


def notice_counts(connection: sa.Connection) -> dict[str, int]:
    """Return how many notices stand in each state."""
    query = sa.select(notices.c.state, sa.func.count()).group_by(notices.c.state)
    return dict.fromkeys(STATES, 0) | {state: int(n) for state, n in connection.execute(query)}


def _is_due(channel: str, now: datetime) -> sa.ColumnElement[bool]:
    table = notices.c
    return sa.and_(table.state == WAITING, table.channel == channel, table.next_at <= now)


def _in_state(
    connection: sa.Connection, state: str, *, order: sa.UnaryExpression[datetime], limit: int
) -> list[Notice]:
    query = sa.select(notices).where(notices.c.state == state).order_by(order).limit(limit)
    return [Notice(**row) for row in connection.execute(query).mappings()]
