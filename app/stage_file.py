"""The stage file of the folder of artefacts: what it says is served once, and registered."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

import orjson
import sqlalchemy as sa

from app.scoring.served_models import (
    ServedModels,
    files_of,
    load_served_models,
    path_of,
    probe_served_models,
)
from app.settings import ApiSettings
from database.clock.clock import read_clock
from database.engine import reading, transact
from database.lab.file_store import FileStore
from database.lineups import LineUp, apply_stage_file, current_lineup, knows_stage_file
from database.models import register
from database.people.principal import PROGRAM
from model_training.artefact.artifact import Artifact
from solar.errors import ArtifactError, FlarewatchError
from solar.stages import STAGES, Stages, read_stages

# A file that could not be applied is tried again after this, or when it has changed.
_RETRY_SECONDS = 30.0
_FIRST = f"{STAGES} of the folder of artefacts, for a store without models"
_CHANGED = f"{STAGES} of the folder of artefacts has changed"

_log = logging.getLogger(__name__)


class StageFile:
    """The stage file that seeds a store, and that the commands promote and retire write.

    A file that no line-up came from is newer than the store; else the store decides what serves.
    """

    def __init__(self, settings: ApiSettings, store: FileStore) -> None:
        self._folder = settings.artifacts_dir
        self._store = store if settings.has_lab else None
        self._known = ""
        self._failed: tuple[str, float, str] | None = None

    def apply(self, engine: sa.Engine, *, now: datetime) -> LineUp | None:
        """Let a file that the store does not know become its line-up; None if it does, or none is.

        Raises
        ------
        ArtifactError
            When the file or a model that it names cannot be served; the line-up stays.
        """
        content = self._read()
        digest = hashlib.sha256(content).hexdigest()
        if not content or digest == self._known:
            return None
        with reading(engine) as connection:
            is_known, before = knows_stage_file(connection, digest), current_lineup(connection)
        if is_known:
            self._known = digest
            return None
        self._refuse_again(digest)
        try:
            stages = read_stages(self._folder)
            models = self._load(stages)
        except ArtifactError as error:
            self._failed = digest, time.monotonic() + _RETRY_SECONDS, str(error)
            raise
        if self._read() != content:
            # Written again meanwhile, which is for the next time.
            return None
        files = {model.model_id: self._keep(model) for model in models.models}
        why = _FIRST if before is None else _CHANGED

        def work(connection: sa.Connection) -> LineUp | None:
            applied = apply_stage_file(connection, PROGRAM, stages, sha256=digest, why=why, now=now)
            _register(connection, models, files, now=now)
            return applied

        applied = transact(engine, work)
        self._known = digest
        return applied

    def renew(self, engine: sa.Engine, *, now: datetime) -> None:
        """Register the models that serve as the folder has them, which may have changed in place.

        Raises
        ------
        ArtifactError
            When one in the folder cannot be served.
        """
        with reading(engine) as connection:
            line_up = current_lineup(connection)
        if line_up is None or not all(
            path_of(self._folder, model_id).is_dir() for model_id in line_up.model_ids
        ):
            return
        models = self._load(line_up.stages)
        files = {model.model_id: self._keep(model) for model in models.models}
        transact(engine, partial(_register, served_models=models, files=files, now=now))

    def _read(self) -> bytes:
        try:
            return (self._folder / STAGES).read_bytes()
        except OSError:
            return b""

    def _load(self, stages: Stages) -> ServedModels:
        probe_served_models(self._folder, stages)
        models = load_served_models(self._folder, stages)
        for model in models.models:
            model.refuse_other_remote()
        return models

    def _refuse_again(self, digest: str) -> None:
        if self._failed is not None:
            failed, until, message = self._failed
            if failed == digest and time.monotonic() < until:
                raise ArtifactError(message)

    def _keep(self, model: Artifact) -> Mapping[str, str] | None:
        """Put the files of a model where other hosts find them; None where that is impossible."""
        path = path_of(self._folder, model.model_id)
        if self._store is None:
            return None
        files = files_of(path)
        try:
            for name, sha256 in files.items():
                if not self._store.has(sha256):
                    self._store.write(sha256, [(path / name).read_bytes()])
        except (FlarewatchError, OSError) as error:
            _log.warning("model %s is only in %s: %s", model.model_id, self._folder, error)
            return None
        return files


def _register(
    connection: sa.Connection,
    served_models: ServedModels,
    files: Mapping[str, Mapping[str, str] | None],
    *,
    now: datetime,
) -> None:
    """Register the models of the newest line-up, each with its stage there."""
    line_up = current_lineup(connection)
    stages = Stages() if line_up is None else line_up.stages
    for model in served_models.models:
        stage = stages.stage_of(model.model_id)
        if stage is None:
            # Another change came first.
            continue
        document = _document(model, stages.unaudited.get(model.model_id))
        digest = hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS))
        register(
            connection,
            document,
            sha256=digest.hexdigest(),
            stage=stage,
            staged_at=read_clock(connection).now(now),
            now=now,
            files=files[model.model_id],
        )


def _document(model: Artifact, unaudited: str | None) -> dict[str, Any]:
    """Return the manifest, the evaluation made here, and why the model serves unaudited."""
    evaluation = model.evaluation
    return model.manifest.model_dump(mode="json") | {
        "evaluation": None if evaluation is None else evaluation.model_dump(mode="json"),
        "unaudited": unaudited,
    }
