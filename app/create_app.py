"""The application factory of the prediction API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from flask import Flask

from app import logs
from app.contract import problems
from app.full_disk import FullDiskNotice, reserve_measurements
from app.heartbeat import HeartbeatRecord, HeartbeatSender
from app.ingest.admission import AdmissionControl
from app.ingest.ingest import IngestStore
from app.lab import shared_threads
from app.line_up import LineUpFollower
from app.routes import (
    alerts,
    faults,
    leads,
    lineups,
    messages,
    nowcast,
    observations,
    people,
    predictions,
    reports,
    senders,
    sessions,
    status,
    worker,
)
from app.routes import (
    clock as clock_routes,
)
from app.routes.lab import compare, datasets, experiments, outputs, recipes, runs, uploads, workers
from app.security import Guard, refuse_undeclared
from app.services import Services, bind
from app.settings import ApiSettings
from database.clock.clock import Clock
from database.engine import create_engine
from database.lab.file_store import FileStore
from database.status.watch import StoreWatch

PREFIX = "/api/v1"

ROUTES = (
    observations,
    predictions,
    alerts,
    reports,
    clock_routes,
    nowcast,
    faults,
    leads,
    lineups,
    senders,
    sessions,
    people,
    messages,
    experiments,
    recipes,
    runs,
    outputs,
    compare,
    uploads,
    datasets,
    workers,
)


def create_app(
    settings: ApiSettings,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    metrics_dir: Path | None = None,
) -> Flask:
    """Make the application with the models of the store's line-up.

    A store that does not answer yet is asked again before anything is scored.

    Parameters
    ----------
    clock : the time on the wall, at which records are received
    metrics_dir : where the workers of one server share their measurements
    """
    if metrics_dir is not None:
        reserve_measurements(metrics_dir)
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = problems.MAX_BODY_BYTES
    engine = create_engine(settings)
    line_up = LineUpFollower(engine, settings, clock=clock)
    # One file has one writer: a request that waits there for another holds up all of them.
    admission = AdmissionControl(patience_seconds=0) if settings.is_embedded else AdmissionControl()
    guard = Guard(engine, settings, clock)
    full_disk = FullDiskNotice(metrics_dir)
    sun_clock, watch = Clock(engine, clock), StoreWatch(engine, clock)
    bind(
        app,
        Services(
            settings=settings,
            engine=engine,
            line_up=line_up,
            ingest_store=IngestStore(engine, line_up.served, sun_clock, settings.lead_span),
            guard=guard,
            clock=clock,
            sun_clock=sun_clock,
            metrics_dir=metrics_dir,
            admission=admission,
            full_disk=full_disk,
            file_store=FileStore(settings),
            store_watch=watch,
            heartbeat=HeartbeatSender(settings, watch, HeartbeatRecord(metrics_dir), clock=clock),
        ),
    )
    problems.install(app, note_full_disk=full_disk.note)
    logs.install(app)
    guard.install(app)
    shared_threads.install(app, settings, prefixes=(f"{PREFIX}/lab", f"{PREFIX}/worker"))
    for routes in ROUTES:
        app.register_blueprint(routes.blueprint, url_prefix=PREFIX)
    app.register_blueprint(worker.blueprint, url_prefix=f"{PREFIX}/worker")
    app.register_blueprint(status.blueprint)
    refuse_undeclared(app)
    return app
