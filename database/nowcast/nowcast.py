"""The nowcast: the X-ray flux at a time, the flare in progress then, and the flares before it.

What it says of a time rests on the minutes up to that time, also when later ones are stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from database.nowcast.stored_minutes import newest_good, resumed
from database.schema.nowcast_tables import nowcast_events
from database.schema.tables import flares, xray_flux
from solar.flare_detection import (
    ENDED,
    MINUTE,
    RISING,
    UNFINISHED,
    DetectedFlare,
    flux_scale_of,
    r_scale,
)
from solar.flares import goes_class
from solar.time import Window

NO_DATA, QUIET = "no data", "quiet"
CONFIRMED, UNCONFIRMED = "confirmed", "unconfirmed"
# A flux that is older tells nothing about the present.
LONGEST_SILENCE = timedelta(minutes=10)
# Of the newest measured minute, however old.
_REACH = timedelta(days=1)
FIELDS = (
    "event_id", "satellite", "start_at", "detected_at", "peak_at", "end_at", "end_known_at",
    "goes_class", "peak_flux_w_m2", "background_w_m2", "flux_scale", "state", "rule", "flare_id",
    "class_error", "peak_error_s", "reconciled_at", "revision",
)  # fmt: skip


@dataclass(frozen=True)
class NowcastEvent:
    """A flare that was seen in the X-rays, as it is known at some time.

    `state` is rising, declining, ended or unfinished, and confirmed or unconfirmed once the flare
    list has told. `detected_at` is the minute of the data at which it was first known, and
    `end_known_at` the one that told its end or its loss. Of a confirmed one `flare_id` is the
    listed flare, `class_error` the peak flux by class relative to the listed one (0 is equal),
    and `peak_error_s` how much later it peaks [s].
    """

    event_id: str
    satellite: str
    start_at: datetime
    detected_at: datetime
    peak_at: datetime
    end_at: datetime | None
    end_known_at: datetime | None
    goes_class: str
    peak_flux_w_m2: float
    background_w_m2: float
    flux_scale: str
    state: str
    rule: int
    flare_id: str | None = None
    class_error: float | None = None
    peak_error_s: float | None = None
    reconciled_at: datetime | None = None
    revision: int = 1

    @classmethod
    def of(cls, flare: DetectedFlare) -> NowcastEvent:
        """Return what was detected as an event that no list has told of yet."""
        return cls(
            flare.event_id, flare.satellite, flare.start_at, flare.detected_at, flare.peak_at,
            flare.end_at, flare.end_known_at, flare.goes_class, flare.peak_flux_w_m2,
            flare.background_w_m2, flare.flux_scale.value, flare.state, flare.rule,
        )  # fmt: skip

    @property
    def r_scale(self) -> str | None:
        """The level of radio blackout that the peak reached, None below R1."""
        return r_scale(self.peak_flux_w_m2)


@dataclass(frozen=True)
class Nowcast:
    """The flux of the newest good minute up to `now`, and the flare in progress.

    Without a good minute in the last day, or with one more than 10 min old, the state is
    ``no data``; without a flare it is ``quiet``, otherwise that of the flare. `goes_class` and
    `r_scale` are of the minute, not of the flare's peak.
    """

    now: datetime
    minute_at: datetime | None
    flux_w_m2: float | None
    goes_class: str | None
    r_scale: str | None
    satellite: str | None
    flux_scale: str | None
    state: str
    event: NowcastEvent | None
    reason: str


@dataclass(frozen=True)
class NowcastCounts:
    """How the events compare with the flare list.

    `missed` are listed flares of the stretch with stored minutes that are no event.
    """

    confirmed: int
    unconfirmed: int
    missed: int


def read_nowcast(connection: sa.Connection, now: datetime) -> Nowcast:
    """Return the flux and the flare in progress as they are known at `now`."""
    minute = newest_good(connection, now, reach=_REACH)
    if minute is None or minute.flux_w_m2 is None:
        reason = "no X-ray flux was measured in the last day"
        return Nowcast(now, None, None, None, None, None, None, NO_DATA, None, reason)
    event = flare_in_progress(connection, now)
    age = now - minute.minute_at
    if age > LONGEST_SILENCE:
        minutes = int(age / MINUTE)
        state, reason = NO_DATA, f"the newest X-ray minute is {minutes} min old"
    elif event is None:
        state, reason = QUIET, "no flare in progress"
    else:
        state, reason = event.state, _reason(event)
    return Nowcast(
        now,
        minute.minute_at,
        minute.flux_w_m2,
        goes_class(minute.flux_w_m2),
        r_scale(minute.flux_w_m2),
        minute.satellite,
        flux_scale_of(minute.satellite).value,
        state,
        event,
        reason,
    )


def xrays_are_missing(connection: sa.Connection, now: datetime) -> bool:
    """Tell whether no minute was measured for so long that the present is not known."""
    return newest_good(connection, now, reach=LONGEST_SILENCE) is None


def _reason(event: NowcastEvent) -> str:
    if event.state == RISING:
        how = "four minutes rose by 40 %" if event.rule == 1 else "it rose for 16 minutes"
        return f"{event.goes_class} so far, rising since {event.start_at:%H:%M}: {how}"
    return f"{event.goes_class} peaked at {event.peak_at:%H:%M}, declining"


def flare_in_progress(connection: sa.Connection, now: datetime) -> NowcastEvent | None:
    """Return the flare that was known at `now` and not over, as it was known then."""
    flare = _last_flare(connection, now)
    if flare is None or flare.end_known_at is not None:
        return None
    return NowcastEvent.of(flare)


def _last_flare(connection: sa.Connection, now: datetime) -> DetectedFlare | None:
    """Return the flare in progress at `now`, or one that ended or was lost since it was stored."""
    # The minute of `now` belongs to what is known.
    detector, minutes = resumed(connection, now, end_at=now + timedelta(microseconds=1))
    over = [ended for minute in minutes if (ended := detector.feed(minute)) is not None]
    lost = detector.pass_time(now)
    return detector.flare or lost or (over[-1] if over else None)


def list_nowcast_events(
    connection: sa.Connection,
    window: Window,
    *,
    now: datetime | None = None,
    limit: int = 1_000,
    after: tuple[datetime, str] | None = None,
) -> list[NowcastEvent]:
    """Return the events that begin in `window` as they are known at `now`, in order of start.

    Parameters
    ----------
    now : the end of the window if not given
    after : (start_at, event_id) of the last event of the page before
    """
    known_at = now or window.end_at
    table = nowcast_events.c
    query = sa.select(*(table[name] for name in FIELDS)).where(
        table.start_at >= window.start_at,
        table.start_at < window.end_at,
        table.detected_at <= known_at,
    )
    if after is not None:
        at, event_id = after
        later = sa.and_(table.start_at == at, table.event_id > event_id)
        query = query.where(table.start_at >= at, sa.or_(table.start_at > at, later))
    ordered = query.order_by(table.start_at, table.event_id).limit(limit)
    return _as_known(
        [NowcastEvent(*row) for row in connection.execute(ordered)], connection, known_at
    )


def _as_known(
    events: Sequence[NowcastEvent], connection: sa.Connection, now: datetime
) -> list[NowcastEvent]:
    known: list[NowcastEvent] = []
    for event in events:
        if event.end_known_at is None or event.end_known_at > now:
            flare = _last_flare(connection, now)
            if flare is not None and flare.event_id == event.event_id:
                known.append(replace(NowcastEvent.of(flare), revision=event.revision))
        elif event.reconciled_at is not None and event.reconciled_at > now:
            known.append(as_computed(event))
        else:
            known.append(event)
    return known


def as_computed(event: NowcastEvent) -> NowcastEvent:
    """Return an event as the minutes told it, whatever the list says."""
    if event.reconciled_at is None:
        return event
    return replace(
        event,
        state=UNFINISHED if event.end_at is None else ENDED,
        flare_id=None,
        class_error=None,
        peak_error_s=None,
        reconciled_at=None,
    )


def count_nowcast_events(
    connection: sa.Connection, window: Window, *, least_flux: float, now: datetime
) -> NowcastCounts:
    """Count the events and listed flares of a peak of at least `least_flux` [W m-2] in `window`.

    What is known at `now` counts, by the time of the peak.
    """
    table, listed = nowcast_events.c, flares.c
    by_state = sa.select(table.state, sa.func.count()).where(
        table.peak_at >= window.start_at,
        table.peak_at < window.end_at,
        table.peak_flux_w_m2 >= least_flux,
        table.reconciled_at <= now,
    )
    rows = connection.execute(by_state.group_by(table.state)).all()
    counts: dict[str, int] = {row.state: row[1] for row in rows}
    stored = sa.select(sa.func.min(xray_flux.c.minute_at), sa.func.max(xray_flux.c.minute_at))
    first_at, last_at = connection.execute(
        stored.where(
            xray_flux.c.minute_at >= window.start_at,
            xray_flux.c.minute_at < window.end_at,
            xray_flux.c.minute_at <= now,
        )
    ).one()
    missed = 0
    if first_at is not None:
        is_event = sa.exists().where(table.flare_id == listed.flare_id)
        missed = connection.execute(
            sa.select(sa.func.count()).where(
                listed.peak_at >= first_at,
                listed.peak_at <= last_at,
                listed.peak_flux_w_m2 >= least_flux,
                ~is_event,
            )
        ).scalar_one()
    return NowcastCounts(counts.get(CONFIRMED, 0), counts.get(UNCONFIRMED, 0), missed)
