"""Notices of the nowcast: a level of radio blackout reached, and a strong flare that has ended.

They are written with the minutes that tell them, in one commit, each once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from database.notifications import Message, enqueue_messages
from database.nowcast.nowcast import NowcastEvent
from database.nowcast.stored_minutes import read_minutes
from database.schema.tables import notices
from solar.flare_detection import ENDED, MINUTE, R_SCALE, XrayMinute, flux_scale_of, r_scale
from solar.flares import goes_class
from solar.time import isoformat

LEVEL, FLARE = "level", "flare"
# Minutes and flares that come in later are no news.
NEWS = timedelta(hours=3)
# A level is left when so many good minutes in a row lie below this share of it.
_QUIET_MINUTES, _QUIET_SHARE = 10, 0.5
_LONGEST_EPISODE = timedelta(days=1)
_STAMP = "%Y%m%dT%H%MZ"


@dataclass(frozen=True)
class Audience:
    """Who is told, over which channels; the time of the Sun, and that on the wall."""

    channels: Sequence[str]
    now: datetime
    wall: datetime


def tell(
    connection: sa.Connection,
    strong: Iterable[XrayMinute],
    changed: Iterable[NowcastEvent],
    *,
    audience: Audience,
) -> None:
    """Add the notices that changed minutes and events give rise to.

    Parameters
    ----------
    strong : minutes at R1 and above, in order
    """
    if not audience.channels:
        return
    since = audience.now - NEWS
    for event in changed:
        known_at = event.end_known_at
        if event.state == ENDED and event.r_scale and known_at and known_at >= since:
            _enqueue(connection, _flare_message(event), audience)
    for minute in strong:
        if minute.minute_at >= since:
            _tell_level(connection, minute, audience)


def _enqueue(connection: sa.Connection, message: Message, audience: Audience) -> None:
    enqueue_messages(connection, [message], channels=audience.channels, now=audience.wall)


def _flare_message(event: NowcastEvent) -> Message:
    content = {
        "changed_at": _text(event.end_known_at),
        "event_id": event.event_id,
        "severity": event.r_scale,
        "goes_class": event.goes_class,
        "peak_flux_w_m2": event.peak_flux_w_m2,
        "flux_scale": event.flux_scale,
        "satellite": event.satellite,
        "start_at": _text(event.start_at),
        "peak_at": _text(event.peak_at),
        "end_at": _text(event.end_at),
    }
    return Message(event.event_id, FLARE, content)


def _text(at: datetime | None) -> str | None:
    return None if at is None else isoformat(at)


def _tell_level(connection: sa.Connection, minute: XrayMinute, audience: Audience) -> None:
    flux = minute.flux_w_m2 or 0.0
    level = r_scale(flux)
    if level is None or _is_told(connection, level, minute.minute_at):
        return
    content: dict[str, Any] = {
        "changed_at": isoformat(minute.minute_at),
        "severity": level,
        "goes_class": goes_class(flux),
        "flux_w_m2": flux,
        "flux_scale": flux_scale_of(minute.satellite).value,
        "satellite": minute.satellite,
    }
    message = Message(f"level-{level}-{minute.minute_at:{_STAMP}}", LEVEL, content)
    _enqueue(connection, message, audience)


def _is_told(connection: sa.Connection, level: str, at: datetime) -> bool:
    """Tell whether the level, or a higher one, was told in the episode that `at` belongs to."""
    names = [name for name, _ in R_SCALE]
    least = dict(R_SCALE)[level]
    told = [
        told_at
        for name in names[: names.index(level) + 1]
        for told_at in _told_near(connection, name, at)
    ]
    return any(not _was_left(connection, min(at, one), max(at, one), least=least) for one in told)


def _told_near(connection: sa.Connection, level: str, at: datetime) -> list[datetime]:
    """Return the minutes of the last notice of a level up to `at`, and of the first after it."""
    prefix = f"level-{level}-"
    about = notices.c.alert_id
    query = sa.select(about).limit(1)
    key = f"{prefix}{at:{_STAMP}}"
    earlier = query.where(about >= prefix, about <= key).order_by(about.desc())
    later = query.where(about > key, about < f"{prefix}~").order_by(about)
    found = [connection.scalar(earlier), connection.scalar(later)]
    zone = at.tzinfo
    return [
        datetime.strptime(text.removeprefix(prefix), _STAMP).replace(tzinfo=zone)
        for text in found
        if text is not None
    ]


def _was_left(
    connection: sa.Connection, start_at: datetime, end_at: datetime, *, least: float
) -> bool:
    """Tell whether the flux stayed low for long enough between two times to leave a level."""
    low = 0
    start_at = max(start_at, end_at - _LONGEST_EPISODE)
    for minute in read_minutes(connection, start_at, end_at + MINUTE):
        if minute.is_good and minute.flux_w_m2:
            low = low + 1 if minute.flux_w_m2 < _QUIET_SHARE * least else 0
        if low >= _QUIET_MINUTES:
            return True
    return False
