"""Runs: computations that people ask for, and the state in which each of them is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from database.lab.ownership import PRIVATE, VISIBILITIES, find_visible, refuse_others, visible_to
from database.people.audit import record
from database.people.principal import OPERATE, Principal
from database.schema.lab_tables import experiments, runs
from solar.errors import ConflictError, InvalidInputError, NotFoundError
from solar.identifiers import is_id, new_id

DRAFT, QUEUED, PUBLISHED, RUNNING = "draft", "queued", "published", "running"
SUCCEEDED, FAILED, CANCELLED = "succeeded", "failed", "cancelled"
TIMED_OUT, LOST = "timed_out", "lost"
STATES = (DRAFT, QUEUED, PUBLISHED, RUNNING, SUCCEEDED, FAILED, CANCELLED, TIMED_OUT, LOST)
UNDER_WAY = (QUEUED, PUBLISHED, RUNNING)
RESTARTABLE = (FAILED, CANCELLED, TIMED_OUT, LOST)
# It reads the store, by no recipe and from no data set.
SNAPSHOT = "snapshot"
# Those that restart by themselves, once, when they were lost: from their checkpoints, or, because
# somebody waits for their data set, from the beginning.
RESUMING = ("train", "augment", "describe")
MOST_TAGS, LONGEST_TAG, LONGEST_NOTE = 10, 40, 2000
_NOUN = "run"
_JSON = ("dataset_ids", "parameters", "needs", "headline", "tags")


@dataclass(frozen=True)
class Run:
    """A run as the store has it."""

    run_id: str
    experiment_id: str
    owner: str
    kind: str
    number: int
    visibility: str
    recipe_id: str | None
    dataset_ids: list[str]
    parameters: dict[str, Any]
    fingerprint: str
    needs: list[str]
    queue: str
    state: str
    attempt: int
    worker_id: str | None
    lease_until: datetime | None
    published_at: datetime | None
    stop_asked_at: datetime | None
    stop_asked_by: str | None
    restarts_at: datetime | None
    time_limit_s: int
    progress: float | None
    doing: str | None
    eta_s: float | None
    headline: dict[str, Any] | None
    reason: str | None
    tags: list[str]
    note: str
    created_at: datetime
    queued_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    deleted_at: datetime | None
    start_key: str | None


@dataclass(frozen=True)
class NewRun:
    """What a run is to do: everything that its result depends on, and where it may be executed.

    `needs` is what a worker has to offer, `fingerprint` the hash of recipe, data, code and seed.
    """

    experiment_id: str
    kind: str
    queue: str
    fingerprint: str
    time_limit_s: int
    recipe_id: str | None = None
    dataset_ids: Sequence[str] = ()
    parameters: Mapping[str, Any] | None = None
    needs: Sequence[str] = ()


def as_run(row: sa.Row[Any]) -> Run:
    """Return a run from its row."""
    values = dict(row._mapping)
    for name in _JSON:
        values[name] = None if values[name] is None else json.loads(values[name])
    return Run(**values)


def add_run(
    connection: sa.Connection,
    who: Principal,
    new: NewRun,
    *,
    start_key: str | None = None,
    now: datetime,
) -> Run:
    """Store a draft, numbered in its experiment.

    The same `start_key` of the same owner returns the run that it made before.
    """
    # One after the other: each sees the numbers and keys of those before.
    is_its = experiments.c.experiment_id == new.experiment_id
    connection.execute(sa.select(experiments.c.name).where(is_its).with_for_update())
    if start_key is not None:
        is_it = sa.and_(runs.c.owner == who.owner, runs.c.start_key == start_key)
        known = connection.execute(sa.select(runs).where(is_it).with_for_update()).one_or_none()
        if known is not None:
            return as_run(known)
    highest = sa.select(sa.func.max(runs.c.number)).where(runs.c.experiment_id == new.experiment_id)
    values: dict[str, Any] = {
        **{name: getattr(new, name) for name in NewRun.__dataclass_fields__},
        "run_id": new_id(now),
        "owner": who.owner,
        "number": (connection.execute(highest.with_for_update()).scalar() or 0) + 1,
        "visibility": PRIVATE,
        "dataset_ids": json.dumps(list(new.dataset_ids)),
        "parameters": json.dumps(dict(new.parameters or {})),
        "needs": json.dumps(list(new.needs)),
        "state": DRAFT,
        "attempt": 0,
        "tags": "[]",
        "note": "",
        "created_at": now,
        "start_key": start_key,
    }
    connection.execute(runs.insert().values(values))
    record(connection, who, "created", _NOUN, values["run_id"], after=new.kind, now=now)
    return read_run(connection, values["run_id"])


def read_run(connection: sa.Connection, run_id: str) -> Run:
    """Return a run for the program itself; raises NotFoundError."""
    query = sa.select(runs).where(runs.c.run_id == run_id, runs.c.deleted_at.is_(None))
    row = connection.execute(query).one_or_none() if is_id(run_id) else None
    if row is None:
        raise NotFoundError("there is no such run")
    return as_run(row)


def find_run(connection: sa.Connection, who: Principal, run_id: str) -> Run:
    """Return a run that somebody may see; raises NotFoundError."""
    return as_run(find_visible(connection, who, runs, run_id, noun=_NOUN))


def run_with_key(connection: sa.Connection, who: Principal, start_key: str) -> Run | None:
    """Return the run that somebody has made with this key, None where there is none yet."""
    is_it = sa.and_(runs.c.owner == who.owner, runs.c.start_key == start_key)
    row = connection.execute(sa.select(runs).where(is_it)).one_or_none()
    return None if row is None else as_run(row)


def runs_like(
    connection: sa.Connection, who: Principal, fingerprint: str, *, but: str = "", limit: int
) -> list[Run]:
    """Return the runs that somebody may see with a fingerprint, without the run `but`."""
    is_like = sa.and_(runs.c.fingerprint == fingerprint, runs.c.run_id != but)
    query = sa.select(runs).where(is_like, runs.c.deleted_at.is_(None), visible_to(runs, who))
    return [as_run(row) for row in connection.execute(query.order_by(runs.c.run_id).limit(limit))]


def has_work(connection: sa.Connection) -> bool:
    """Tell whether any run waits, is under way, or is to restart by itself."""
    is_alive = sa.or_(runs.c.state.in_(UNDER_WAY), runs.c.restarts_at.is_not(None))
    states = (*UNDER_WAY, LOST)
    query = sa.select(runs.c.run_id).where(runs.c.state.in_(states), is_alive).limit(1)
    return connection.execute(query).one_or_none() is not None


def start_run(connection: sa.Connection, who: Principal, run_id: str, *, now: datetime) -> Run:
    """Queue a draft; one that is under way stays as it is, so that a second click does nothing."""
    run = _own_run(connection, who, run_id)
    if run.state in UNDER_WAY:
        return run
    if run.state != DRAFT:
        raise ConflictError(f"the run is {run.state}; restart it, or clone it with changes")
    return _queue(connection, who, run, now=now)


def restart_run(connection: sa.Connection, who: Principal, run_id: str, *, now: datetime) -> Run:
    """Queue a run again that has not succeeded; it goes on from its checkpoints."""
    run = _own_run(connection, who, run_id)
    if run.state not in RESTARTABLE:
        raise ConflictError(f"the run is {run.state}; what can be restarted has ended otherwise")
    return _queue(connection, who, run, now=now)


def _queue(connection: sa.Connection, who: Principal, run: Run, *, now: datetime) -> Run:
    asked = ("stop_asked_at", "stop_asked_by", "restarts_at")
    cleared = dict.fromkeys((*asked, "reason", "ended_at", "lease_until"))
    return move(connection, who, run, to=QUEUED, now=now, queued_at=now, **cleared)


def stop_run(connection: sa.Connection, who: Principal, run_id: str, *, now: datetime) -> Run:
    """Ask a run to stop; one that no job works on is cancelled at once.

    Operators stop the runs of everybody.
    """
    run = read_run(connection, run_id) if who.may(OPERATE) else _own_run(connection, who, run_id)
    if run.state in (QUEUED, PUBLISHED, LOST):
        asked = {"stop_asked_at": now, "stop_asked_by": who.name, "ended_at": now}
        over = dict.fromkeys(("lease_until", "restarts_at"))
        return move(connection, who, run, to=CANCELLED, now=now, **asked, **over)
    if run.state != RUNNING:
        raise ConflictError(f"the run is {run.state}; there is nothing to stop")
    if run.stop_asked_at is None:
        values = {"stop_asked_at": now, "stop_asked_by": who.name}
        connection.execute(runs.update().where(_is_still(run)).values(values))
        record(connection, who, "asked to stop", _NOUN, run_id, now=now)
    return read_run(connection, run_id)


def change_run(
    connection: sa.Connection,
    who: Principal,
    run_id: str,
    changes: Mapping[str, Any],
    *,
    now: datetime,
) -> Run:
    """Change tags, note or visibility; nothing else of a run ever changes by hand."""
    run = _own_run(connection, who, run_id)
    values = dict(changes)
    if values.get("visibility", PRIVATE) not in VISIBILITIES:
        raise InvalidInputError(f"visibility is {' or '.join(VISIBILITIES)}")
    if "tags" in values:
        values["tags"] = json.dumps(list(values["tags"]))
    before = {name: getattr(run, name) for name in values}
    connection.execute(runs.update().where(runs.c.run_id == run_id).values(values))
    record(connection, who, "changed", _NOUN, run_id, before=before, after=dict(changes), now=now)
    return read_run(connection, run_id)


def delete_run(connection: sa.Connection, who: Principal, run_id: str, *, now: datetime) -> Run:
    """Put a run into the trash, unless it is under way."""
    run = _own_run(connection, who, run_id)
    if run.state in UNDER_WAY:
        raise ConflictError(f"the run is {run.state}; stop it first")
    connection.execute(runs.update().where(_is_still(run)).values(deleted_at=now))
    record(connection, who, "deleted", _NOUN, run_id, now=now)
    return run


def _own_run(connection: sa.Connection, who: Principal, run_id: str) -> Run:
    run = find_run(connection, who, run_id)
    refuse_others(who, run.owner, noun=_NOUN)
    return run


def _is_still(run: Run) -> sa.ColumnElement[bool]:
    return sa.and_(
        runs.c.run_id == run.run_id, runs.c.state == run.state, runs.c.attempt == run.attempt
    )


def move(
    connection: sa.Connection, who: Principal, run: Run, *, to: str, now: datetime, **values: Any
) -> Run:
    """Bring a run from the state in which it was read into another, with a line in the audit.

    Raises
    ------
    ConflictError
        When it is no longer in that state and attempt: somebody else was faster.
    """
    changed = connection.execute(runs.update().where(_is_still(run)).values(state=to, **values))
    if changed.rowcount == 0:
        raise ConflictError("the run has just changed its state; look again")
    before = {"state": run.state, "attempt": run.attempt}
    after = {"state": to, "attempt": values.get("attempt", run.attempt)}
    record(connection, who, to, _NOUN, run.run_id, before=before, after=after, now=now)
    return read_run(connection, run.run_id)
