"""Preparation: what must be in order before the API serves, each with its own refusal."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import orjson
import sqlalchemy as sa

from app.alerts.alerting import watch_of
from app.scoring import Lineup, load_lineup
from app.security import Keyring
from app.settings import ApiSettings
from database.backup.restoration import refuse_unfinished_restore
from database.engine import create_engine, reading, transact
from database.migrations import is_current, upgrade
from database.models import register
from database.retention.policy import read_ages
from database.waiting import wait_for_store
from solar.errors import StoreUnavailableError


def prepare(settings: ApiSettings) -> None:
    """Check models, rules, ages, schema and keys, wait for the store, and register the models."""
    lineup = load_lineup(settings.artifacts_dir)
    for model in lineup.models:
        model.refuse_other_remote()
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
            manifest = model.manifest.model_dump(mode="json")
            digest = hashlib.sha256(orjson.dumps(manifest, option=orjson.OPT_SORT_KEYS))
            register(connection, manifest, sha256=digest.hexdigest(), stage=stage, now=now)
