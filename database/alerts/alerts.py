"""Alerts: what was raised for a region, who has acknowledged it, and its outcome."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from database.people.audit import record
from database.people.principal import Principal
from database.schema.tables import alerts
from database.upsert import upsert
from solar.errors import NotFoundError
from solar.time import Window

OPEN, ACKNOWLEDGED, CLOSED = "open", "acknowledged", "closed"
STATES = (OPEN, ACKNOWLEDGED, CLOSED)
CONFIRMED, FALSE_ALARM, MISSED, UNKNOWN = "confirmed", "false alarm", "missed", "unknown"
OUTCOMES = (CONFIRMED, FALSE_ALARM, MISSED, UNKNOWN)

COLUMNS = tuple(column.name for column in alerts.columns)
# Columns that later forecasts must not overwrite: the time of raising, and those that people and
# the flare list set.
_KEPT = (
    "raised_at",
    "acknowledged_at",
    "acknowledged_by",
    "comment",
    "outcome",
    "outcome_class",
    "outcome_at",
)
_KEYS_PER_QUERY = 500

Place = tuple[datetime, str]


@dataclass(frozen=True)
class Alert:
    """One alert; the fields are the columns of the table.

    A missed flare is a closed alert with the outcome ``missed``: `opened_at` is its peak and
    the probabilities are those of the last forecast before it.
    """

    alert_id: str
    region_id: int
    model_id: str
    event: str
    state: str
    severity: str
    threshold: float
    off_threshold: float
    opened_at: datetime
    opened_probability: float | None
    peak_at: datetime
    peak_probability: float | None
    last_probability: float | None
    last_over_at: datetime
    raised_at: datetime
    changed_at: datetime
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    comment: str | None = None
    closed_at: datetime | None = None
    outcome: str | None = None
    outcome_class: str | None = None
    outcome_at: datetime | None = None


def alert_id(model_id: str, event: str, region_id: int, at: datetime, *, kind: str = "") -> str:
    """Return the id of an alert, made from its subject so that every process finds the same.

    `kind` marks what is no opening: ``missed``.
    """
    region = f"harp{region_id}" if region_id > 0 else f"noaa{-region_id}"
    model = hashlib.sha256(model_id.encode()).hexdigest()[:8]
    when = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    # A slash would end the part of an address that names the alert.
    return "-".join(filter(None, (event.replace("/", "-"), region, when, model, kind)))


def list_alerts(
    connection: sa.Connection,
    *,
    window: Window | None = None,
    states: Sequence[str] = (),
    or_acknowledged_since: datetime | None = None,
    region_id: int | None = None,
    events: Sequence[str] = (),
    limit: int,
    after: Place | None = None,
) -> list[Alert]:
    """Return up to `limit` alerts, the newest opened first.

    Parameters
    ----------
    window : only alerts that opened in it
    states : only alerts in one of these; empty is all
    or_acknowledged_since : with `states`, also alerts that were acknowledged after this time
    events : only alerts of one of these, such as ``M1.0`` and ``M1.0/6h``; empty is all
    after : opening and id of the last one already read
    """
    query = sa.select(alerts)
    if window is not None:
        query = query.where(
            alerts.c.opened_at >= window.start_at, alerts.c.opened_at < window.end_at
        )
    if states:
        kept = [] if or_acknowledged_since is None else [or_acknowledged_since]
        acknowledged = (alerts.c.acknowledged_at > since for since in kept)
        query = query.where(sa.or_(alerts.c.state.in_(list(states)), *acknowledged))
    if region_id is not None:
        query = query.where(alerts.c.region_id == region_id)
    if events:
        query = query.where(alerts.c.event.in_(list(events)))
    if after is not None:
        at, last = after
        earlier = sa.and_(alerts.c.opened_at == at, alerts.c.alert_id > last)
        query = query.where(alerts.c.opened_at <= at, sa.or_(alerts.c.opened_at < at, earlier))
    ordered = query.order_by(alerts.c.opened_at.desc(), alerts.c.alert_id).limit(limit)
    return [Alert(*row) for row in connection.execute(ordered)]


def find_alert(connection: sa.Connection, alert_id: str) -> Alert:
    """Return one alert."""
    return _one_alert(connection, sa.select(alerts).where(alerts.c.alert_id == alert_id), alert_id)


def _one_alert(connection: sa.Connection, query: sa.Select[Any], name: str) -> Alert:
    row = connection.execute(query).first()
    if row is None:
        raise NotFoundError(f"no alert {name!r}; GET /api/v1/alerts lists them")
    return Alert(*row)


def acknowledge(
    connection: sa.Connection,
    who: Principal,
    alert_id: str,
    *,
    comment: str | None,
    now: datetime,
) -> Alert:
    """Record who has acknowledged an alert; the first one stays.

    A closed alert stays closed.
    """
    query = sa.select(alerts).where(alerts.c.alert_id == alert_id).with_for_update()
    known = _one_alert(connection, query, alert_id)
    if known.acknowledged_at is not None:
        return known
    values = {
        "state": ACKNOWLEDGED if known.state == OPEN else known.state,
        "acknowledged_at": now,
        "acknowledged_by": who.name,
        "comment": comment,
        "changed_at": now,
    }
    connection.execute(alerts.update().where(alerts.c.alert_id == alert_id).values(values))
    record(connection, who, "acknowledged", "alert", alert_id, after=comment, now=now)
    return find_alert(connection, alert_id)


def locked_alerts(connection: sa.Connection, alert_ids: Sequence[str]) -> dict[str, Alert]:
    """Return these alerts by id, locked until the transaction ends; unknown ones are absent."""
    locked: dict[str, Alert] = {}
    for start in range(0, len(alert_ids), _KEYS_PER_QUERY):
        chunk = alert_ids[start : start + _KEYS_PER_QUERY]
        query = sa.select(alerts).where(alerts.c.alert_id.in_(chunk)).with_for_update()
        locked |= {row.alert_id: Alert(*row) for row in connection.execute(query)}
    return locked


def write_alerts(connection: sa.Connection, rows: Sequence[Alert]) -> None:
    """Write alerts made from forecasts; acknowledgement and outcome of a known one stay."""
    values = [[getattr(alert, name) for name in COLUMNS] for alert in rows]
    upsert(connection, alerts, columns=COLUMNS, rows=values, keep=_KEPT)


def is_any_open(connection: sa.Connection, region_id: int, events: Sequence[str]) -> bool:
    """Tell whether an alert of one of the events is open for the region."""
    query = sa.select(alerts.c.alert_id).where(
        alerts.c.region_id == region_id,
        alerts.c.event.in_(list(events)),
        alerts.c.state.in_((OPEN, ACKNOWLEDGED)),
    )
    return connection.execute(query.limit(1)).first() is not None


def count_outcomes(
    connection: sa.Connection, *, window: Window, region_id: int | None = None
) -> dict[tuple[str, str | None], int]:
    """Count the alerts that opened in `window` by event and outcome; None is not judged yet."""
    query = (
        sa.select(alerts.c.event, alerts.c.outcome, sa.func.count())
        .where(alerts.c.opened_at >= window.start_at, alerts.c.opened_at < window.end_at)
        .group_by(alerts.c.event, alerts.c.outcome)
    )
    if region_id is not None:
        query = query.where(alerts.c.region_id == region_id)
    return {(event, outcome): int(n) for event, outcome, n in connection.execute(query)}


def next_opened_at(
    connection: sa.Connection, *, after: datetime, until: datetime
) -> datetime | None:
    """Return when the first alert opened later than `after`, up to `until`; None without one."""
    opened = alerts.c.opened_at
    was_raised = sa.func.coalesce(alerts.c.outcome, "") != MISSED
    query = sa.select(sa.func.min(opened)).where(opened > after, opened <= until, was_raised)
    first: datetime | None = connection.scalar(query)
    return first


def first_opened_at(connection: sa.Connection) -> datetime | None:
    """Return when the oldest alert opened, None before the first one."""
    first: datetime | None = connection.scalar(sa.select(sa.func.min(alerts.c.opened_at)))
    return first
