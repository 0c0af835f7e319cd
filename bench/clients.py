"""Clients: processes that all do the same work at the same time, each with a part of its own."""

from __future__ import annotations

import http.client
import multiprocessing
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from threading import BrokenBarrierError
from typing import Any
from urllib.parse import urlsplit

import orjson

from solar.errors import FlarewatchError

# A step does part of the work and returns how many records that were, 0 at the end of them.
Step = Callable[[], int]
_START_SECONDS = 120.0
# How many steps warm the other side up before the clock starts.
WARM_STEPS = 2


@dataclass(frozen=True)
class Tally:
    """What one client, or all of them, have done: records, seconds and CPU seconds."""

    records: int
    seconds: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        """Records per second."""
        return self.records / self.seconds


class Crowd:
    """Processes at work; `prepare` makes the step of each out of its arguments, in the process.

    The clock starts when all are ready.
    """

    def __init__(
        self, prepare: Callable[..., Step], arguments: Sequence[tuple[Any, ...]], seconds: float
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self._queue: Any = context.Queue()
        self._barrier = context.Barrier(len(arguments) + 1)
        self._processes = [
            context.Process(
                target=_work, args=(self._queue, self._barrier, seconds, prepare, own), daemon=True
            )
            for own in arguments
        ]
        for process in self._processes:
            process.start()

    def begin(self) -> None:
        """Wait until all are ready, and let them go; `end` tells who failed before."""
        with suppress(BrokenBarrierError):
            self._barrier.wait(_START_SECONDS)

    def end(self) -> Tally:
        """Wait until the last has ended; all of them are needed, or this fails."""
        found: list[Tally | str] = [self._queue.get() for _ in self._processes]
        for process in self._processes:
            process.join()
        tallies = [one for one in found if isinstance(one, Tally)]
        if len(tallies) < len(found):
            raise RuntimeError(next(one for one in found if isinstance(one, str)))
        return Tally(
            sum(one.records for one in tallies),
            max(one.seconds for one in tallies),
            sum(one.cpu_seconds for one in tallies),
        )


def _work(
    queue: Any,
    barrier: Barrier,
    seconds: float,
    prepare: Callable[..., Step],
    own: tuple[Any, ...],
) -> None:
    try:
        step = prepare(*own)
        for _ in range(WARM_STEPS):
            step()
        barrier.wait(_START_SECONDS)
        queue.put(_counted(step, seconds))
    except (OSError, RuntimeError, FlarewatchError, BrokenBarrierError) as error:
        barrier.abort()
        queue.put(f"a client failed: {error!r}")


def _counted(step: Step, seconds: float) -> Tally:
    began, cpu, records = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - began < seconds and (done := step()):
        records += done
    return Tally(records, time.perf_counter() - began, time.process_time() - cpu)


class Connection:
    """One kept connection to an API, with as little of a client around it as there can be."""

    def __init__(self, address: str, media_type: str) -> None:
        parts = urlsplit(address)
        self._http = http.client.HTTPConnection(parts.netloc, timeout=60)
        self._target = parts.path + (f"?{parts.query}" if parts.query else "")
        self._headers = {"Content-Type": media_type}

    def post(self, body: bytes) -> dict[str, Any]:
        """Send a body and return what was answered."""
        try:
            status, content = self._exchange(body)
        except ConnectionError:
            # The server lets go of a connection on which nothing came for two seconds.
            self._http.close()
            status, content = self._exchange(body)
        if status != 200:
            raise RuntimeError(f"{self._target} answered {status}: {content[:300]!r}")
        told: dict[str, Any] = orjson.loads(content)
        return told

    def _exchange(self, body: bytes) -> tuple[int, bytes]:
        self._http.request("POST", self._target, body, self._headers)
        answer = self._http.getresponse()
        return answer.status, answer.read()
