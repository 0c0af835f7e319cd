"""Attempts: how often a run was handed to a worker, and what its job says of it.

The number of the attempt is the fence: a job whose attempt is not the current one, or whose run
has ended, gets a conflict for whatever it says, and ends itself. Times come from the clock of the
store, `store_time`, because leases are judged by processes on several hosts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from database.lab.runs import (
    CANCELLED,
    FAILED,
    LOST,
    PUBLISHED,
    QUEUED,
    RESUMING,
    RUNNING,
    SUCCEEDED,
    TIMED_OUT,
    Run,
    as_run,
    move,
    read_run,
)
from database.lab.streams import EVENTS, LOG, Piece, append, is_attempt
from database.people.principal import PROGRAM, Principal
from database.schema.lab_tables import attempts, runs, workers
from solar.errors import ConflictError, InvalidInputError

# A job gives its run back to the queue when its worker is to end.
HANDED_BACK = "handed_back"
# A lost job is found again when it reports.
_AT_WORK = (RUNNING, LOST)
OUTCOMES = (SUCCEEDED, FAILED, CANCELLED, TIMED_OUT, HANDED_BACK)


@dataclass(frozen=True)
class Claim:
    """What a job says when it begins; the token tells it from a second job of its message."""

    attempt: int
    worker_id: str
    token: str
    host: str
    code_version: str
    libraries: Mapping[str, str]


@dataclass(frozen=True)
class Report:
    """What a job says while it works."""

    attempt: int
    log: Piece
    events: Piece
    rss: int | None = None
    progress: float | None = None
    doing: str | None = None
    eta_s: float | None = None


@dataclass(frozen=True)
class Received:
    """What a job is told: whether to stop, and how much of each stream has arrived."""

    is_to_stop: bool
    log_bytes: int
    event_bytes: int


@dataclass(frozen=True)
class End:
    """What a job says last."""

    attempt: int
    outcome: str
    reason: str | None = None
    headline: Mapping[str, Any] | None = None
    cpu_s: float | None = None
    peak_rss: int | None = None


@dataclass(frozen=True)
class Attempt:
    """An attempt as people see it."""

    run_id: str
    attempt: int
    worker_id: str
    host: str
    code_version: str
    libraries: dict[str, str]
    began_at: datetime
    ended_at: datetime | None
    outcome: str | None
    reason: str | None
    cpu_s: float | None
    peak_rss: int | None
    rss: int | None
    log_bytes: int
    event_bytes: int


def publish(connection: sa.Connection, run: Run, worker_id: str, *, now: datetime) -> Run:
    """Give a queued run to a worker, as a new attempt; raises ConflictError."""
    values = {"attempt": run.attempt + 1, "worker_id": worker_id, "published_at": now}
    return move(connection, PROGRAM, run, to=PUBLISHED, now=now, **values)


def take_back(connection: sa.Connection, run: Run, *, now: datetime) -> Run:
    """Queue a published run again whose message did not arrive; raises ConflictError.

    Its worker counts as busy until it says again what is free, lest a dead one get it once more.
    """
    connection.execute(workers.update().where(workers.c.worker_id == run.worker_id).values(free=0))
    return move(connection, PROGRAM, run, to=QUEUED, now=now, worker_id=None)


def unclaimed(connection: sa.Connection, *, before: datetime) -> list[Run]:
    """Return runs published before a time that nobody has claimed."""
    query = sa.select(runs).where(runs.c.state == PUBLISHED, runs.c.published_at < before)
    return [as_run(row) for row in connection.execute(query)]


def overdue(connection: sa.Connection, *, asked_before: datetime) -> list[Run]:
    """Return running runs that were asked to stop before a time."""
    query = sa.select(runs).where(runs.c.state == RUNNING, runs.c.stop_asked_at < asked_before)
    return [as_run(row) for row in connection.execute(query)]


def claim_run(
    connection: sa.Connection,
    who: Principal,
    run_id: str,
    claim: Claim,
    *,
    lease: timedelta,
    now: datetime,
) -> Run:
    """Begin an attempt; the same claim again, whose answer was lost, has the same answer.

    Raises
    ------
    ConflictError
        When the run is not published as this attempt to this worker, or another job has it.
    """
    run = read_run(connection, run_id)
    _refuse_other_attempt(run, claim.attempt)
    if run.state == RUNNING and _of_attempt(connection, run, "claim_token") == claim.token:
        return run
    if run.state != PUBLISHED or run.worker_id != claim.worker_id:
        raise ConflictError(f"the run is {run.state}, and not for this job to begin")
    anew = dict.fromkeys(("restarts_at", "progress", "doing", "eta_s", "headline", "reason"))
    started = {"started_at": now, "lease_until": now + lease}
    run = move(connection, who, run, to=RUNNING, now=now, **anew, **started)
    told = {name: value for name, value in vars(claim).items() if name != "token"}
    told |= {"claim_token": claim.token, "libraries": json.dumps(dict(claim.libraries))}
    begun = {"run_id": run_id, "began_at": now, "log_bytes": 0, "event_bytes": 0}
    connection.execute(attempts.insert().values(told | begun))
    return run


def _of_attempt(connection: sa.Connection, run: Run, column: str) -> str | None:
    query = sa.select(attempts.c[column]).where(is_attempt(run.run_id, run.attempt))
    return connection.execute(query).scalar()


def report_run(
    connection: sa.Connection,
    who: Principal,
    run_id: str,
    report: Report,
    *,
    lease: timedelta,
    now: datetime,
) -> Received:
    """Take what a job says, and renew its lease; one that was lost is found again.

    A piece that does not begin where the stream ends is left out: the answer says where it ends.
    """
    run = read_run(connection, run_id)
    _refuse_what_has_ended(run, report.attempt)
    values = {name: getattr(report, name) for name in ("progress", "doing", "eta_s")}
    values["lease_until"] = now + lease
    if run.state == LOST:
        found = {**values, "restarts_at": None, "ended_at": None, "reason": "found again"}
        run = move(connection, who, run, to=RUNNING, now=now, **found)
        _note_attempt(connection, run_id, report.attempt, outcome=None, reason=None, ended_at=None)
    else:
        is_it = sa.and_(
            runs.c.run_id == run_id, runs.c.state == RUNNING, runs.c.attempt == run.attempt
        )
        connection.execute(runs.update().where(is_it).values(values))
    _note_attempt(connection, run_id, report.attempt, rss=report.rss)
    for stream, piece in ((LOG, report.log), (EVENTS, report.events)):
        append(connection, run_id, report.attempt, stream, piece)
    counted = sa.select(attempts.c.log_bytes, attempts.c.event_bytes)
    row = connection.execute(counted.where(is_attempt(run_id, report.attempt))).one()
    return Received(run.stop_asked_at is not None, *row)


def end_run(
    connection: sa.Connection, who: Principal, run_id: str, end: End, *, now: datetime
) -> Run:
    """End an attempt; the same end again, whose answer was lost, has the same answer.

    A job that fails after it was asked to stop was cancelled.
    """
    if end.outcome not in OUTCOMES:
        raise InvalidInputError(f"an attempt ends as one of {', '.join(OUTCOMES)}")
    run = read_run(connection, run_id)
    if run.attempt == end.attempt and _of_attempt(connection, run, "outcome") == end.outcome:
        return run
    _refuse_what_has_ended(run, end.attempt)
    outcome, reason = _outcome(run, end.outcome), end.reason
    if outcome == CANCELLED and run.stop_asked_by is not None:
        reason = f"stopped by {run.stop_asked_by}"
    noted = {"outcome": end.outcome, "ended_at": now, "reason": reason}
    _note_attempt(connection, run_id, end.attempt, **noted, cpu_s=end.cpu_s, peak_rss=end.peak_rss)
    values: dict[str, Any] = {"lease_until": None, "restarts_at": None, "eta_s": None}
    if outcome == QUEUED:
        return move(connection, who, run, to=QUEUED, now=now, worker_id=None, **values)
    headline = None if end.headline is None else json.dumps(dict(end.headline))
    values |= {"ended_at": now, "reason": reason, "headline": headline}
    if outcome == SUCCEEDED:
        values["progress"] = 1.0
    return move(connection, who, run, to=outcome, now=now, **values)


def _outcome(run: Run, said: str) -> str:
    is_stopped = run.stop_asked_at is not None
    if said == HANDED_BACK:
        return CANCELLED if is_stopped else QUEUED
    return CANCELLED if said == FAILED and is_stopped else said


def lose_runs(connection: sa.Connection, *, restart_after: timedelta, now: datetime) -> list[Run]:
    """Call runs lost whose lease has run out; one that resumes will once be queued by itself."""
    query = sa.select(runs).where(runs.c.state == RUNNING, runs.c.lease_until < now)
    lost = []
    for run in (as_run(row) for row in connection.execute(query).all()):
        may_restart = (
            run.kind in RESUMING
            and run.stop_asked_at is None
            and not _was_lost_before(connection, run)
        )
        reason = f"no word from its job; the lease ended at {run.lease_until:%H:%M:%S} UTC"
        noted = {"outcome": LOST, "reason": reason, "ended_at": now}
        _note_attempt(connection, run.run_id, run.attempt, **noted)
        restarts_at = now + restart_after if may_restart else None
        values = {"ended_at": now, "restarts_at": restarts_at, "reason": reason}
        lost.append(move(connection, PROGRAM, run, to=LOST, now=now, **values))
    return lost


def _was_lost_before(connection: sa.Connection, run: Run) -> bool:
    query = sa.select(attempts.c.attempt).where(
        attempts.c.run_id == run.run_id, attempts.c.outcome == LOST
    )
    return connection.execute(query.limit(1)).one_or_none() is not None


def requeue_lost(connection: sa.Connection, *, now: datetime) -> list[Run]:
    """Queue the lost runs again whose time to restart by themselves has come."""
    query = sa.select(runs).where(runs.c.state == LOST, runs.c.restarts_at <= now)
    cleared = dict.fromkeys(("restarts_at", "ended_at", "lease_until", "worker_id"))
    return [
        move(connection, PROGRAM, as_run(row), to=QUEUED, now=now, **cleared)
        for row in connection.execute(query).all()
    ]


def list_attempts(connection: sa.Connection, run_id: str) -> list[Attempt]:
    """Return the attempts of a run, the first one first."""
    columns = [attempts.c[name] for name in Attempt.__dataclass_fields__]
    query = sa.select(*columns).where(attempts.c.run_id == run_id).order_by(attempts.c.attempt)
    rows = [dict(row._mapping) for row in connection.execute(query)]
    return [Attempt(**row | {"libraries": json.loads(row["libraries"])}) for row in rows]


def used_by(
    connection: sa.Connection, under_way: Sequence[Run]
) -> dict[str, tuple[float | None, int | None]]:
    """Return processor seconds and bytes of memory of the jobs of runs, by the last report."""
    current = sa.tuple_(attempts.c.run_id, attempts.c.attempt)
    query = sa.select(attempts.c.run_id, attempts.c.cpu_s, attempts.c.rss)
    query = query.where(current.in_([(run.run_id, run.attempt) for run in under_way]))
    return {run_id: (cpu_s, rss) for run_id, cpu_s, rss in connection.execute(query)}


def find_current(connection: sa.Connection, run_id: str, attempt: int) -> Run:
    """Return a run that a job works on; raises ConflictError for any other attempt."""
    run = read_run(connection, run_id)
    _refuse_what_has_ended(run, attempt)
    return run


def attempts_at_work(connection: sa.Connection) -> list[tuple[str, int]]:
    """Return run and attempt of each job that may still deliver: those `find_current` finds."""
    query = sa.select(runs.c.run_id, runs.c.attempt).where(runs.c.state.in_(_AT_WORK))
    return [(run_id, attempt) for run_id, attempt in connection.execute(query)]


def _refuse_other_attempt(run: Run, attempt: int) -> None:
    if run.attempt != attempt:
        raise ConflictError(f"attempt {attempt} is over; the run is at attempt {run.attempt}")


def _refuse_what_has_ended(run: Run, attempt: int) -> None:
    _refuse_other_attempt(run, attempt)
    if run.state not in _AT_WORK:
        raise ConflictError(f"the run is {run.state}")


def _note_attempt(connection: sa.Connection, run_id: str, attempt: int, **values: Any) -> None:
    connection.execute(attempts.update().where(is_attempt(run_id, attempt)).values(values))
