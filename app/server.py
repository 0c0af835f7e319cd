"""The server of the API: its workers make the application after the fork."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker
from prometheus_client import multiprocess

from app import logs
from app.contract.problems import MAX_BODY_BYTES
from app.ingest.admission import is_live
from app.settings import ApiSettings
from solar import server
from solar.turns import Turns

# Live records are worked on one at a time, since more would only take the interpreter from each
# other; while they are stored, or wait for a commit, the next one has its turn.
LIVE_TURNS = 1
# Everything else that one worker works on at a time.
OTHER_TURNS = 4
# Records that have begun at a time; most of these wait for a commit, each with a thread.
LIVE_RECORDS = 124
THREADS = LIVE_RECORDS + OTHER_TURNS
STOP_SECONDS = 4
OBSERVATIONS = "/api/v1/observations"
# How long a thread may keep the interpreter while others wait for it. A live record needs it again
# after each of its trips to the store, and would wait 5 ms each time beside bulk.
SWITCH_SECONDS = 0.001


class Server(BaseApplication):
    """Gunicorn, configured by our settings instead of its command line."""

    def __init__(self, settings: ApiSettings, metrics_dir: Path) -> None:
        self._settings = settings
        self._metrics_dir = metrics_dir
        self._live_turns = Turns(LIVE_TURNS, most=LIVE_RECORDS)
        self._other_turns = Turns(OTHER_TURNS)
        super().__init__()

    def load_config(self) -> None:
        for name, value in _options(self._settings, self._turns_of).items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        # Imported in the worker, after the fork, which onnxruntime does not survive.
        from app.create_app import create_app

        return create_app(
            self._settings, metrics_dir=self._metrics_dir, live_turns=self._live_turns
        )

    def _turns_of(self, path: str, length: int | None) -> Turns:
        # Who only asks for observations sends no body.
        brings_records = path == OBSERVATIONS and bool(length) and is_live(length)
        return self._live_turns if brings_records else self._other_turns


def _options(settings: ApiSettings, turns_of: Callable[[str, int | None], Turns]) -> dict[str, Any]:
    return {
        **server.shared_options(settings.api_host, settings.api_port, MAX_BODY_BYTES, turns_of),
        # One file has one writer, so more processes would only wait for each other.
        "workers": 1 if settings.is_embedded else settings.api_workers,
        "threads": THREADS,
        "graceful_timeout": STOP_SECONDS,
        "logconfig_dict": logs.configuration(),
        "post_worker_init": _begin,
        "child_exit": _forget_worker,
    }


def _begin(worker: Worker) -> None:
    # Imported after the fork, as the application is.
    from app.background_jobs.jobs import JOBS, notification_jobs
    from app.background_jobs.scheduler import Scheduler
    from app.services import services

    Scheduler(worker.wsgi, JOBS).start()
    with worker.wsgi.app_context():
        settings = services().settings
    for job in notification_jobs(settings):
        Scheduler(worker.wsgi, [job]).start()
    sys.setswitchinterval(SWITCH_SECONDS)
    _spare_the_collector()


def _spare_the_collector() -> None:
    # Models and schemas live as long as the worker, and the tens of thousands of numbers of a
    # batch are in no cycle: the collector would search them again and again for nothing.
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000)


def _forget_worker(_server: Arbiter, worker: Worker) -> None:
    multiprocess.mark_process_dead(worker.pid)


def serve(settings: ApiSettings, *, metrics_dir: Path) -> None:
    """Serve until SIGTERM or Ctrl-C; `app.services.prepare` has checked everything else."""
    Server(settings, metrics_dir).run()
