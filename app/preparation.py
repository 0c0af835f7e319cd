"""Preparation: what must be in order before the API serves, each with its own refusal."""

from __future__ import annotations

import hashlib
import logging
from datetime import UTC, datetime
from typing import Any

import orjson
import sqlalchemy as sa

from app.alerts.alerting import watch_of
from app.scoring import Lineup, load_lineup
from app.security import Keyring
from app.settings import ApiSettings
from database.backup.restoration import refuse_unfinished_restore
from database.engine import create_engine, reading, transact, wait_for_store
from database.maintenance.retention import read_ages
from database.migrations import is_current, upgrade
from database.models import register
from model_training.artifact import Artifact
from solar.errors import StoreUnavailableError

_log = logging.getLogger(__name__)


def prepare(settings: ApiSettings) -> None:
    """Check models, rules, ages, schema and keys, wait for the store, and register the models."""
    lineup = load_lineup(settings.artifacts_dir)
    for model in lineup.models:
        model.refuse_other_remote()
        for doubt in model.doubts:
            _log.warning("model %s: %s", model.model_id, doubt)
    watch_of(settings, lineup)
    read_ages(settings.retention)
    engine = create_engine(settings)
    try:
        wait_for_store(engine)
        if settings.is_embedded:
            upgrade(engine)
        refuse_old_schema(engine)
        Keyring(engine, settings).refuse_open_door()
        transact(engine, lambda connection: _register(connection, lineup))
    finally:
        engine.dispose()


def refuse_old_schema(engine: sa.Engine) -> None:
    """Refuse to serve from a store whose tables are not those of this code, or not all back yet."""
    with reading(engine) as connection:
        if not is_current(connection):
            raise StoreUnavailableError(
                "the store's schema is not the one this version works with;"
                " run `flarewatch database upgrade`"
            )
        refuse_unfinished_restore(connection)


def _register(connection: sa.Connection, lineup: Lineup) -> None:
    now = datetime.now(UTC)
    for stage, models in (("live", [lineup.live]), ("shadow", lineup.shadows)):
        for model in models:
            document = _document(model, lineup.unaudited.get(model.model_id))
            digest = hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS))
            register(connection, document, sha256=digest.hexdigest(), stage=stage, now=now)


def _document(model: Artifact, unaudited: str | None) -> dict[str, Any]:
    """Return the manifest, what was found of the model here, and why it serves unaudited."""
    found = model.evaluation
    return model.manifest.model_dump(mode="json") | {
        "evaluation": None if found is None else found.model_dump(mode="json"),
        "unaudited": unaudited,
    }
