"""The application factory of the prediction API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from flask import Flask

from app import logs
from app.alerts.alerting import watch_of
from app.contract import problems
from app.ingest.gate import Gate
from app.routes import (
    alerts,
    catalogue,
    conflicts,
    explanations,
    flares,
    flow,
    leases,
    observations,
    predictions,
    reports,
    skill,
    status,
    xray,
)
from app.scoring import load_lineup
from app.security import Keyring
from app.services import Services, bind
from app.settings import ApiSettings
from database.engine import create_engine

PREFIX = "/api/v1"

ROOMS = (
    observations, conflicts, predictions, catalogue, alerts, flares, flow, leases, skill,
    explanations, xray, reports,
)  # fmt: skip


def create_app(
    settings: ApiSettings,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    metrics_dir: Path | None = None,
) -> Flask:
    """Make the application: the models are loaded, the store is not yet spoken to.

    Parameters
    ----------
    clock : the time at which records are received and forecasts issued
    metrics_dir : where the workers of one server share their measurements
    """
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = problems.MAX_BODY_BYTES
    engine = create_engine(settings)
    lineup = load_lineup(settings.artifacts_dir)
    bind(
        app,
        Services(
            settings=settings,
            engine=engine,
            lineup=lineup,
            watch=watch_of(settings, lineup),
            keyring=Keyring(engine, settings),
            clock=clock,
            metrics_dir=metrics_dir,
            # One file has one writer: who waits there for another holds up all.
            gate=Gate(patience_seconds=0) if settings.is_embedded else Gate(),
        ),
    )
    problems.install(app)
    logs.install(app)
    for room in ROOMS:
        app.register_blueprint(room.blueprint, url_prefix=PREFIX)
    app.register_blueprint(status.blueprint)
    return app
