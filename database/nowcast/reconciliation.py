"""Reconciliation: the flares that were seen in the X-rays, compared with the flare list.

The list is the truth, and what was seen is not: nothing here changes the list.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa

from database.engine import reading, transact
from database.flares.coverage import covered_windows
from database.nowcast.detection import write_events
from database.nowcast.nowcast import CONFIRMED, FIELDS, UNCONFIRMED, NowcastEvent, as_computed
from database.schema.nowcast_tables import nowcast_events, nowcast_version
from database.schema.tables import flare_list_version, flares
from database.version_cache import read_version
from solar.flares import peak_flux
from solar.time import Window

# The list and the minutes agree on a peak to so much.
SAME_PEAK = timedelta(minutes=3)
_SAME_CLASS = 0.1
# A flare that the list does not have so long after its end will not come.
_LISTED_WITHIN = timedelta(days=1)
# Of a flare without an end.
_LONGEST = timedelta(hours=12)
_MOST = 100_000
# The list may still tell of flares that are no older, which includes that it has none.
_RECENT = timedelta(days=3)
_LONGEST_COMMIT = timedelta(minutes=10)


@dataclass(frozen=True)
class Listed:
    """A flare of the list; without an end it has that of its peak."""

    flare_id: str
    start_at: datetime
    peak_at: datetime
    end_at: datetime
    peak_flux_w_m2: float
    flux_scale: str


def reconcile(connection: sa.Connection, *, now: datetime, since: datetime | None = None) -> int:
    """Compare events that are over with what the list has up to `now`; return how many changed.

    An event is the listed flare whose peak is nearest, within 3 min; otherwise one that overlaps
    and whose class is the same within 10 %. A listed flare is one event at most.

    Parameters
    ----------
    since : leave alone what began before
    """
    # Whoever stores minutes changes the events too.
    connection.execute(sa.select(nowcast_version.c.version).with_for_update())
    events = _events(connection, now, since)
    if not events:
        return 0
    listed = _listed(connection, Window(events[0].start_at - _LONGEST, now), since)
    matches = match(events, listed)
    covered = covered_windows(connection)
    changed = []
    for event in events:
        told = _told(event, matches.get(event.event_id), covered, now=now)
        if told != event:
            changed.append(replace(told, revision=event.revision + 1))
    write_events(connection, changed)
    return len(changed)


def _events(connection: sa.Connection, now: datetime, since: datetime | None) -> list[NowcastEvent]:
    table = nowcast_events.c
    query = sa.select(*(table[name] for name in FIELDS)).where(table.end_known_at <= now)
    if since is not None:
        query = query.where(table.start_at >= since)
    ordered = query.order_by(table.start_at.desc()).limit(_MOST)
    return [NowcastEvent(*row) for row in reversed(connection.execute(ordered).all())]


def _listed(connection: sa.Connection, window: Window, since: datetime | None) -> list[Listed]:
    """Return the listed flares of a window that are over, but for those of earlier events."""
    table = flares.c
    end_at = sa.func.coalesce(table.end_at, table.peak_at, type_=table.end_at.type)
    query = sa.select(
        table.flare_id, table.start_at, table.peak_at, end_at, table.peak_flux_w_m2,
        table.flux_scale,
    ).where(
        table.peak_at >= window.start_at, table.peak_at <= window.end_at, end_at <= window.end_at
    )  # fmt: skip
    if since is not None:
        earlier = nowcast_events.c.start_at < since, nowcast_events.c.start_at >= window.start_at
        is_theirs = sa.exists().where(nowcast_events.c.flare_id == table.flare_id, *earlier)
        query = query.where(~is_theirs)
    return [Listed(*row) for row in connection.execute(query.order_by(table.peak_at))]


def match(events: Sequence[NowcastEvent], listed: Sequence[Listed]) -> dict[str, Listed]:
    """Return the listed flare of each event that has one; the nearest peaks are matched first."""
    matches: dict[str, Listed] = {}
    for is_alike, reach in ((_has_peak, SAME_PEAK), (_overlaps, _LONGEST)):
        taken = {flare.flare_id for flare in matches.values()}
        left = [event for event in events if event.event_id not in matches]
        pairs = [
            (abs(event.peak_at - flare.peak_at), -flare.peak_flux_w_m2, event.event_id, flare)
            for event, flare in _near(left, listed, reach)
            if flare.flare_id not in taken and is_alike(event, flare)
        ]
        for *_, event_id, flare in sorted(pairs, key=lambda pair: (*pair[:3], pair[3].flare_id)):
            if event_id not in matches and flare.flare_id not in taken:
                matches[event_id] = flare
                taken.add(flare.flare_id)
    return matches


def _near(
    events: Sequence[NowcastEvent], listed: Sequence[Listed], reach: timedelta
) -> Iterable[tuple[NowcastEvent, Listed]]:
    """Return the pairs whose peaks lie within `reach` of each other."""
    first = 0
    for event in sorted(events, key=lambda one: one.peak_at):
        while first < len(listed) and listed[first].peak_at < event.peak_at - reach:
            first += 1
        for flare in listed[first:]:
            if flare.peak_at > event.peak_at + reach:
                break
            yield event, flare


def _has_peak(event: NowcastEvent, flare: Listed) -> bool:
    return abs(event.peak_at - flare.peak_at) <= SAME_PEAK


def _overlaps(event: NowcastEvent, flare: Listed) -> bool:
    end_at = event.end_at or event.end_known_at or event.peak_at
    if event.flux_scale != flare.flux_scale:
        return False
    is_same_class = abs(_class_error(event, flare)) <= _SAME_CLASS
    return is_same_class and flare.start_at <= end_at and event.start_at <= flare.end_at


def _class_error(event: NowcastEvent, flare: Listed) -> float:
    """Return the error of the class, as it is written, relative to that of the list."""
    return peak_flux(event.goes_class.removeprefix("≥")) / flare.peak_flux_w_m2 - 1


def _told(
    event: NowcastEvent, flare: Listed | None, covered: Sequence[Window], *, now: datetime
) -> NowcastEvent:
    """Return the event as the list tells it; without a word from the list as it was computed."""
    if flare is not None:
        is_comparable = event.flux_scale == flare.flux_scale
        told = replace(
            event,
            state=CONFIRMED,
            flare_id=flare.flare_id,
            class_error=_class_error(event, flare) if is_comparable else None,
            peak_error_s=(event.peak_at - flare.peak_at).total_seconds(),
        )
    elif _is_complete(event, covered, now=now):
        told = replace(as_computed(event), state=UNCONFIRMED)
    else:
        return as_computed(event)
    is_news = replace(told, reconciled_at=event.reconciled_at) != event
    return replace(told, reconciled_at=now) if is_news or event.reconciled_at is None else event


def _is_complete(event: NowcastEvent, covered: Sequence[Window], *, now: datetime) -> bool:
    """Tell whether the list would have the event if it were a flare to it."""
    over_at = event.end_at or event.end_known_at or event.peak_at
    if now - over_at <= _LISTED_WITHIN:
        return False
    return any(window.start_at <= event.start_at and over_at <= window.end_at for window in covered)


class Reconciler:
    """Reconciles when the list, the events, or the hour of the Sun has changed.

    At first all events, later those that can have changed: the recent ones, and from the first
    flare on that the list has added or revised.
    """

    def __init__(self) -> None:
        self._seen: tuple[object, ...] | None = None
        # The time of the Sun and that on the wall of the last turn.
        self._last: tuple[datetime, datetime] | None = None

    def reconcile_if_changed(self, engine: sa.Engine, *, now: datetime, wall: datetime) -> int:
        """Reconcile if anything is new, and return how many events have changed."""
        with reading(engine) as connection:
            versions = [read_version(connection, t) for t in (flare_list_version, nowcast_version)]
            state = (str(engine.url), *versions, now.replace(minute=0, second=0, microsecond=0))
            if state == self._seen:
                return 0
            since = self._since(connection)
        changed: int = transact(engine, partial(reconcile, now=now, since=since))
        self._seen, self._last = state, (now, wall)
        return changed

    def _since(self, connection: sa.Connection) -> datetime | None:
        if self._last is None:
            return None
        now, wall = self._last
        # What was being written at the last turn has come in since.
        is_new = flares.c.updated_at >= wall - _LONGEST_COMMIT
        first = connection.scalar(sa.select(sa.func.min(flares.c.peak_at)).where(is_new))
        return min(now, first or now) - _RECENT
