"""Notifications: the outbox of messages, written in one commit with what they tell of.

The body of a message is the JSON that is signed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from database.alerts.alerts import Alert
from database.regions.regions import noaa_numbers
from database.schema.tables import notices, regions
from database.upsert import upsert
from solar.flares import event as find_event
from solar.time import isoformat

WAITING, SENT, DRY_RUN, FAILED = STATES = ("waiting", "sent", "dry-run", "failed")

# Longer than any sending takes; a worker that dies while sending is replaced after so long.
CLAIM_LASTS = timedelta(minutes=2)
# At most so many are tried while others claim at the same moment.
_CANDIDATES = 16
_LONGEST_ERROR = 255
_COLUMNS = (
    "notice_id",
    "alert_id",
    "change",
    "channel",
    "body",
    "state",
    "attempts",
    "created_at",
    "next_at",
)


@dataclass(frozen=True)
class Notification:
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


@dataclass(frozen=True)
class Message:
    """What is told: about which alert, level or flare, its change, and the rest of the body."""

    about: str
    change: str
    content: dict[str, Any]


def enqueue(
    connection: sa.Connection,
    changes: Sequence[tuple[Alert, str]],
    *,
    channels: Sequence[str],
    event_at: datetime,
    now: datetime,
) -> None:
    """Add a notification of each change of an alert on every channel; a known one stays.

    Parameters
    ----------
    event_at : the time of the Sun at the change, which a replay has of its own
    """
    if not changes or not channels:
        return
    numbers = noaa_ars_of(connection, {alert.region_id for alert, _ in changes})
    messages = [
        Message(
            alert.alert_id,
            change,
            _content(alert, numbers.get(alert.region_id, []), event_at=event_at),
        )
        for alert, change in changes
    ]
    enqueue_messages(connection, messages, channels=channels, now=now)


def enqueue_messages(
    connection: sa.Connection,
    messages: Sequence[Message],
    *,
    channels: Sequence[str],
    now: datetime,
) -> None:
    """Add a notification of each message on every channel; a known one stays."""
    rows = [_row(message, channel, now=now) for message in messages for channel in channels]
    # In the order of the key, so that two writers never wait for each other in a ring.
    upsert(connection, notices, columns=_COLUMNS, rows=sorted(rows), keep=_COLUMNS)


def _row(message: Message, channel: str, *, now: datetime) -> tuple[Any, ...]:
    # The body contains its own id, because only a signed id lets a receiver recognise a copy.
    notice_id = f"{message.about}.{message.change}.{channel}"
    body = {"notice_id": notice_id, "change": message.change, **message.content}
    text = json.dumps(body, allow_nan=False, separators=(",", ":"))
    return (notice_id, message.about, message.change, channel, text, WAITING, 0, now, now)


def _content(alert: Alert, noaa_ars: Sequence[int], *, event_at: datetime) -> dict[str, Any]:
    """Return the body of a notification but for its id and change, which was at `event_at`."""
    return {
        "alert_id": alert.alert_id,
        "changed_at": isoformat(event_at),
        "region": alert.region_id,
        "noaa_ars": list(noaa_ars),
        "model": alert.model_id,
        "event": alert.event,
        "window": find_event(alert.event).window.name,
        "severity": alert.severity,
        "state": alert.state,
        "probability": alert.last_probability,
        "threshold": alert.threshold,
        "opened_at": isoformat(alert.opened_at),
        "opened_probability": alert.opened_probability,
        "peak_at": isoformat(alert.peak_at),
        "peak_probability": alert.peak_probability,
        "closed_at": None if alert.closed_at is None else isoformat(alert.closed_at),
        "outcome": alert.outcome,
        "outcome_class": alert.outcome_class,
    }


def is_any_due(
    connection: sa.Connection, channel: str, *, now: datetime, event_at: datetime | None = None
) -> bool:
    """Tell whether `claim` would find something to do, without writing."""
    query = sa.select(notices.c.notice_id).where(_is_due(channel, now, event_at)).limit(1)
    return connection.execute(query).first() is not None


def claim(
    connection: sa.Connection, channel: str, *, now: datetime, event_at: datetime | None = None
) -> Notification | None:
    """Take the notification that is due longest; nobody else gets it before CLAIM_LASTS is over.

    In a replay `event_at` is the time of the Sun: what a later time concerns is not due.
    """
    table = notices.c
    is_due = _is_due(channel, now, event_at)
    query = sa.select(notices).where(is_due).order_by(table.next_at).limit(_CANDIDATES)
    for row in connection.execute(query).all():
        # For a second claimer the condition is false, since the first has moved `next_at`.
        taken = connection.execute(
            notices.update()
            .where(table.notice_id == row.notice_id, is_due)
            .values(next_at=now + CLAIM_LASTS, attempts=table.attempts + 1)
        )
        if taken.rowcount == 1:
            claimed = {"next_at": now + CLAIM_LASTS, "attempts": row.attempts + 1}
            return Notification(**{**row._mapping, **claimed})
    return None


def settle(connection: sa.Connection, notice: Notification, *, state: str, now: datetime) -> None:
    """Record that a claimed notification is done: sent, or not sent in a dry run."""
    table = notices.c
    connection.execute(
        notices.update()
        .where(table.notice_id == notice.notice_id)
        .values(state=state, sent_at=now if state == SENT else None, last_error=None)
    )


def postpone(
    connection: sa.Connection, notice: Notification, *, until: datetime | None, error: str
) -> None:
    """Record that a claimed notification was not delivered: due again, or failed (None)."""
    table = notices.c
    connection.execute(
        notices.update()
        # One that was claimed by another meanwhile is left to that claimer.
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


def requeue_failed(connection: sa.Connection, *, now: datetime) -> int:
    """Make all failed notifications due again, from the first attempt on; return how many."""
    renewed = notices.update().where(notices.c.state == FAILED)
    return connection.execute(renewed.values(state=WAITING, attempts=0, next_at=now)).rowcount


def pending(connection: sa.Connection, *, limit: int = 100) -> list[Notification]:
    """Return the notifications that wait to be delivered, the next one first."""
    return _in_state(connection, WAITING, order=notices.c.next_at.asc(), limit=limit)


def failed(connection: sa.Connection, *, limit: int = 100) -> list[Notification]:
    """Return the notifications that were given up, the latest first."""
    return _in_state(connection, FAILED, order=notices.c.next_at.desc(), limit=limit)


def has_come(event_at: datetime | None) -> sa.ColumnElement[bool]:
    """Tell whether a notification is of no later time of the Sun; in a replay some come early."""
    if event_at is None:
        return sa.true()
    body = sa.type_coerce(notices.c.body, sa.JSON)
    changed_at: sa.ColumnElement[str] = body["changed_at"].as_string()
    # As texts, of which those with parts of a second are less than those without.
    return changed_at <= isoformat(event_at.replace(microsecond=0))


def noaa_ars_of(connection: sa.Connection, region_ids: Iterable[int]) -> dict[int, list[int]]:
    """Return the known NOAA numbers of each region."""
    wanted = set(region_ids)
    query = sa.select(regions.c.region_id, regions.c.noaa_ars).where(
        regions.c.region_id.in_(sorted(wanted))
    )
    by_number = {-region_id: region_id for region_id in wanted if region_id < 0}
    numbers = {region_id: [noaa_ar] for noaa_ar, region_id in by_number.items()}
    return numbers | {
        region_id: noaa_numbers(text) for region_id, text in connection.execute(query)
    }


def notification_counts(connection: sa.Connection) -> dict[str, int]:
    """Return how many notifications there are in each state."""
    query = sa.select(notices.c.state, sa.func.count()).group_by(notices.c.state)
    return dict.fromkeys(STATES, 0) | {state: int(n) for state, n in connection.execute(query)}


def _is_due(channel: str, now: datetime, event_at: datetime | None) -> sa.ColumnElement[bool]:
    table = notices.c
    is_due = sa.and_(table.state == WAITING, table.channel == channel, table.next_at <= now)
    return sa.and_(is_due, has_come(event_at))


def _in_state(
    connection: sa.Connection, state: str, *, order: sa.UnaryExpression[datetime], limit: int
) -> list[Notification]:
    query = sa.select(notices).where(notices.c.state == state).order_by(order).limit(limit)
    return [Notification(**row) for row in connection.execute(query).mappings()]
