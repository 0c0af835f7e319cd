"""Workers: the processes that execute runs, the line of runs that wait, and whose turn it is."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from database.lab.runs import PUBLISHED, QUEUED, RUNNING, Run, as_run
from database.people.audit import record
from database.people.principal import Principal
from database.schema.lab_tables import runs, workers
from solar.errors import NotFoundError
from solar.identifiers import is_id, new_id

READY, DRAINING, AWAY = "ready", "draining", "away"
CPU, GPU = "cpu", "gpu"
# One that has been silent for so long is away, and gets nothing to do.
SILENT_FOR = timedelta(seconds=30)
_FORGOTTEN_AFTER = timedelta(days=1)
_NO_TURN = datetime.min.replace(tzinfo=UTC)
# Of each owner so many queued runs of a kind of worker are looked at in one round.
_MOST_OF_AN_OWNER = 20
# Further back a place in the line is of no interest.
_MOST_PLACES = 2000
_BY_AGE = (runs.c.queued_at, runs.c.run_id)


@dataclass(frozen=True)
class Worker:
    """A worker: what it offers, and how many of its slots were free at its last report."""

    worker_id: str
    host: str
    code_version: str
    offers: list[str]
    queue: str
    slots: int
    free: int
    state: str
    began_at: datetime
    last_seen_at: datetime

    def executes(self, run: Run) -> bool:
        """Tell whether a run can be executed here: its queue, and all that it needs."""
        return self.serves(run.queue) and set(run.needs) <= set(self.offers)

    def serves(self, queue: str) -> bool:
        """Tell whether runs of a queue come here."""
        return queue == self.queue or (queue == GPU and self.queue.startswith(f"{GPU}."))


@dataclass(frozen=True)
class Assignment:
    """A queued run and the worker that is to execute it."""

    run: Run
    worker_id: str


def register_worker(
    connection: sa.Connection,
    *,
    host: str,
    code_version: str,
    offers: Sequence[str],
    queue: str,
    slots: int,
    now: datetime,
) -> Worker:
    """Store a worker that begins, and forget those that have been away for a day."""
    connection.execute(workers.delete().where(workers.c.last_seen_at < now - _FORGOTTEN_AFTER))
    worker = Worker(new_id(now), host, code_version, list(offers), queue, slots, 0, READY, now, now)
    values = vars(worker) | {"offers": json.dumps(worker.offers)}
    connection.execute(workers.insert().values(values))
    return worker


def see_worker(
    connection: sa.Connection, worker_id: str, *, free: int, is_draining: bool, now: datetime
) -> Worker:
    """Note what a worker says of itself; raises NotFoundError when it has to register anew.

    One that is draining stays so, whoever asked for it.
    """
    worker = find_worker(connection, worker_id)
    state = DRAINING if is_draining else worker.state
    seen = replace(worker, free=free, state=state, last_seen_at=now)
    values = {"free": free, "state": state, "last_seen_at": now}
    connection.execute(workers.update().where(workers.c.worker_id == worker_id).values(values))
    return seen


def drain_worker(
    connection: sa.Connection, who: Principal, worker_id: str, *, now: datetime
) -> Worker:
    """Give a worker nothing more to do, until it is started anew."""
    worker = find_worker(connection, worker_id)
    is_it = workers.c.worker_id == worker_id
    connection.execute(workers.update().where(is_it).values(state=DRAINING))
    record(connection, who, "drained", "worker", worker_id, before=worker.state, now=now)
    return replace(worker, state=DRAINING)


def find_worker(connection: sa.Connection, worker_id: str) -> Worker:
    """Return a worker; raises NotFoundError."""
    query = sa.select(workers).where(workers.c.worker_id == worker_id)
    row = connection.execute(query).one_or_none() if is_id(worker_id) else None
    if row is None:
        raise NotFoundError("there is no such worker; it registers anew")
    return _as_worker(row)


def list_workers(connection: sa.Connection, *, now: datetime) -> list[Worker]:
    """Return all workers by host; one that is silent is away."""
    query = sa.select(workers).order_by(workers.c.host, workers.c.worker_id)
    return [
        one if one.last_seen_at > now - SILENT_FOR else replace(one, state=AWAY)
        for one in map(_as_worker, connection.execute(query))
    ]


def _as_worker(row: sa.Row[Any]) -> Worker:
    values = dict(row._mapping)
    return Worker(**values | {"offers": json.loads(values["offers"])})


def assign(connection: sa.Connection, *, now: datetime) -> list[Assignment]:
    """Choose for each free slot the run that is next.

    It is the oldest run that the worker can execute of the owner who has the fewest under way; of
    several such owners, of the one whose last turn was the longest ago.
    """
    free = _free_slots(connection, now=now)
    if not free:
        return []
    waiting = _waiting_by_owner(connection)
    busy = _under_way_by(connection, runs.c.owner)
    turns = _last_turns(connection, waiting, now=now)
    chosen: list[Assignment] = []
    while (assignment := _next(waiting, free, busy, turns)) is not None:
        chosen.append(assignment)
        busy[assignment.run.owner] += 1
        turns[assignment.run.owner] = now
        waiting[assignment.run.owner].remove(assignment.run)
        free = _without_slot(free, assignment.worker_id)
    return chosen


def _free_slots(connection: sa.Connection, *, now: datetime) -> dict[str, tuple[Worker, int]]:
    """Return the ready workers with free slots: as they say, less what is on its way to them."""
    under_way = _under_way_by(connection, runs.c.worker_id)
    return {
        worker.worker_id: (worker, free)
        for worker in list_workers(connection, now=now)
        if worker.state == READY
        and (free := min(worker.free, worker.slots - under_way[worker.worker_id])) > 0
    }


def _without_slot(
    free: dict[str, tuple[Worker, int]], worker_id: str
) -> dict[str, tuple[Worker, int]]:
    worker, slots = free[worker_id]
    others = {key: value for key, value in free.items() if key != worker_id}
    return others if slots == 1 else others | {worker_id: (worker, slots - 1)}


def _waiting_by_owner(connection: sa.Connection) -> dict[str, list[Run]]:
    alike = (runs.c.owner, runs.c.queue, runs.c.needs)
    place = sa.func.row_number().over(partition_by=alike, order_by=_BY_AGE).label("place")
    ranked = sa.select(runs.c.run_id, place).where(*_is_queued()).subquery()
    query = sa.select(runs).join(ranked, ranked.c.run_id == runs.c.run_id)
    query = query.where(ranked.c.place <= _MOST_OF_AN_OWNER).order_by(*_BY_AGE)
    waiting: dict[str, list[Run]] = {}
    for row in connection.execute(query):
        waiting.setdefault(row.owner, []).append(as_run(row))
    return waiting


def _last_turns(
    connection: sa.Connection, owners: Iterable[str], *, now: datetime
) -> dict[str, datetime]:
    """Return when the newest runs of owners were published, of those queued within a day."""
    query = (
        sa.select(runs.c.owner, sa.func.max(runs.c.published_at))
        .where(runs.c.owner.in_(list(owners)), runs.c.queued_at > now - _FORGOTTEN_AFTER)
        .where(runs.c.published_at.is_not(None))
        .group_by(runs.c.owner)
    )
    return dict(tuple(row) for row in connection.execute(query))


def _under_way_by(connection: sa.Connection, column: sa.Column[Any]) -> Counter[str]:
    is_under_way = runs.c.state.in_((PUBLISHED, RUNNING))
    query = sa.select(column, sa.func.count()).where(is_under_way).group_by(column)
    return Counter(dict(tuple(row) for row in connection.execute(query)))


def _next(
    waiting: dict[str, list[Run]],
    free: dict[str, tuple[Worker, int]],
    busy: Counter[str],
    turns: dict[str, datetime],
) -> Assignment | None:
    for owner in _by_turn(waiting, busy, turns):
        for run in waiting[owner]:
            able = [one for one in free.values() if one[0].executes(run)]
            if able:
                worker, _ = max(able, key=lambda one: one[1])
                return Assignment(run, worker.worker_id)
    return None


def _by_turn(
    waiting: dict[str, list[Run]], busy: Counter[str], turns: dict[str, datetime]
) -> Iterable[str]:
    def key(owner: str) -> tuple[int, datetime, datetime]:
        # Who has had no turn yet comes before those who had one.
        first = waiting[owner][0].queued_at or _NO_TURN
        return busy[owner], turns.get(owner, _NO_TURN), first

    return sorted((owner for owner, queued in waiting.items() if queued), key=key)


def waiting_runs(connection: sa.Connection, *, limit: int) -> list[Run]:
    """Return the queued runs of everybody, the oldest first."""
    query = sa.select(runs).where(*_is_queued()).order_by(*_BY_AGE)
    return [as_run(row) for row in connection.execute(query.limit(limit))]


def places(connection: sa.Connection) -> dict[str, int]:
    """Return the place of queued runs by the time of queueing, from 1.

    Whose turn it is depends on the owners as well, so that a run may come earlier or later.
    """
    query = sa.select(runs.c.run_id).where(*_is_queued())
    ordered = query.order_by(*_BY_AGE).limit(_MOST_PLACES)
    return {run_id: place for place, run_id in enumerate(connection.execute(ordered).scalars(), 1)}


def runs_in_slots(connection: sa.Connection) -> list[Run]:
    """Return the runs of everybody that workers have, by the time of their start."""
    query = (
        sa.select(runs)
        .where(runs.c.state.in_((PUBLISHED, RUNNING)), runs.c.deleted_at.is_(None))
        .order_by(runs.c.published_at)
    )
    return [as_run(row) for row in connection.execute(query)]


def _is_queued() -> tuple[sa.ColumnElement[bool], ...]:
    return runs.c.state == QUEUED, runs.c.deleted_at.is_(None)
