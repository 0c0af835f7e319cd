"""Publishing: queued runs go to workers with a free slot, and what dies on the way comes back."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.settings import LabSettings
from database.engine import reading, store_time, transact
from database.lab.attempts import (
    lose_runs,
    overdue,
    publish,
    requeue_lost,
    take_back,
    unclaimed,
)
from database.lab.datasets import finish_description
from database.lab.runs import Run, has_work, read_run
from database.lab.workers import assign
from solar.errors import ConflictError

TASK = "flarewatch.run"
# A lost run that resumes restarts by itself after twice the lease: until then it may be found.
_RESTART_LEASES = 2
# Rounds of one turn of the job, and the pause between two of them.
_ROUNDS, _PAUSE_SECONDS = 30, 1.0
# A longer silence between two notes means that this process, or the store, was away.
_LONGEST_GAP_SECONDS = 5.0
# After a failure the broker is not asked again for a while; without it nothing can be published.
_BROKER_REST_SECONDS = 5.0

_log = logging.getLogger(__name__)


class Publisher:
    """Publishes runs, one process of all at a time; its turns follow each other at once."""

    def __init__(self, settings: LabSettings) -> None:
        self._settings = settings
        self._celery: Any = None
        self._broker_rests_until = 0.0
        self._round_at = self._present_since = -_LONGEST_GAP_SECONDS
        self._killed: set[str] = set()

    def work(self, engine: sa.Engine) -> None:
        """Do some rounds; the lock of the job is kept meanwhile."""
        for _ in range(_ROUNDS):
            self.do_round(engine)
            time.sleep(_PAUSE_SECONDS)

    def do_round(self, engine: sa.Engine) -> None:
        """Judge leases and claims, publish what has a slot, kill what does not stop."""
        self.note_presence()
        with reading(engine) as connection:
            is_idle = not has_work(connection)
        if is_idle:
            return
        self._judge(engine)
        if self._has_broker():
            for run in _transact(engine, _publish_all):
                self._send(engine, run)
            self._kill_overdue(engine)

    def note_presence(self) -> None:
        """Note since when this process and the store have been there without a gap.

        While another process has its turn, this one only notes; else each would begin its turn
        with a lease of waiting, and turns that alternate would hardly ever judge one.
        """
        now = time.monotonic()
        if now - self._round_at > _LONGEST_GAP_SECONDS:
            self._present_since = now
        self._round_at = now

    def _judge(self, engine: sa.Engine) -> None:
        settings = self._settings
        claim = timedelta(seconds=settings.lab_claim_seconds)
        lease = timedelta(seconds=settings.lab_lease_seconds)
        # Jobs could not renew their leases while the API or the store was away.
        may_lose = time.monotonic() - self._present_since >= settings.lab_lease_seconds

        def work(connection: sa.Connection, now: datetime) -> None:
            for run in unclaimed(connection, before=now - claim):
                take_back(connection, run, now=now)
            if may_lose:
                lost = lose_runs(connection, restart_after=_RESTART_LEASES * lease, now=now)
                for run in (one for one in lost if one.restarts_at is None):
                    finish_description(connection, run, None, now=now)
            requeue_lost(connection, now=now)

        _transact(engine, work)

    def _has_broker(self) -> bool:
        if time.monotonic() < self._broker_rests_until:
            return False
        if self._celery is None:
            self._celery = _celery(self._settings)
        return self._celery is not None

    def _send(self, engine: sa.Engine, run: Run) -> None:
        try:
            self._celery.send_task(
                TASK,
                kwargs={"run_id": run.run_id, "attempt": run.attempt},
                queue=f"worker.{run.worker_id}",
                task_id=task_id(run),
                retry=False,
                ignore_result=True,
            )
        except Exception as error:
            # Whatever the broker's library raises: the run is queued again, and nothing is lost.
            self._rest(error)
            _transact(engine, lambda c, now: take_back(c, read_run(c, run.run_id), now=now))

    def _kill_overdue(self, engine: sa.Engine) -> None:
        grace = timedelta(seconds=self._settings.lab_grace_seconds)
        with reading(engine) as connection:
            late = overdue(connection, asked_before=store_time(connection) - grace)
        for task in {task_id(run) for run in late} - self._killed:
            try:
                self._celery.control.revoke(task, terminate=True, signal="SIGKILL")
            except Exception as error:
                # As above; the job also kills itself.
                self._rest(error)
                return
            self._killed.add(task)

    def _rest(self, error: Exception) -> None:
        _log.warning("the broker of the Lab does not answer: %s", error)
        self._broker_rests_until = time.monotonic() + _BROKER_REST_SECONDS


def task_id(run: Run) -> str:
    """Return the name of an attempt at the broker."""
    return f"{run.run_id}.{run.attempt}"


def _publish_all(connection: sa.Connection, now: datetime) -> list[Run]:
    return [
        publish(connection, assignment.run, assignment.worker_id, now=now)
        for assignment in assign(connection, now=now)
    ]


def _transact(engine: sa.Engine, work: Callable[[sa.Connection, datetime], Any]) -> Any:
    """Do work in a transaction; where a job was faster, the next round looks again."""
    try:
        return transact(engine, lambda connection: work(connection, store_time(connection)))
    except ConflictError:
        return []


def _celery(settings: LabSettings) -> Any:
    """Return the sender of messages, None where Celery is not installed."""
    try:
        # Imported when there is something to publish: an installation that only serves lacks it.
        from model_training.jobs.celery_app import make_celery
    except ModuleNotFoundError:
        return None
    return make_celery(settings.broker_address, settings.data_dir.absolute())
