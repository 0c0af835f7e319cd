"""The services of the application: store, models, alert rules, keys; checked before it serves."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa
from flask import Flask, current_app

from app.alerts.config import AlertConfig, load_alert_config
from app.contract.problems import Fault, RequestError
from app.full_disk import FullDiskNotice
from app.heartbeat import HeartbeatSender
from app.ingest.admission import AdmissionControl
from app.ingest.ingest import IngestStore
from app.lab.uploads import Uploads
from app.scoring.served_models import ServedModels, load_served_models, probe_served_models
from app.security import Guard
from app.settings import ApiSettings
from database.backup.restoration import refuse_unfinished_restore
from database.clock.clock import Clock, read_clock
from database.engine import create_engine, reading, transact, wait_for_store
from database.known import known_at
from database.lab.file_store import FileStore
from database.maintenance.retention import read_ages
from database.migrations import is_current, upgrade
from database.models import register
from database.people.audit import record_settings
from database.schema.tables import flare_list_version
from database.status.watch import StoreWatch
from database.version_cache import read_version, renew_version
from model_training.artefact.artifact import Artifact
from solar.clock import mode_header
from solar.errors import StoreUnavailableError
from solar.flares import event as find_event
from solar.time import isoformat

_NAME = "flarewatch"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Services:
    """What requests and background jobs share.

    `clock` is the clock on the wall, the time of receipt, and `sun_clock` tells what time it is
    for the Sun, which in a replay is another one.

    `admission` bounds the bulk that this process works on at a time; `full_disk` remembers that a
    write found no space.
    """

    settings: ApiSettings
    engine: sa.Engine
    served_models: ServedModels
    alert_config: AlertConfig
    ingest_store: IngestStore
    guard: Guard
    clock: Callable[[], datetime]
    sun_clock: Clock
    metrics_dir: Path | None
    admission: AdmissionControl
    full_disk: FullDiskNotice
    file_store: FileStore
    store_watch: StoreWatch
    heartbeat: HeartbeatSender

    def time_read(self, at: datetime | None) -> datetime:
        """Return the time of the Sun as of which something is read, by default now.

        Raises
        ------
        RequestError
            When the time has not come yet.
        """
        now = self.sun_clock.now()
        if at is not None and at > now:
            fault = Fault("at", f"has not come yet; it is {isoformat(now)} now")
            raise RequestError("the query cannot be used; see errors", faults=[fault])
        return at or now

    def known_at(self, at: datetime | None = None) -> sa.Engine:
        """Return the store as it was known at a time of the Sun; raises as `time_read`."""
        read_at = self.time_read(at)
        # The present needs no bound, but of a replay the store may hold what comes later.
        is_bounded = at is not None or self.sun_clock.reading().is_replay
        return known_at(self.engine, read_at if is_bounded else None)

    def mode(self) -> dict[str, str]:
        """Return the header of an export, which says so where it is of a replay."""
        return mode_header(self.sun_clock.reading())

    @property
    def uploads(self) -> Uploads:
        """What takes uploads."""
        return Uploads(self.engine, self.file_store, self.settings, self.clock)


def bind(app: Flask, services: Services) -> None:
    """Make the services available to the requests of `app`."""
    app.extensions[_NAME] = services


def services() -> Services:
    """Return the services of the application that answers the current request."""
    bound: Services = current_app.extensions[_NAME]
    return bound


def prepare(settings: ApiSettings) -> None:
    """Check models, rules, ages, schema and keys, wait for the store, and register the models.

    Raises
    ------
    FlarewatchError
        For the first check that fails, with what to do about it.
    """
    probe_served_models(settings.artifacts_dir)
    served_models = load_served_models(settings.artifacts_dir)
    for model in served_models.models:
        model.refuse_other_remote()
        for doubt in model.warnings:
            _log.warning("model %s: %s", model.model_id, doubt)
    alert_config = load_alert_config(settings, served_models)
    for event in alert_config.silent:
        _log.warning(
            "the alert rule for %s raises nothing: %s does not forecast it, or froze no threshold"
            " for it and the rule gives no `on`",
            find_event(event).label,
            alert_config.model_id,
        )
    noted = {
        "alert rules": _rules(alert_config),
        "retention": read_ages(settings.retention),
    }
    engine = create_engine(settings)
    try:
        wait_for_store(engine)
        if settings.is_embedded:
            upgrade(engine)
        refuse_old_schema(engine)
        Guard(engine, settings, lambda: datetime.now(UTC)).refuse_open_door()
        transact(engine, lambda connection: _register(connection, served_models, noted))
    finally:
        engine.dispose()


def refuse_old_schema(engine: sa.Engine) -> None:
    """Refuse a store whose tables are not those of this version, or not all restored yet."""
    with reading(engine) as connection:
        if not is_current(connection):
            raise StoreUnavailableError(
                "the store's schema is not the one this version works with;"
                " run `flarewatch database upgrade`"
            )
        refuse_unfinished_restore(connection)


def _rules(config: AlertConfig) -> dict[str, dict[str, Any]]:
    """Return the rules of alerts with their thresholds, by event, as the audit keeps them."""
    return {
        rule.event.name: {
            name: round(value, 6) if isinstance(value, float) else str(value)
            for name, value in vars(rule).items()
            if name != "event"
        }
        for rule in config.rules
    }


def _register(
    connection: sa.Connection, served_models: ServedModels, settings: dict[str, Any]
) -> None:
    now = datetime.now(UTC)
    record_settings(connection, settings, now=now)
    if read_version(connection, flare_list_version) is None:
        renew_version(connection, flare_list_version)
    for stage, models in (("live", [served_models.live]), ("shadow", served_models.shadows)):
        for model in models:
            document = _document(model, served_models.unaudited.get(model.model_id))
            digest = hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS))
            register(
                connection,
                document,
                sha256=digest.hexdigest(),
                stage=stage,
                staged_at=read_clock(connection).now(now),
                now=now,
            )


def _document(model: Artifact, unaudited: str | None) -> dict[str, Any]:
    """Return the manifest, the evaluation made here, and why the model serves unaudited."""
    evaluation = model.evaluation
    return model.manifest.model_dump(mode="json") | {
        "evaluation": None if evaluation is None else evaluation.model_dump(mode="json"),
        "unaudited": unaudited,
    }
