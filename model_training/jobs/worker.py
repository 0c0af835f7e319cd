"""The worker: the process that registers at the API and runs the pool, whose processes are jobs.

Celery reads the queue of this worker alone and gives each message to a process of its pool. A
thread tells the API how many of these processes are idle, and how jobs ended that died.
"""

from __future__ import annotations

import logging
import mmap
import os
import re
import shutil
import signal
import socket
import threading
import time
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import orjson
from celery import Celery, Task, signals
from celery.bootsteps import CLOSE, TERMINATE
from celery.worker import WorkController, state
from kombu.exceptions import OperationalError

from model_training.jobs.api import ApiAwayError, AttemptOverError, RunApi, WorkerApi
from model_training.jobs.celery_app import make_celery
from model_training.jobs.machine_watch import MachineWatch
from model_training.jobs.offers import find_offers
from model_training.jobs.settings import WorkerSettings
from model_training.jobs.slots import Death, RunRequest, Slots
from model_training.jobs.work_folder import (
    END,
    HANDED_BACK,
    Streams,
    remove_leftovers,
    work_folder_of,
)
from model_training.limited import ONE_THREAD
from solar.errors import FlarewatchError
from solar.process import Backoff
from solar.version import VERSION

TASK = "flarewatch.run"
_LONGEST_SILENCE_SECONDS = 5.0
_TICK_SECONDS = 1.0
_LOOK_SECONDS = 10.0
_CELERY_SETTINGS = {
    "worker_prefetch_multiplier": 1,
    "worker_max_tasks_per_child": 1,
    "worker_lost_wait": 1,
    "worker_hijack_root_logger": False,
    "worker_enable_prefetch_count_reduction": False,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "broker_connection_retry_on_startup": True,
}
_log = logging.getLogger(__name__)


class Worker:
    """One worker of the Lab.

    Parameters
    ----------
    slots : how many runs it executes at a time
    gpu : the number of the GPU that its runs may use, None for a worker without
    """

    def __init__(self, settings: WorkerSettings, *, slots: int, gpu: int | None) -> None:
        self._settings, self._slot_count = settings, slots
        self._gpu = gpu
        self._host = socket.gethostname()
        self._offers: list[str] = []
        self._api = WorkerApi(settings)
        self._watch = MachineWatch(settings.data_dir)
        self._looked_at = time.monotonic()
        self._slots = Slots()
        self._deaths: list[Death] = []
        self._worker_id: str | None = None
        self._celery: Any = None
        self._controller: Any = None
        self._is_ready = self._is_draining = False
        self._silence = _LONGEST_SILENCE_SECONDS
        self._told: tuple[int, bool] | None = None
        self._told_at = 0.0
        self._backoff = Backoff(_TICK_SECONDS, _LONGEST_SILENCE_SECONDS, jitter=(0.5, 1.0))
        self._signals = 0
        self._end_at: float | None = None
        # Shared with the jobs, which are forked: whether they are to hand their runs back.
        self._handing_back = mmap.mmap(-1, 1)

    def run(self) -> int:
        """Work until SIGTERM or SIGINT, or until the API wants no more; return the exit status.

        Raises
        ------
        ApiRefusedError
            When the API does not take this worker: its key, its address or its version.
        InvalidInputError
            When the data folder cannot be used, or nothing can be executed here.
        """
        # Until there are jobs to end, both simply end this process.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.environ.update(ONE_THREAD)
        if self._gpu is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = str(self._gpu)
        for name in remove_leftovers(self._settings):
            _log.info("removed the folder of job %s, which had died", name)
        self._offers = find_offers(self._gpu)
        self._register_first()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        self._start_pool()
        threading.Thread(target=self._keep_in_touch, name="register", daemon=True).start()
        self._controller.start()
        return int(self._controller.exitcode or 0)

    def _register_first(self) -> None:
        is_told = False
        while True:
            try:
                self._register(free=0)
            except ApiAwayError as error:
                if not is_told:
                    _log.warning("%s; waiting for it", error)
                is_told = True
                time.sleep(self._backoff.next_seconds(error.retry_after_seconds))
            else:
                self._backoff.reset()
                return

    def _register(self, *, free: int) -> None:
        worker = {
            "worker_id": self._worker_id,
            "host": self._host,
            "code_version": VERSION,
            "offers": self._offers,
            "queue": self._queue,
            "slots": self._slot_count,
            "free": free,
            "is_draining": self._is_draining,
            "machine": self._machine(),
        }
        answer = self._api.register(worker)
        self._worker_id = str(answer["worker_id"])
        self._silence = min(_LONGEST_SILENCE_SECONDS, answer["lease_seconds"] / 6)
        if answer["state"] == "draining" and not self._is_draining:
            self._drain("the API has drained this worker")

    def _machine(self) -> dict[str, Any] | None:
        """Return how its machine is, every ten seconds."""
        if time.monotonic() - self._looked_at < _LOOK_SECONDS:
            return None
        self._looked_at = time.monotonic()
        return asdict(self._watch.look())

    @property
    def _queue(self) -> str:
        if self._gpu is None:
            return "cpu"
        return f"gpu.{re.sub(r'[^A-Za-z0-9._-]', '-', self._host)[:64]}.{self._gpu}"

    def _start_pool(self) -> None:
        settings = self._settings
        self._celery = celery = make_celery(settings.broker_address, settings.data_dir.absolute())
        celery.conf.update(_CELERY_SETTINGS)
        if not settings.broker_address:
            # Over files, a job that is to be terminated would be waited for.
            celery.conf.worker_pool_putlocks = False
        celery.set_current()
        # The log of this process and those of jobs are set up here.
        signals.setup_logging.connect(_leave_logging_alone)
        _add_task(celery, settings, self._handing_back).slots = self._slots
        self._controller = WorkController(
            app=celery,
            hostname=f"{self._worker_id}@{self._host}",
            pool="prefork",
            concurrency=self._slot_count,
            queues=[f"worker.{self._worker_id}"],
            ready_callback=self._on_ready,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        )

    def _on_ready(self, _consumer: Any) -> None:
        told = self._worker_id, self._slot_count, self._queue
        _log.info("worker %s is ready: %d at a time, queue %s", *told)
        self._is_ready = True

    def _on_signal(self, number: int, _frame: Any) -> None:
        self._signals += 1

    def _keep_in_touch(self) -> None:
        while True:
            try:
                self._do_round()
            except Exception:
                # Without this thread the worker would work on and be taken for dead.
                _log.exception("this round failed; the next one follows")
                time.sleep(_TICK_SECONDS)

    def _do_round(self) -> None:
        """Notice deaths and signals, and tell the API what is new."""
        self._deaths += self._slots.next_death(_TICK_SECONDS)
        if self._signals and not self._handing_back[0]:
            self._handing_back[0] = 1
            self._end_at = time.monotonic() + self._settings.worker_drain_seconds
            self._drain("was told to end")
        elif self._controller.blueprint.state in (CLOSE, TERMINATE) and not self._is_draining:
            _log.error("Celery has stopped; no run is taken any more, and this process ends")
            self._is_draining = True
        self._deaths = [death for death in self._deaths if not self._is_reported(death)]
        self._tell()
        if self._is_draining:
            self._end_when_idle()

    def _drain(self, why: str) -> None:
        _log.info("draining: %s", why)
        self._is_draining = True
        # What comes without it ends at its claim, and is queued again.
        with suppress(OperationalError):
            self._celery.control.cancel_consumer(
                f"worker.{self._worker_id}", destination=[self._controller.hostname]
            )

    def _tell(self) -> None:
        """Register when something has changed, and every few seconds."""
        state_now = self._free(), self._is_draining
        if state_now == self._told and time.monotonic() - self._told_at < self._silence:
            return
        try:
            self._register(free=state_now[0])
        except AttemptOverError:
            # The store forgot this worker, or is another one.
            self._register_anew()
        except FlarewatchError as error:
            if self._told is not None:
                _log.warning("%s; running jobs go on", error)
            self._told, self._told_at = None, time.monotonic()
            time.sleep(self._backoff.next_seconds())
        else:
            self._backoff.reset()
            self._told, self._told_at = state_now, time.monotonic()

    def _register_anew(self) -> None:
        self._worker_id = None
        # The next round is another chance.
        with suppress(FlarewatchError, OperationalError):
            self._register(free=0)
            self._celery.control.add_consumer(
                f"worker.{self._worker_id}", destination=[self._controller.hostname]
            )
            _log.info("registered anew as worker %s", self._worker_id)

    def _free(self) -> int:
        if not self._is_ready or self._is_draining:
            return 0
        # Celery does not tell its pool by another way; the list is replaced, not changed, rarely.
        pids = [process.pid for process in list(self._controller.pool._pool._pool)]
        return min(self._slot_count, self._slots.idle(pid for pid in pids if pid))

    def _is_reported(self, death: Death) -> bool:
        """Tell the API how a job ended that could not; return whether that is done."""
        if death.pid:
            # What it had started.
            with suppress(ProcessLookupError):
                os.killpg(death.pid, signal.SIGKILL)
        folder = work_folder_of(self._settings, death.run_id, death.attempt)
        if not folder.is_dir():
            # It had not claimed its run, or had ended it.
            return True
        end: dict[str, Any] = {"outcome": "failed", "reason": death.reason}
        if (folder / END).is_file():
            end = orjson.loads((folder / END).read_bytes())
        api = RunApi(self._api, death.run_id, death.attempt)
        try:
            Streams(api, folder).send_rest()
            api.end(end)
        except ApiAwayError:
            return False
        except FlarewatchError as error:
            _log.warning("the end of run %s is not reported: %s", death.run_id, error)
        else:
            _log.warning("run %s, attempt %d: %s", death.run_id, death.attempt, end["reason"])
        shutil.rmtree(folder, ignore_errors=True)
        return True

    def _end_when_idle(self) -> None:
        if self._signals > 1 or (self._end_at is not None and time.monotonic() > self._end_at):
            self._end_anyway()
        elif not state.reserved_requests and not self._deaths:
            state.should_stop = 0
            # Should Celery, which has nothing left to do, not come to its end.
            self._end_at = self._end_at or time.monotonic() + self._settings.worker_drain_seconds

    def _end_anyway(self) -> None:
        """Kill the jobs and hand their runs back."""
        _log.warning("ends before its jobs do")
        for request in list(state.reserved_requests):
            reason = "its worker was told to end"
            death = Death(request.id, request.worker_pid, reason)
            folder = work_folder_of(self._settings, death.run_id, death.attempt)
            if folder.is_dir():
                (folder / END).write_bytes(orjson.dumps({"outcome": HANDED_BACK, "reason": reason}))
            self._is_reported(death)
        logging.shutdown()
        os._exit(int(self._controller.exitcode or 0))


def _leave_logging_alone(**_: Any) -> None:
    """Listen to the signal that asks who sets up logging."""


def _add_task(celery: Celery, settings: WorkerSettings, handing_back: mmap.mmap) -> Task:
    def run(task: Task, run_id: str, attempt: int) -> None:
        # Only jobs need what it imports.
        from model_training.jobs.job import run_job

        queue = task.request.delivery_info["routing_key"]
        run_job(
            settings,
            worker_id=queue.removeprefix("worker."),
            run_id=run_id,
            attempt=attempt,
            is_draining=lambda: bool(handing_back[0]),
        )

    task: Task = celery.task(name=TASK, bind=True, ignore_result=True)(run)
    task.Request = RunRequest
    return task
