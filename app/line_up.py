"""The line-up that a process serves: it follows the store's, and changes without a restart."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import sqlalchemy as sa

from app.alerts.config import AlertConfig, described_rules, load_alert_config
from app.scoring.served_models import ServedModels, load_registered, load_served_models
from app.settings import ApiSettings
from app.stage_file import StageFile
from database.engine import reading, transact
from database.lab.file_store import FileStore
from database.lineups import LineUp, list_lineups
from database.models import find_model
from database.named_lock import named_lock
from database.people.audit import record_settings
from database.server_processes import API, forget_process, note_process
from model_training.artefact.artifact import Artifact
from solar.errors import ArtifactError, FlarewatchError, InvalidInputError, NotFoundError
from solar.flares import event as find_event
from solar.identifiers import new_id

# Of the line-ups before one that cannot be loaded so many are tried at the start.
_TRIED_AT_START = 10
# A line-up that could not be loaded is tried again after this.
_RETRY_SECONDS = 30.0
# Also when nothing changes, so that an idle process differs from one that is gone.
_PRESENCE_SECONDS = 5.0
_PAUSE_SECONDS = 1.0
# What is wrong with models or rules, and not with the store, which is asked again at once.
_UNSERVABLE = (ArtifactError, InvalidInputError, NotFoundError)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServedLineUp:
    """The models that a process serves, with the alert rules for the live one.

    `number` is that of the line-up, None for the stage file of the folder of artefacts.
    """

    number: int | None
    models: ServedModels
    alert_config: AlertConfig


@dataclass(frozen=True)
class _Failure:
    """A line-up that could not be loaded as a whole, and when it is tried again."""

    number: int
    fault: str
    retry_at: float


class LineUpFollower:
    """Serves the newest line-up of the store whose live model this process can load.

    A shadow that cannot be loaded is left out, and said to be. Whoever scores asks `served` once
    for each batch, so that a change falls between two of them.
    """

    def __init__(
        self,
        engine: sa.Engine,
        settings: ApiSettings,
        *,
        clock: Callable[[], datetime],
        kind: str = API,
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._clock = clock
        self._kind = kind
        self._process_id = new_id(clock())
        self._files = FileStore(settings)
        self._stage_file = StageFile(settings, self._files)
        self._lock = threading.Lock()
        # By id, with the hash of what is registered: a model that stays is not loaded again.
        self._loaded: dict[str, tuple[str, Artifact]] = {}
        self._failed: _Failure | None = None
        self._fault: str | None = None
        self._noted: tuple[int | None, str | None, float] | None = None
        # Without the store nothing is known yet of what it says.
        self._is_known = False
        self._served = self._begin()

    @property
    def fault(self) -> str | None:
        """Why this process does not serve what it should; None if it does."""
        return self._fault

    def served(self) -> ServedLineUp:
        """Return what is served now."""
        if not self._is_known:
            with self._lock:
                if not self._is_known:
                    self._served = self._begin()
        return self._served

    def follow(self) -> None:
        """Look at stage file and store, load what has changed, and write down what is served.

        Raises
        ------
        FlarewatchError
            When the store is away; what is served stays.
        """
        with self._lock:
            fault = self._stage_file_fault()
            self._fault = self._follow_store() or fault
        self._note_presence()

    def end(self) -> None:
        """Write down that this process ends, if the store answers."""
        with suppress(FlarewatchError):
            transact(self._engine, partial(forget_process, process_id=self._process_id))

    def _begin(self) -> ServedLineUp:
        """Load the newest line-up that can be loaded, or what the folder has for a store without.

        A process that starts again serves what it served before.
        """
        try:
            with reading(self._engine) as connection:
                lineups = list_lineups(connection, limit=_TRIED_AT_START)
            served = self._newest_loadable(lineups) if lineups else self._of_folder()
        except _UNSERVABLE:
            raise
        except FlarewatchError as error:
            _log.warning("the line-up cannot be read yet: %s", error)
            return self._of_folder()
        self._is_known = True
        return served

    def _newest_loadable(self, lineups: Sequence[LineUp]) -> ServedLineUp:
        faults: list[FlarewatchError] = []
        for line_up in lineups:
            try:
                served, left_out = self._load(line_up)
                self._fault = self._fault or left_out
                return served
            except _UNSERVABLE as error:
                _log.warning("line-up %d: %s", line_up.number, error)
                self._fault = self._fault or f"line-up {line_up.number}: {error}"
                faults.append(error)
        raise faults[0]

    def _of_folder(self) -> ServedLineUp:
        models = load_served_models(self._settings.artifacts_dir)
        return ServedLineUp(None, models, load_alert_config(self._settings, models))

    def _stage_file_fault(self) -> str | None:
        try:
            self._stage_file.apply(self._engine, now=self._clock())
        except _UNSERVABLE as error:
            return f"{self._settings.artifacts_dir.name}: {error}"
        return None

    def _follow_store(self) -> str | None:
        """Serve the newest line-up; return why that is impossible."""
        with reading(self._engine) as connection:
            newest = list_lineups(connection, limit=1)
        if not newest:
            return None
        (line_up,) = newest
        if self._failed is not None and self._failed.number == line_up.number:
            if time.monotonic() < self._failed.retry_at:
                return self._failed.fault
        elif line_up.number == self._served.number:
            return None
        try:
            served, fault = self._load(line_up)
        except _UNSERVABLE as error:
            fault = f"line-up {line_up.number}: {error}"
            _log.warning("%s", fault)
        else:
            self._serve(served)
        retry_at = time.monotonic() + _RETRY_SECONDS
        self._failed = None if fault is None else _Failure(line_up.number, fault, retry_at)
        return fault

    def _serve(self, served: ServedLineUp) -> None:
        self._served, self._is_known = served, True
        names = ", ".join(model.model_id for model in served.models.models)
        _log.info("serves line-up %s: %s", served.number, names)
        log_doubts(served)
        self._record_rules(served)

    def _record_rules(self, served: ServedLineUp) -> None:
        """Add the thresholds of the alert rules to the audit, where they are others; one does."""
        rules = {"alert rules": described_rules(served.alert_config)}
        with named_lock(self._engine, "alert rules") as is_mine:
            if is_mine:
                transact(self._engine, partial(record_settings, settings=rules, now=self._clock()))

    def _load(self, line_up: LineUp) -> tuple[ServedLineUp, str | None]:
        """Load a line-up; return it with the reason why some of its shadows are left out.

        Raises
        ------
        ArtifactError, InvalidInputError, NotFoundError
            When its live model cannot be loaded, or no alert rules can be made for it.
        """
        loaded, faults = {line_up.live: self._artifact(line_up.live)}, []
        for model_id in line_up.shadow:
            # It harms nobody, and holds up no change of the live model.
            try:
                loaded[model_id] = self._artifact(model_id)
            except _UNSERVABLE as error:
                faults.append(str(error))
        live, *shadows = (model for _, model in loaded.values())
        models = ServedModels(live, tuple(shadows), line_up.unaudited)
        served = ServedLineUp(line_up.number, models, load_alert_config(self._settings, models))
        self._loaded = loaded
        for fault in faults:
            _log.warning("line-up %d without a shadow: %s", line_up.number, fault)
        return served, f"line-up {line_up.number}: {'; '.join(faults)}" if faults else None

    def _artifact(self, model_id: str) -> tuple[str, Artifact]:
        """Return a model with the hash of what is registered; one that stays as it was loaded."""
        with reading(self._engine) as connection:
            row = find_model(connection, model_id)
        known = self._loaded.get(model_id)
        if known is not None and known[0] == row.sha256:
            return known
        return row.sha256, load_registered(row, self._settings.artifacts_dir, self._files)

    def _note_presence(self) -> None:
        number, fault = self._served.number, self._fault
        now = time.monotonic()
        if self._noted is not None:
            known_number, known_fault, at = self._noted
            if (known_number, known_fault) == (number, fault) and now < at + _PRESENCE_SECONDS:
                return
        transact(
            self._engine,
            lambda connection: note_process(
                connection,
                self._process_id,
                kind=self._kind,
                host=socket.gethostname(),
                pid=os.getpid(),
                line_up=number,
                fault=fault,
            ),
        )
        self._noted = number, fault, now


def log_doubts(served: ServedLineUp) -> None:
    """Write to the log what is doubtful about models, and which alert rules raise nothing."""
    for model in served.models.models:
        for doubt in model.warnings:
            _log.warning("model %s: %s", model.model_id, doubt)
    for event in served.alert_config.silent:
        _log.warning(
            "the alert rule for %s raises nothing: %s does not forecast it, or froze no threshold"
            " for it and the rule gives no `on`",
            find_event(event).label,
            served.models.live.model_id,
        )


class FollowingThread(threading.Thread):
    """Follows the line-up until it is stopped; for a process without other background jobs."""

    def __init__(self, follower: LineUpFollower) -> None:
        super().__init__(name="line-up", daemon=True)
        self._follower = follower
        self._stop_asked = threading.Event()

    def run(self) -> None:
        """Follow until stopped."""
        while not self._stop_asked.wait(_PAUSE_SECONDS):
            try:
                self._follower.follow()
            except FlarewatchError as error:
                _log.warning("the line-up cannot be followed: %s", error)
            except Exception:
                # It must not end the thread, and with it every later change.
                _log.exception("the line-up cannot be followed")

    def stop(self) -> None:
        """End after the current round."""
        self._stop_asked.set()
        self.join()
