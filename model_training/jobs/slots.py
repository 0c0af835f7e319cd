"""The slots of a worker: the processes of its pool, of which each executes one job and ends."""

from __future__ import annotations

import re
import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from billiard.exceptions import Terminated
from celery.worker.request import Request

_OF_AN_ATTEMPT = re.compile(r"[0-9A-Z]{26}\.\d{1,9}")


@dataclass(frozen=True)
class Death:
    """A job that ended without saying so: its attempt, its process, and why."""

    task_id: str
    pid: int | None
    reason: str

    @property
    def run_id(self) -> str:
        """The run that it executed."""
        return self.task_id.partition(".")[0]

    @property
    def attempt(self) -> int:
        """The attempt of the run."""
        return int(self.task_id.partition(".")[2])


class Slots:
    """The processes of the pool, each for one job: which are idle, and which died."""

    def __init__(self) -> None:
        self._deaths: SimpleQueue[Death] = SimpleQueue()
        self._waiting: weakref.WeakSet[Request] = weakref.WeakSet()
        self._used: set[int] = set()

    def received(self, request: Request) -> None:
        """Note a message that no process has yet."""
        self._waiting.add(request)

    def accepted(self, request: Request, pid: int) -> None:
        """Note that a process has begun; it ends after this job."""
        self._waiting.discard(request)
        self._used.add(pid)

    def died(self, request: Request, error: BaseException) -> None:
        """Note that a job ended by a signal or an error, unless a forged message was its own."""
        self._waiting.discard(request)
        if _OF_AN_ATTEMPT.fullmatch(request.id):
            self._deaths.put(Death(request.id, request.worker_pid, _why(error)))

    def next_death(self, seconds: float) -> list[Death]:
        """Wait for a death; return it, or nothing."""
        try:
            return [self._deaths.get(timeout=seconds)]
        except Empty:
            return []

    def idle(self, pids: Iterable[int]) -> int:
        """Count the processes, of those that there are now, that wait for a job."""
        alive = set(pids)
        self._used &= alive
        return max(0, len(alive - self._used) - len(self._waiting))


def _why(error: BaseException) -> str:
    error = getattr(error, "exc", error)
    if isinstance(error, Terminated):
        return "killed, because it did not stop when it was asked to"
    killed = re.search(r"\((SIG[A-Z]+)\)", str(error))
    if killed is None:
        return f"ended by a fault of the program: {error!r}"
    guess = " (out of memory?)" if killed[1] == "SIGKILL" else ""
    return f"killed by {killed[1]}{guess}"


class RunRequest(Request):
    """A message in Celery's main process, with what becomes of it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.task.slots.received(self)

    def on_accepted(self, pid: int, time_accepted: float) -> None:
        self.task.slots.accepted(self, pid)
        super().on_accepted(pid, time_accepted)

    def on_failure(self, exc_info: Any, *arguments: Any, **options: Any) -> None:
        self.task.slots.died(self, exc_info.exception)
        super().on_failure(exc_info, *arguments, **options)
