"""The server of the API: its workers make the application after the fork."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker
from prometheus_client import multiprocess

from app import logs
from app.contract.problems import MAX_BODY_BYTES
from app.settings import ApiSettings
from solar import server
from solar.request_groups import GroupApplication

# What one worker works on at a time, beside live records.
THREADS = 4
STOP_SECONDS = 4
# How long a thread may keep the interpreter while others wait for it. A live record needs it again
# after each of its trips to the store, and would wait 5 ms each time beside bulk.
SWITCH_SECONDS = 0.001


class Server(BaseApplication):
    """Gunicorn, configured by our settings instead of its command line."""

    def __init__(self, settings: ApiSettings, metrics_dir: Path) -> None:
        self._settings = settings
        self._metrics_dir = metrics_dir
        super().__init__()

    def load_config(self) -> None:
        for name, value in _options(self._settings).items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        # Imported in the worker, after the fork, which onnxruntime does not survive.
        from app.create_app import create_app

        return create_app(self._settings, metrics_dir=self._metrics_dir)


def _options(settings: ApiSettings) -> dict[str, Any]:
    return {
        **server.shared_options(
            settings.api_host,
            settings.api_port,
            MAX_BODY_BYTES,
            group_application=_live_records,
        ),
        # One file has one writer, so more processes would only wait for each other.
        "workers": 1 if settings.is_embedded else settings.api_workers,
        "threads": THREADS,
        "graceful_timeout": STOP_SECONDS,
        "logconfig_dict": logs.configuration(),
        "post_worker_init": _begin,
        "child_exit": _forget_worker,
    }


def _live_records(app: Flask) -> GroupApplication:
    # Imported after the fork, as the application is.
    from app.live_records import LiveRecords
    from app.services import services

    with app.app_context():
        return LiveRecords(services())


def _begin(worker: Worker) -> None:
    # Imported after the fork, as the application is.
    from app.background_jobs.jobs import (
        JOBS,
        heartbeat_jobs,
        lab_jobs,
        line_up_job,
        notification_jobs,
    )
    from app.background_jobs.scheduler import Scheduler
    from app.services import services

    Scheduler(worker.wsgi, JOBS).start()
    with worker.wsgi.app_context():
        running = services()
    own_threads = (
        line_up_job(),
        *notification_jobs(running.settings),
        *lab_jobs(running.settings),
        *heartbeat_jobs(running.heartbeat),
    )
    for job in own_threads:
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
