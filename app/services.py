"""The services of the application: store, models, alert rules, keys; checked before it serves."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask, current_app

from app.alerts.config import AlertConfig, described_rules
from app.contract.problems import Fault, RequestError
from app.full_disk import FullDiskNotice
from app.heartbeat import HeartbeatSender
from app.ingest.admission import AdmissionControl
from app.ingest.ingest import IngestStore
from app.lab.uploads import Uploads
from app.line_up import LineUpFollower, log_doubts
from app.scoring.served_models import ServedModels
from app.security import Guard
from app.settings import ApiSettings
from app.stage_file import StageFile
from database.backup.restoration import refuse_unfinished_restore
from database.clock.clock import Clock
from database.engine import create_engine, reading, transact, wait_for_store
from database.known import known_at
from database.lab.file_store import FileStore
from database.lineups import current_lineup
from database.maintenance.retention import read_ages
from database.migrations import is_current, upgrade
from database.people.audit import record_settings
from database.schema.tables import flare_list_version
from database.status.watch import StoreWatch
from database.version_cache import read_version, renew_version
from solar.clock import mode_header
from solar.errors import ArtifactError, StoreUnavailableError
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
    line_up: LineUpFollower
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
    def served_models(self) -> ServedModels:
        """The models that serve now; whoever needs them twice keeps them."""
        return self.line_up.served().models

    @property
    def alert_config(self) -> AlertConfig:
        """The alert rules for the model that is live now."""
        return self.line_up.served().alert_config

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
    ages = read_ages(settings.retention)
    engine = create_engine(settings)
    try:
        wait_for_store(engine)
        if settings.is_embedded:
            upgrade(engine)
        refuse_old_schema(engine)
        Guard(engine, settings, _wall).refuse_open_door()
        _apply_stage_file(engine, settings)
        served = LineUpFollower(engine, settings, clock=_wall).served()
        log_doubts(served)
        noted = {"alert rules": described_rules(served.alert_config), "retention": ages}
        transact(engine, lambda connection: _note_start(connection, noted))
    finally:
        engine.dispose()


def _wall() -> datetime:
    return datetime.now(UTC)


def _apply_stage_file(engine: sa.Engine, settings: ApiSettings) -> None:
    """Serve what the stage file says, if it is new; a store that has a line-up does without it."""
    stage_file = StageFile(settings, FileStore(settings))
    try:
        if stage_file.apply(engine, now=_wall()) is None:
            stage_file.renew(engine, now=_wall())
    except ArtifactError as error:
        with reading(engine) as connection:
            if current_lineup(connection) is None:
                raise
        _log.warning("%s: %s", settings.artifacts_dir, error)


def _note_start(connection: sa.Connection, settings: dict[str, Any]) -> None:
    record_settings(connection, settings, now=_wall())
    if read_version(connection, flare_list_version) is None:
        renew_version(connection, flare_list_version)


def refuse_old_schema(engine: sa.Engine) -> None:
    """Refuse a store whose tables are not those of this version, or not all restored yet."""
    with reading(engine) as connection:
        if not is_current(connection):
            raise StoreUnavailableError(
                "the store's schema is not the one this version works with;"
                " run `flarewatch database upgrade`"
            )
        refuse_unfinished_restore(connection)
