"""Leases: which shards of a shared source a member may work on, and for how long.

The clock of the store decides alone: hosts whose clocks differ agree on it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from database.clock.clock import store_time
from database.schema.tables import shard_leases, shard_members, shared_sources
from database.upsert import upsert
from solar.errors import InvalidInputError

_SHARD_COLUMNS = tuple(column.name for column in shard_leases.columns)
_SOURCE_COLUMNS = tuple(column.name for column in shared_sources.columns)
_MEMBER_COLUMNS = tuple(column.name for column in shard_members.columns)


@dataclass(frozen=True)
class Progress:
    """The progress of a shard: the rows delivered, and the time up to which all of them are."""

    delivered: int = 0
    through: datetime | None = None
    is_finished: bool = False


@dataclass(frozen=True)
class LeaseRequest:
    """The request of a member: the shards it works on, and the progress of each.

    Parameters
    ----------
    source : name of the shared source, in `shards` parts; its first row is that of `starts_at`
    generation : of the last answer; None for a new member, which holds nothing
    stays : whether the member wants to hold shards; else it leaves
    restarts : whether to deliver everything anew; ignored while others are at work
    """

    source: str
    member: str
    shards: int
    starts_at: datetime
    generation: int | None = None
    held: Mapping[int, Progress] = field(default_factory=dict)
    stays: bool = True
    restarts: bool = False


@dataclass(frozen=True)
class Lease:
    """The shards that a member may work on until the lease ends, and the state of the source.

    Event time was `event_at` at `began_at`, so much before `renewed_at`, both by the clock of the
    store; `unfinished` shards are left to do.
    """

    generation: int
    starts_at: datetime
    event_at: datetime
    began_at: datetime
    renewed_at: datetime
    granted: Mapping[int, Progress]
    members: int
    unfinished: int

    @property
    def elapsed_seconds(self) -> float:
        """Return the time since `began_at` [s]; none after a step back of the clock."""
        return max(0.0, (self.renewed_at - self.began_at).total_seconds())


@dataclass(frozen=True)
class Share:
    """The shards that a member may work on; those it gives back stay its own until released."""

    kept: tuple[int, ...]
    taken: tuple[int, ...]


@dataclass(frozen=True)
class _Shard:
    """A shard as it is stored, with one holder at a time."""

    holder: str | None = None
    delivered: int = 0
    through: datetime | None = None
    finished_at: datetime | None = None
    lost_by: str | None = None
    taken_by: str | None = None

    def advanced(self, progress: Progress, *, now: datetime) -> _Shard:
        """Add the progress of a member, which began at a known point, so the furthest counts."""
        times = [at for at in (self.through, progress.through) if at is not None]
        finished_at = self.finished_at or (now if progress.is_finished else None)
        return replace(
            self,
            holder=None if finished_at else self.holder,
            delivered=max(self.delivered, progress.delivered),
            through=max(times, default=None),
            finished_at=finished_at,
        )

    def held_by(self, member: str) -> _Shard:
        """Give the shard to a member."""
        is_lost = self.lost_by is not None and self.taken_by is None
        return replace(self, holder=member, taken_by=member if is_lost else self.taken_by)

    def freed(self, *, is_lost: bool) -> _Shard:
        """Take the shard from its holder, which has released it or has fallen silent."""
        if not is_lost or self.holder is None:
            return replace(self, holder=None)
        return replace(self, holder=None, lost_by=self.holder, taken_by=None)


@dataclass(frozen=True)
class _Source:
    """A shared source as it is stored; a new generation delivers it anew."""

    source: str
    shards: int
    generation: int
    starts_at: datetime
    event_at: datetime
    began_at: datetime
    heard_at: datetime

    def restarted(self, starts_at: datetime) -> _Source:
        """Begin a new generation."""
        return replace(self, generation=self.generation + 1, starts_at=starts_at)

    def with_clock(self, shards: Iterable[_Shard], *, now: datetime) -> _Source:
        """Restart event time at the progress of the shards, after a time without members."""
        left = [shard.through or self.starts_at for shard in shards if shard.finished_at is None]
        return replace(self, event_at=min(left, default=self.starts_at), began_at=now)


Shards = Mapping[int, _Shard]


def renew(connection: sa.Connection, request: LeaseRequest, *, lasts: timedelta) -> Lease:
    """Join, stay with or leave a source, report the progress, and get the shards to work on.

    The member has to release a shard that the answer leaves out: it stays the member's own until
    its next request does not name it any more, and only then another gets it.

    Parameters
    ----------
    lasts : for how long a member that sends no request keeps its shards
    """
    source = _locked_source(connection, request)
    # Read under the lock, so that times follow each other as the requests do.
    now = store_time(connection)
    members = _live_members(connection, source, lasts=lasts, now=now)
    is_alone = not set(members) - {request.member}
    stored = _load_shards(connection, source.source, source.shards)
    shards: Shards = stored
    if request.restarts and is_alone:
        source, shards = source.restarted(request.starts_at), dict.fromkeys(stored, _Shard())
    shards = _updated(shards, request, generation=source.generation, members=members, now=now)
    if request.generation is None and is_alone:
        source = source.with_clock(shards.values(), now=now)
    if request.stays:
        joined_at = members.setdefault(request.member, now)
        _write_member(connection, source.source, request.member, joined_at=joined_at, now=now)
        shards, granted = _granted(shards, list(members), request.member)
    else:
        members.pop(request.member, None)
        _drop_member(connection, source.source, request.member)
        granted = {}
    changed = {number: shard for number, shard in shards.items() if shard != stored[number]}
    _write_shards(connection, source.source, changed)
    _write_source(connection, replace(source, heard_at=now))
    return Lease(
        source.generation,
        source.starts_at,
        source.event_at,
        source.began_at,
        now,
        granted,
        members=len(members),
        unfinished=sum(shard.finished_at is None for shard in shards.values()),
    )


def _updated(
    shards: Shards,
    request: LeaseRequest,
    *,
    generation: int,
    members: Container[str],
    now: datetime,
) -> Shards:
    """Add a member's progress; free the shards that it released, and those of members gone."""
    reported = request.held if request.generation == generation else {}
    kept = reported if request.stays else {}
    updated: dict[int, _Shard] = {}
    for number, known in shards.items():
        shard = known.advanced(reported[number], now=now) if number in reported else known
        is_released = shard.holder == request.member and number not in kept
        is_held = shard.holder in members and not is_released
        updated[number] = shard if is_held else shard.freed(is_lost=not is_released)
    return updated


def _granted(shards: Shards, members: list[str], member: str) -> tuple[Shards, dict[int, Progress]]:
    left = {number: shard for number, shard in shards.items() if shard.finished_at is None}
    holders = {number: shard.holder for number, shard in left.items()}
    share = fair_share(holders, members, member=member)
    taken = {number: shards[number].held_by(member) for number in share.taken}
    granted = {
        number: Progress(left[number].delivered, left[number].through)
        for number in (*share.kept, *share.taken)
    }
    return {**shards, **taken}, granted


def fair_share(holders: Mapping[int, str | None], members: Sequence[str], *, member: str) -> Share:
    """Share the shards out so that each member has as many as any other, or one more.

    Parameters
    ----------
    holders : the shards that are left to do, each with its present holder, None when free
    members : all who share, in the order in which they joined
    member : the one of them that asks

    Notes
    -----
    One more goes to those who hold most already, so that no shard moves without need.
    """
    own = sorted(shard for shard, holder in holders.items() if holder == member)
    target = _targets(holders, members)[member]
    free = sorted(shard for shard, holder in holders.items() if holder is None)
    return Share(tuple(own[:target]), tuple(free[: max(0, target - len(own))]))


def _targets(holders: Mapping[int, str | None], members: Sequence[str]) -> dict[str, int]:
    held = Counter(holders.values())
    ordered = sorted(members, key=lambda name: (-held[name], members.index(name)))
    size, more = divmod(len(holders), len(members))
    return {name: size + (place < more) for place, name in enumerate(ordered)}


def _locked_source(connection: sa.Connection, request: LeaseRequest) -> _Source:
    """Read a source, created where it is new, locked until the commit.

    Whoever asks for a lease locks this one row, so that all take turns.

    Raises
    ------
    InvalidInputError
        When it is shared in another number of shards than the member knows.
    """
    query = sa.select(shared_sources).where(shared_sources.c.source == request.source)
    row = connection.execute(query.with_for_update()).first()
    if row is None:
        now = store_time(connection)
        # Of two concurrent first requests one waits here for the other, then both read the same.
        first = (request.source, request.shards, 1, request.starts_at, request.starts_at, now, now)
        upsert(
            connection, shared_sources, columns=_SOURCE_COLUMNS, rows=[first], keep=_SOURCE_COLUMNS
        )
        _create_shards(connection, request.source, request.shards)
        row = connection.execute(query.with_for_update()).one()
    if row.shards != request.shards:
        raise InvalidInputError(
            f"the source is shared in {row.shards} shards, not {request.shards}; run the same"
            " version of the sender everywhere"
        )
    return _Source(**row._mapping)


def _write_source(connection: sa.Connection, source: _Source) -> None:
    row = [getattr(source, name) for name in _SOURCE_COLUMNS]
    upsert(connection, shared_sources, columns=_SOURCE_COLUMNS, rows=[row])


def _create_shards(connection: sa.Connection, source: str, count: int) -> None:
    """Write the shards of a new source; existing ones stay as they are."""
    rows = [(source, number, None, 0, None, None, None, None) for number in range(count)]
    upsert(connection, shard_leases, columns=_SHARD_COLUMNS, rows=rows, keep=_SHARD_COLUMNS)


def _load_shards(connection: sa.Connection, source: str, count: int) -> dict[int, _Shard]:
    """Read all shards of a source by their number."""
    query = sa.select(shard_leases).where(shard_leases.c.source == source).limit(count)
    return {
        row.shard: _Shard(
            row.sender_id,
            row.delivered,
            row.through,
            row.finished_at,
            row.lost_by,
            row.taken_by,
        )
        for row in connection.execute(query)
    }


def _write_shards(connection: sa.Connection, source: str, changed: Shards) -> None:
    rows = [
        (
            source,
            number,
            shard.holder,
            shard.delivered,
            shard.through,
            shard.finished_at,
            shard.lost_by,
            shard.taken_by,
        )
        for number, shard in sorted(changed.items())
    ]
    upsert(connection, shard_leases, columns=_SHARD_COLUMNS, rows=rows)


def _live_members(
    connection: sa.Connection, source: _Source, *, lasts: timedelta, now: datetime
) -> dict[str, datetime]:
    """Return the live members and when each joined, in that order; the others are dropped.

    After a time without any request, as when the API was down, no member is dropped. After a step
    back of the clock those who were seen later than now count as seen now.
    """
    members = shard_members.c
    is_of_source = members.source == source.source
    seen_now = sa.update(shard_members).where(is_of_source).values(seen_at=now)
    if now - source.heard_at > lasts:
        connection.execute(seen_now)
    else:
        connection.execute(seen_now.where(members.seen_at > now))
        is_silent = members.seen_at < now - lasts
        connection.execute(sa.delete(shard_members).where(is_of_source, is_silent))
    query = sa.select(shard_members).where(is_of_source)
    ordered = query.order_by(members.joined_at, members.sender_id)
    return {row.sender_id: row.joined_at for row in connection.execute(ordered)}


def _write_member(
    connection: sa.Connection, source: str, member: str, *, joined_at: datetime, now: datetime
) -> None:
    row = (source, member, joined_at, now)
    upsert(connection, shard_members, columns=_MEMBER_COLUMNS, rows=[row])


def _drop_member(connection: sa.Connection, source: str, member: str) -> None:
    is_member = (shard_members.c.source == source, shard_members.c.sender_id == member)
    connection.execute(sa.delete(shard_members).where(*is_member))
