"""The scheduler: a thread of each worker that runs background jobs between requests."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from flask import Flask

from app.metrics import JOB_FAILURES
from app.services import Services, services
from database.delivery.flow import received_since
from database.engine import reading
from database.named_lock import named_lock
from solar.errors import FlarewatchError, StoreFullError

_log = logging.getLogger(__name__)

_PAUSE_SECONDS = 1.0
# Where that many rows came over the last minute or two, ingest has the machine: then a job does
# a little at a time, and all of them rest for nine times as long as it took. A request of one
# record takes as long as so many rows of bulk.
_BUSY_ROWS = 30_000
_ROWS_OF_A_REQUEST = 100
_BUSY_SPAN = timedelta(minutes=1)
_REST_FACTOR = 9.0
# Each unforeseen failure in a row doubles the wait of a job, up to this.
_LONGEST_WAIT_SECONDS = 300.0


@dataclass(frozen=True)
class Job:
    """Work that is due again some time after it was done; if `sole`, one worker at a time.

    Sole jobs share a lock, and rest while ingest is busy, but for one with a lock of its own.
    `attend` is called at every try, also where another worker holds the lock.
    """

    name: str
    every_seconds: float
    work: Callable[[Services], object]
    sole: bool = False
    lock: str | None = None
    attend: Callable[[], object] = field(default=lambda: None)


def is_busy(running: Services) -> bool:
    """Tell whether rows are coming in at volume, or requests."""
    with reading(running.engine) as connection:
        requests, rows = received_since(connection, running.clock() - _BUSY_SPAN)
    return rows + _ROWS_OF_A_REQUEST * requests >= _BUSY_ROWS


class Scheduler(threading.Thread):
    """Runs jobs when they are due; a job that fails is logged and due again later."""

    def __init__(self, app: Flask, jobs: Sequence[Job]) -> None:
        super().__init__(name="background jobs", daemon=True)
        self._app = app
        self._jobs = jobs
        self._is_stopped = threading.Event()
        self._wait_seconds = {job: job.every_seconds for job in jobs}
        for job in jobs:
            # A counter is shown from its first use on; a rule on its growth needs the zero before.
            JOB_FAILURES.labels(job.name)

    def run(self) -> None:
        """Run what is due until stopped."""
        due_at = dict.fromkeys(self._jobs, 0.0)
        with self._app.app_context():
            while not self._is_stopped.wait(_PAUSE_SECONDS):
                for job in self._jobs:
                    is_due = time.monotonic() >= due_at[job] and not self._is_stopped.is_set()
                    if is_due and self._run(job):
                        due_at[job] = time.monotonic() + self._wait_seconds[job]

    def stop(self) -> None:
        """End after the current job; each of them is one transaction or safe to interrupt."""
        self._is_stopped.set()

    def _run(self, job: Job) -> bool:
        """Run a job; False if another worker holds the lock of the sole ones."""
        running = services()
        wait_seconds = job.every_seconds
        try:
            if not self._is_done(job, running):
                return False
        except FlarewatchError as error:
            if isinstance(error, StoreFullError):
                running.full_disk.note()
            _log.warning("%s: %s", job.name, error)
            JOB_FAILURES.labels(job.name).inc()
        except Exception:
            # It must not end the thread, and with it all other jobs.
            _log.exception("%s failed", job.name)
            JOB_FAILURES.labels(job.name).inc()
            wait_seconds = max(
                wait_seconds, min(_LONGEST_WAIT_SECONDS, 2 * self._wait_seconds[job])
            )
        self._wait_seconds[job] = wait_seconds
        return True

    def _is_done(self, job: Job, running: Services) -> bool:
        if not job.sole:
            job.work(running)
            return True
        # The name of the lock is shared with workers of earlier versions.
        with named_lock(running.engine, job.lock or "chores") as is_mine:
            job.attend()
            if is_mine and job.lock is not None:
                job.work(running)
            elif is_mine:
                self._run_and_rest(job, running)
            return is_mine

    def _run_and_rest(self, job: Job, running: Services) -> None:
        began = time.monotonic()
        job.work(running)
        seconds = time.monotonic() - began
        # The lock is kept during the rest, so that no other worker fills it.
        if is_busy(running):
            self._is_stopped.wait(_REST_FACTOR * seconds)
