"""Reporting: while a job works, a thread sends what it wrote, renews its lease, hears of stops."""

from __future__ import annotations

import logging
import math
import os
import resource
import shutil
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import orjson

from model_training.jobs.api import AttemptOverError, RunApi
from model_training.jobs.work_folder import END, HANDED_BACK, PIECES_AT_ONCE, Streams
from model_training.journal import Journal, Progress, Stop
from solar.errors import FlarewatchError
from solar.process import Backoff

CANCELLED, TIMED_OUT = "cancelled", "timed_out"
# These keep checkpoints, from which another worker goes on.
RESUMING = ("train", "augment")
_LONGEST_DOING = 200
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Times:
    """How long a job may be silent, go on after a stop, and work altogether [s]."""

    lease_seconds: float
    grace_seconds: float
    time_limit_s: float

    @property
    def tick_seconds(self) -> float:
        """How often to report while something happens."""
        return min(1.0, self.lease_seconds / 30)

    @property
    def quiet_seconds(self) -> float:
        """How often to report while nothing happens, and so to hear of a stop."""
        return min(2.0, self.lease_seconds / 15)

    @property
    def machine_seconds(self) -> float:
        """How often to tell of processor time and memory."""
        return min(10.0, self.lease_seconds / 3)


class Reporter(threading.Thread):
    """Reports a job until it ends, and ends a job that does not obey.

    Parameters
    ----------
    folder : the work folder of the job, which holds its log and its journal
    stop : set when the job is to stop; `why` says then for which outcome
    is_draining : whether the worker is to end
    """

    def __init__(
        self,
        api: RunApi,
        folder: Path,
        *,
        kind: str,
        times: Times,
        stop: Stop,
        is_draining: Callable[[], bool],
    ) -> None:
        super().__init__(name="reporter", daemon=True)
        self.why: str | None = None
        self.is_executing = True
        self._folder, self._kind, self._times = folder, kind, times
        self._streams = Streams(api, folder)
        self._stop_asked, self._is_draining = stop, is_draining
        self._progress = Progress()
        self._half_line = b""
        self._parent = os.getppid()
        self._began = self._reported = time.monotonic()
        self._asked_at = 0.0
        self._sampled_at = -math.inf
        self._backoff = Backoff(times.tick_seconds, times.quiet_seconds, jitter=(0.5, 1.0))
        self._sending = threading.Lock()
        self._finished = threading.Event()

    def run(self) -> None:
        """Report until `finish`."""
        pause = 0.0
        while not self._finished.wait(pause):
            pause = self._times.tick_seconds
            if os.getppid() != self._parent:
                # Linux kills the job when the worker dies; this is for where it does not.
                self._kill()
            self._look_at_the_clock()
            self._tell_of_the_machine()
            if self._is_due():
                pause = self._send_once()

    def finish(self) -> None:
        """Send the rest of the log, if the API is there, and report no more."""
        self._send_once()
        self._finished.set()
        self.join()

    def _is_due(self) -> bool:
        return self._streams.has_more or (
            time.monotonic() - self._reported
            >= self._times.quiet_seconds - self._times.tick_seconds / 2
        )

    def _tell_of_the_machine(self) -> None:
        """Write processor time and memory among the events, which become curves."""
        now = time.monotonic()
        if self.is_executing and now - self._sampled_at >= self._times.machine_seconds:
            self._sampled_at = now
            # A disk that is full is told by the job, which writes there too.
            with suppress(OSError):
                Journal(self._folder / "journal").tell("machine", cpu_s=cpu_seconds(), rss=_rss())

    def _look_at_the_clock(self) -> None:
        if self.is_executing and self.why is not None:
            if time.monotonic() - self._asked_at > self._times.grace_seconds:
                self._give_up()
        elif time.monotonic() - self._began > self._times.time_limit_s:
            self._ask(TIMED_OUT)
        elif self._is_draining() and self._kind in RESUMING:
            self._ask(HANDED_BACK)

    @property
    def reason(self) -> str | None:
        """Why the job was to stop, in words; None if it was not asked to."""
        reasons = {
            CANCELLED: "was asked to stop",
            TIMED_OUT: f"took longer than {self._times.time_limit_s:g} s",
            HANDED_BACK: "its worker was to end",
        }
        return reasons.get(self.why or "")

    def _ask(self, why: str) -> None:
        if self.why is None and self.is_executing:
            _log.info("asked to stop: %s", why.replace("_", " "))
            self.why, self._asked_at = why, time.monotonic()
            self._stop_asked.request()

    def _send_once(self) -> float:
        """Send all that is new; return how long to wait before the next time [s]."""
        try:
            with self._sending:
                for _ in range(PIECES_AT_ONCE):
                    self._send_piece()
                    if not self._streams.has_more:
                        break
        except AttemptOverError as error:
            self._abandon(error)
        except FlarewatchError:
            # The log stays on the disk, and is sent from where it ended.
            return self._backoff.next_seconds()
        self._backoff.reset()
        return self._times.tick_seconds

    def _send_piece(self) -> None:
        progress = self._progress
        state = {"rss": _rss(), "progress": progress.share, "eta_s": progress.eta_s}
        doing = progress.doing[:_LONGEST_DOING] or None
        events, is_to_stop = self._streams.send(state | {"doing": doing})
        self._reported = time.monotonic()
        self._read_progress(events.encode())
        if is_to_stop:
            self._ask(CANCELLED)

    def _read_progress(self, events: bytes) -> None:
        *lines, self._half_line = (self._half_line + events).split(b"\n")
        for line in lines:
            self._progress.read(line)

    def _give_up(self) -> None:
        """Kill the job, which does not stop; the worker says so."""
        grace = f"{self._times.grace_seconds:g} s"
        reason = f"{self.reason}; did not stop within {grace}, and was killed"
        (self._folder / END).write_bytes(orjson.dumps({"outcome": self.why, "reason": reason}))
        self._kill()

    def _abandon(self, error: AttemptOverError) -> None:
        """End a job that is no longer wanted, and deliver nothing."""
        _log.info("ends: %s", error)
        shutil.rmtree(self._folder, ignore_errors=True)
        self._kill()

    @staticmethod
    def _kill() -> None:
        # The job leads a process group of its own: what it started ends with it.
        os.killpg(os.getpid(), signal.SIGKILL)


def cpu_seconds() -> float:
    """Return the processor time of this process and of those that it started and that ended [s]."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return round(sum(one.ru_utime + one.ru_stime for one in used), 3)


def _rss() -> int:
    pages = int(Path("/proc/self/statm").read_bytes().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
