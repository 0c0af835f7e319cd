"""The background jobs: what the workers of the API do between requests."""

from __future__ import annotations

import importlib.util
import socket
from collections.abc import Mapping
from functools import partial
from typing import Protocol

import sqlalchemy as sa

from app.alerts.alerting import AlertJudge
from app.background_jobs.scheduler import Job, is_busy
from app.heartbeat import HeartbeatSender
from app.lab.publishing import Publisher
from app.notifications.channels import Channel
from app.notifications.delivery import PAUSE_SECONDS, channels_of, deliver_due
from app.services import Services
from app.settings import LabSettings, NotificationSettings
from database.drift.rollup import refresh_drift
from database.engine import store_time, transact
from database.exploration.rollup import refresh_exploration
from database.lab.machines import EVERY, add_sample
from database.lab.stored_files import purge
from database.maintenance.retention import run_daily_maintenance
from database.nowcast.reconciliation import Reconciler
from database.verification.rollup import refresh
from model_training.jobs.machine_watch import MachineWatch

# So many days of a rollup are brought up to date at a time, and so often in one turn of a job, so
# that the other jobs do not wait for a whole replay.
_DAYS_AT_ONCE = 10
_TIMES = 6
_DAYS_WHILE_BUSY = 3
_judge = AlertJudge()
_reconciler = Reconciler()


class Refresh(Protocol):
    """Brings the stale days of a rollup up to date."""

    def __call__(self, engine: sa.Engine, *, limit_days: int) -> int:
        """Return how many days were, at most so many."""


def _catch_up(running: Services, refresh_rollup: Refresh) -> None:
    """Bring many days up to date, but few from when on rows come in at volume."""
    for _ in range(_TIMES):
        most = _DAYS_WHILE_BUSY if is_busy(running) else _DAYS_AT_ONCE
        if refresh_rollup(running.engine, limit_days=most) < _DAYS_AT_ONCE:
            return


def verify(running: Services) -> None:
    """Update the verification with new forecasts and flares."""
    _catch_up(running, refresh)


def count_drift(running: Services) -> None:
    """Count the days with new records or forecasts into the bins of the training set."""
    _catch_up(running, refresh_drift)


def count_exploration(running: Services) -> None:
    """Summarise the forecasts of the days with new records for the Explore page."""
    _catch_up(running, refresh_exploration)


def judge_alerts(running: Services) -> None:
    """Close and judge the alerts by new records and flares, of a replay by those up to its time."""
    _judge.judge_if_changed(
        running.known_at(),
        running.alert_config,
        now=running.clock(),
        event_at=running.sun_clock.now(),
    )


def reconcile_nowcast(running: Services) -> None:
    """Compare the flares seen in the X-rays with the flare list."""
    _reconciler.reconcile_if_changed(
        running.engine, now=running.sun_clock.now(), wall=running.clock()
    )


def maintain_store(running: Services) -> None:
    """Delete old rows as FLARE_RETENTION says, and add the partitions of coming months."""
    run_daily_maintenance(running.engine, running.settings.retention, now=running.clock())


def purge_lab(running: Services) -> None:
    """Delete what has been in the trash of the Lab for long, and files that nothing names."""
    settings = running.settings
    purge(running.engine, settings.lab_store_address, settings.retention, now=running.clock())


# A later job reads what an earlier one has written.
JOBS: tuple[Job, ...] = (
    Job("verification", 5.0, verify, sole=True),
    Job("alerts", 5.0, judge_alerts, sole=True),
    Job("nowcast", 5.0, reconcile_nowcast, sole=True),
    Job("drift", 30.0, count_drift, sole=True),
    Job("exploration", 5.0, count_exploration, sole=True),
    Job("daily round", 86_400.0, maintain_store, sole=True),
)


def lab_jobs(settings: LabSettings) -> list[Job]:
    """Return the jobs that hand out runs and give up silent uploads, if the Lab is open."""
    if not settings.has_lab:
        return []
    publisher = Publisher(settings)
    return [
        *_machine_jobs(settings),
        Job(
            "runs",
            0.0,
            lambda running: publisher.work(running.engine),
            sole=True,
            lock="runs",
            attend=publisher.note_presence,
        ),
        Job("uploads", 600.0, lambda running: running.uploads.expire(), sole=True, lock="uploads"),
        Job("purge", 86_400.0, purge_lab, sole=True, lock="purge"),
    ]


def _machine_jobs(settings: LabSettings) -> list[Job]:
    """Return the job that says how the machine of the API is, where that can be known."""
    if importlib.util.find_spec("psutil") is None:
        return []
    watch, host = MachineWatch(settings.lab_folder), socket.gethostname()

    def look(running: Services) -> None:
        sample = watch.look()

        def work(connection: sa.Connection) -> None:
            add_sample(connection, host, sample, now=store_time(connection))

        transact(running.engine, work)

    return [Job("machine", EVERY.total_seconds(), look)]


def line_up_job() -> Job:
    """Return the job that looks whether other models serve; it has a thread, as models load."""
    return Job("line-up", 0.0, lambda running: running.line_up.follow())


def notification_jobs(settings: NotificationSettings) -> list[Job]:
    """Return one job for each channel; each has a thread, so that none delays another."""
    return [
        Job(f"notices by {name}", PAUSE_SECONDS, partial(_deliver, {name: channel}))
        for name, channel in channels_of(settings).items()
    ]


def heartbeat_jobs(sender: HeartbeatSender) -> list[Job]:
    """Return the job that sends the heartbeat, if there is an address for it."""
    if not sender.is_wanted:
        return []
    return [Job("heartbeat", 0.0, lambda running: running.heartbeat.work(running.engine))]


def _deliver(channels: Mapping[str, Channel], running: Services) -> int:
    return deliver_due(
        running.engine,
        channels,
        notify_replay=running.settings.replay_notify,
        clock=running.clock,
    )
