"""The clock of the store: one row that every process reads, and the acts that set it.

Without the row it is the clock on the wall. A replay begins it, and from then on the store is one
of a replay for good.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from threading import Lock

import sqlalchemy as sa

from database.engine import reading, store_time
from database.flares.flares import next_flare_start
from database.models import redate_stages
from database.people.audit import record
from database.people.principal import Principal
from database.schema.tables import observations, predictions, regions, senders, store_clock
from database.upsert import upsert
from solar.clock import REPLAY, WALL, Reading, check_jump, check_speed
from solar.errors import ConflictError, InvalidInputError, PreconditionError
from solar.flares import event as find_event
from solar.sharp import CADENCE_SECONDS
from solar.time import isoformat
from solar.windows import DAY

# A store that forecast the present in these days is no store for a replay.
LIVE_FOR = timedelta(days=7)
# A sender that waits says every few seconds that it is there.
SILENT_AFTER = timedelta(seconds=15)
CADENCE = timedelta(seconds=CADENCE_SECONDS)
_DAY = timedelta(days=1)
_READ_EVERY_SECONDS = 1.0
_COLUMNS = tuple(column.name for column in store_clock.columns)


@dataclass(frozen=True)
class Replayed:
    """What a sender is about to replay: its records, the speed, and the first that is left."""

    sender: str
    first_at: datetime
    last_at: datetime
    speed: float | None
    next_at: datetime

    def __post_init__(self) -> None:
        if self.last_at < self.first_at:
            raise InvalidInputError(
                f"the last record, {isoformat(self.last_at)}, is before the first one,"
                f" {isoformat(self.first_at)}; exchange starts and ends"
            )


def usual_step(connection: sa.Connection, newest: datetime) -> timedelta:
    """Return the median time between the records of the last day, at least their cadence."""
    table = observations.c
    of_day = (table.t_rec > newest - _DAY) & (table.t_rec <= newest)
    query = sa.select(table.t_rec).distinct().where(of_day).order_by(table.t_rec)
    times = [row.t_rec for row in connection.execute(query)]
    steps = [later - earlier for earlier, later in pairwise(times)]
    return max(sorted(steps)[len(steps) // 2], CADENCE) if steps else CADENCE


def newest_record(connection: sa.Connection, clock: Reading, at: datetime) -> datetime | None:
    """Return the time of the newest record up to a time; a replay may hold what comes later."""
    if clock.newest is None or clock.newest <= at:
        return clock.newest
    newest: datetime | None = connection.scalar(
        sa.select(sa.func.max(observations.c.t_rec)).where(observations.c.t_rec <= at)
    )
    return newest


def read_clock(connection: sa.Connection) -> Reading:
    """Return the clock as it was set last."""
    newest = sa.select(sa.func.max(regions.c.last_t_rec)).scalar_subquery()
    columns = [store_clock.c[name] for name in _COLUMNS if name not in ("turn", "changed_by")]
    row = connection.execute(sa.select(*columns, newest.label("newest"))).first()
    if row is None:
        return Reading(newest=connection.scalar(sa.select(newest)))
    return Reading(**row._mapping)


def replay_time(connection: sa.Connection) -> datetime | None:
    """Return the time of the Sun in a replay, None where it is that of the wall."""
    clock = read_clock(connection)
    return clock.now(store_time(connection)) if clock.is_replay else None


class Clock:
    """What time it is for the Sun; the store is asked at most once a second, or at each record.

    Between two looks time passes by this host's count of seconds, so that hosts whose clocks
    differ still agree.
    """

    def __init__(self, engine: sa.Engine, wall: Callable[[], datetime]) -> None:
        self._engine = engine
        self._wall = wall
        self._lock = Lock()
        self._read: tuple[Reading, datetime, float] | None = None

    def now(self) -> datetime:
        """Return the present time of the Sun."""
        known, read_at, began = self._current()
        if not known.is_replay:
            return self._wall()
        return known.now(read_at + timedelta(seconds=time.monotonic() - began))

    def reading(self) -> Reading:
        """Return the clock as it was set, at most a second ago."""
        return self._current()[0]

    def forget(self) -> None:
        """Ask the store at the next look; after this process has set the clock."""
        self._read = None

    def _current(self) -> tuple[Reading, datetime, float]:
        with self._lock:
            kept = self._read
            if kept is None or _is_old(kept):
                with reading(self._engine) as connection:
                    kept = read_clock(connection), store_time(connection), time.monotonic()
                self._read = kept
            return kept


def _is_old(read: tuple[Reading, datetime, float]) -> bool:
    known, _, began = read
    # Without a speed each new record sets the time, and who has sent it finds it stored.
    is_set_by_records = known.is_replay and known.speed is None
    return is_set_by_records or time.monotonic() - began > _READ_EVERY_SECONDS


def begin_replay(connection: sa.Connection, who: Principal, replayed: Replayed) -> Reading:
    """Let a sender begin or resume a replay, and return the clock that it follows.

    The first one sets the clock to the first record that it has left, and its speed. A later one
    extends what is replayed. While nobody sent, the clock may have run past what is left: the
    first to come back puts it back there, at its speed. What was paused stays so.

    Raises
    ------
    ConflictError
        When the store has forecast the present in the last days.
    """
    if replayed.speed is not None:
        check_speed(replayed.speed)
    known, now = _locked(connection), store_time(connection)
    if not known.is_replay:
        _refuse_live(connection, now=now)
        begun = replace(
            known, mode=REPLAY, event_at=replayed.next_at, wall_at=now, speed=replayed.speed
        )
    elif _is_alone(connection, replayed.sender, now=now):
        left_at = max(at for at in (known.newest, replayed.next_at) if at is not None)
        speed = known.speed if known.is_paused else replayed.speed
        begun = replace(known, event_at=min(known.now(now), left_at), wall_at=now, speed=speed)
    else:
        begun = known
    first = min(at for at in (known.starts_at, replayed.first_at) if at is not None)
    last = max(at for at in (known.ends_at, replayed.last_at) if at is not None)
    begun = replace(begun, starts_at=first, ends_at=last)
    if first != known.starts_at:
        # The models were registered before anybody knew of which time their forecasts are.
        redate_stages(connection, first)
    return known if begun == known else _write(connection, begun, who)


def end_replay(connection: sa.Connection, who: Principal, sender: str) -> None:
    """Let a clock without a speed pass the last record once the last sender has finished.

    What happens after the last record decides about its forecasts, and no record brings the clock
    there. At a speed it goes there by itself.
    """
    known = _locked(connection)
    if not known.is_replay or known.speed is not None or known.ends_at is None:
        return
    now = store_time(connection)
    if _is_alone(connection, sender, now=now):
        event_at = max(known.ends_at + DAY.validity, known.now(now))
        _write(connection, replace(known, event_at=event_at, wall_at=now), who)


def set_clock(
    connection: sa.Connection,
    who: Principal,
    action: str,
    *,
    speed: float | None = None,
    to: datetime | None = None,
    next_event: str | None = None,
    if_version: int | None = None,
) -> Reading:
    """Play, pause, change the speed or jump, and return the clock.

    Parameters
    ----------
    speed : of ``speed`` [s of event time in 1 s]; None is as fast as records come in
    to : of ``jump``: a time from now to the last record
    next_event : of ``jump``, instead of `to`: just before the next such flare that is listed
    if_version : change only this version

    Raises
    ------
    ConflictError
        When the store has no replay.
    PreconditionError
        When the clock has another version.
    InvalidInputError
        For a speed or a time that no clock can have.
    """
    known, now = _locked(connection), store_time(connection)
    if not known.is_replay:
        raise ConflictError("the store shows the present, which cannot be set; only a replay can")
    if if_version is not None and if_version != known.version:
        raise PreconditionError(
            f"the clock has version {known.version} by now, not {if_version}; read it again"
        )
    current = replace(known, event_at=known.now(now), wall_at=now)
    if next_event is not None:
        if to is not None:
            raise InvalidInputError("jump takes a time, to, or an event, next, and not both")
        to = before_next_flare(connection, current.now(now), next_event, newest=known.newest)
    written = _write(connection, _changed(current, action, speed=speed, to=to), who)
    after = {"action": action, "at": isoformat(written.now(now)), "speed": written.speed}
    record(connection, who, "set", "clock", str(written.version), after=after, now=now)
    return written


def before_next_flare(
    connection: sa.Connection,
    at: datetime,
    event: str,
    *,
    newest: datetime | None,
    until: datetime | None = None,
) -> datetime:
    """Return one usual step before the next listed flare of an event, later than `at`.

    Raises
    ------
    InvalidInputError
        When none is listed, up to `until` if given.
    """
    sought = find_event(event)
    step = CADENCE if newest is None else usual_step(connection, newest)
    start = next_flare_start(connection, sought, after=at + step, until=until)
    if start is None:
        raise InvalidInputError(
            f"no later flare ≥ {sought.name} is listed; in a replay a flare is listed once it is"
            " over, unless the whole list was imported before"
        )
    return start - step


def _changed(clock: Reading, action: str, *, speed: float | None, to: datetime | None) -> Reading:
    """Return the clock after an act; it stands at the time of the act."""
    if action == "play":
        return replace(clock, speed=clock.speed_before) if clock.is_paused else clock
    if action == "jump":
        if to is None or clock.event_at is None:
            raise InvalidInputError("jump needs a time: to")
        check_jump(to, now=clock.event_at, ends_at=clock.ends_at)
        return replace(clock, event_at=to)
    chosen = 0.0 if action == "pause" else speed
    if chosen is not None:
        check_speed(chosen)
    before = clock.speed_before if clock.is_paused else clock.speed
    return replace(clock, speed=chosen, speed_before=before)


def _locked(connection: sa.Connection) -> Reading:
    """Read the clock, locked until the commit, so that all who set it take turns."""
    first = (1, WALL, None, None, None, None, 0, None, None, None)
    upsert(connection, store_clock, columns=_COLUMNS, rows=[first], keep=_COLUMNS)
    connection.execute(sa.select(store_clock.c.turn).with_for_update())
    return read_clock(connection)


def _write(connection: sa.Connection, changed: Reading, who: Principal) -> Reading:
    written = replace(changed, version=changed.version + 1)
    values = {name: getattr(written, name) for name in _COLUMNS[1:-1]}
    connection.execute(store_clock.update().values(**values, changed_by=who.name))
    return written


def _refuse_live(connection: sa.Connection, *, now: datetime) -> None:
    issued_at = connection.scalar(sa.select(sa.func.max(predictions.c.issued_at)))
    if issued_at is not None and issued_at > now - LIVE_FOR:
        raise ConflictError(
            f"the store has forecast the present, last at {isoformat(issued_at)}; replay into"
            " another store, or with --clock wall, which leaves the clock as it is"
        )


def _is_alone(connection: sa.Connection, sender: str, *, now: datetime) -> bool:
    others = sa.select(sa.func.count()).where(
        senders.c.sender_id != sender,
        senders.c.finished_at.is_(None),
        senders.c.last_seen_at > now - SILENT_AFTER,
    )
    return connection.scalar(others) == 0
