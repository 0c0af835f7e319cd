"""The facts of the status: how new each source is, the live model, senders and notifications."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import sqlalchemy as sa

from database.clock.clock import CADENCE, read_clock, usual_step
from database.delivery.senders import ACTIVE, SILENT, find_senders, sender_state
from database.engine import store_time
from database.notifications import FAILED, WAITING, has_come
from database.schema.tables import (
    disk_forecasts,
    flare_coverage,
    flares,
    models,
    notices,
    predictions,
    region_reports,
    regions,
    xray_flux,
)
from solar.status.facts import RECORDS, Facts, Source

# NOAA publishes its X-ray minutes some minutes late; ten without one are a gap.
XRAY_STEP = timedelta(minutes=5)
_FLARE_STEP = timedelta(hours=1)
_DAY = timedelta(days=1)
# An agency that has said nothing for so long has ended, and is named only if there is no other.
_AGENCY_LASTS = timedelta(days=7)
_MOST_AGENCIES = 4
# A notification is tried every two seconds, and again half a minute after a failure.
STUCK_AFTER = timedelta(minutes=10)
# A sender that was not heard for so long is no longer missed.
_SENDER_LASTS = _DAY
_MOST_SENDERS = 1_000


def read_facts(connection: sa.Connection, *, now: datetime) -> Facts:
    """Read what the status is judged by; `now` is the clock on the wall."""
    clock = read_clock(connection)
    sun_now = clock.now(store_time(connection)) if clock.is_replay else now
    model_id = connection.scalar(sa.select(models.c.model_id).where(models.c.stage == "live"))
    event_at = sun_now if clock.is_replay else None
    waiting, stuck, failed = _notifications(connection, now=now, event_at=event_at)
    ingest_at, active, silent = _senders(connection, now=now)
    return Facts(
        read_at=now,
        sun_now=sun_now,
        clock=clock,
        sources=_sources(connection, sun_now=sun_now),
        model_id=model_id,
        forecast_at=None if model_id is None else _forecast_at(connection, model_id),
        waiting=waiting,
        stuck=stuck,
        failed=failed,
        ingest_at=ingest_at,
        active=active,
        silent=silent,
    )


def _sources(connection: sa.Connection, *, sun_now: datetime) -> tuple[Source, ...]:
    newest = connection.scalar(sa.select(sa.func.max(regions.c.last_t_rec)))
    step = CADENCE if newest is None else usual_step(connection, newest)
    reported_at = connection.scalar(sa.select(sa.func.max(region_reports.c.observed_at)))
    return (
        Source(RECORDS, newest, step),
        _xrays(connection),
        Source("Flare list", _flares_until(connection), _FLARE_STEP),
        Source("Region reports", reported_at, _DAY),
        *_agencies(connection, sun_now=sun_now),
    )


def _xrays(connection: sa.Connection) -> Source:
    """Return the newest minute that was measured, named after its satellite."""
    table = xray_flux.c
    query = sa.select(table.minute_at, table.satellite).where(table.flux_w_m2.is_not(None))
    row = connection.execute(query.order_by(table.minute_at.desc()).limit(1)).first()
    if row is None:
        return Source("X-rays", None, XRAY_STEP)
    name = f"GOES-{row.satellite[1:]}" if row.satellite[:1] == "G" else row.satellite
    return Source(f"X-rays, {name}", row.minute_at, XRAY_STEP)


def _flares_until(connection: sa.Connection) -> datetime | None:
    """Return until when the list is complete or, where that is not known, its newest peak."""
    complete_to: datetime | None = connection.scalar(sa.select(sa.func.max(flare_coverage.c.to_at)))
    if complete_to is None:
        complete_to = connection.scalar(sa.select(sa.func.max(flares.c.peak_at)))
    return complete_to


def _agencies(connection: sa.Connection, *, sun_now: datetime) -> list[Source]:
    table = disk_forecasts.c
    newest = sa.func.max(table.valid_from).label("newest")
    query = sa.select(table.model_id, newest).group_by(table.model_id).order_by(newest.desc())
    rows = connection.execute(query.limit(_MOST_AGENCIES)).all()
    sources = [
        Source(f"{row.model_id.partition('@')[0]} forecast", row.newest, _DAY) for row in rows
    ]
    current = [one for one in sources if one.newest_at and sun_now - one.newest_at < _AGENCY_LASTS]
    return current or sources[:1]


def _forecast_at(connection: sa.Connection, model_id: str) -> datetime | None:
    query = sa.select(sa.func.max(predictions.c.t_rec)).where(predictions.c.model_id == model_id)
    newest: datetime | None = connection.scalar(query)
    return newest


def _notifications(
    connection: sa.Connection, *, now: datetime, event_at: datetime | None
) -> tuple[int, int, int]:
    """Count those that wait, those that have waited too long, and those given up in a day."""
    table = notices.c
    is_stuck = sa.and_(table.created_at < now - STUCK_AFTER, has_come(event_at))
    waiting = sa.select(sa.func.count(), sa.func.count(sa.case((is_stuck, 1))))
    count, stuck = connection.execute(waiting.where(table.state == WAITING)).one()
    failed = sa.select(sa.func.count()).where(table.state == FAILED, table.next_at > now - _DAY)
    return count, stuck, connection.scalar(failed) or 0


def _senders(connection: sa.Connection, *, now: datetime) -> tuple[datetime | None, int, int]:
    """Return when a sender was last heard, how many are active, and how many are silent."""
    heard = find_senders(connection, limit=_MOST_SENDERS)
    states = Counter(
        sender_state(one, now) for one in heard if one["last_seen_at"] >= now - _SENDER_LASTS
    )
    return heard[0]["last_seen_at"] if heard else None, states[ACTIVE], states[SILENT]
