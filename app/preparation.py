"""Preparation: what must be in order before the API serves, each with its own refusal."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

import orjson
import sqlalchemy as sa

from app.alerts.alerting import watch_of
from app.scoring import Lineup, load_lineup
from app.security import Keyring
from app.settings import ApiSettings
from database.engine import create_engine, reading, transact
from database.migrations import is_current, upgrade
from database.models import register
from solar.errors import StoreUnavailableError

_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 10.0

_log = logging.getLogger(__name__)


def prepare(settings: ApiSettings) -> None:
    """Check models, rules, schema and keys, wait for the store, and register the models."""
    lineup = load_lineup(settings.artifacts_dir)
    watch_of(settings, lineup)
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


def wait_for_store(engine: sa.Engine, *, sleep: Callable[[float], None] = time.sleep) -> None:
    """Return once the store answers, however long that takes, and say that it is awaited."""
    wait = _FIRST_WAIT_SECONDS
    while True:
        try:
            with reading(engine) as connection:
                connection.execute(sa.select(1))
        except StoreUnavailableError:
            _log.warning("the store does not answer yet; next try in %.1f s", wait)
            sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT_SECONDS)
        else:
            return


def refuse_old_schema(engine: sa.Engine) -> None:
    """Refuse to serve from a store whose tables are not those of this code."""
    with reading(engine) as connection:
        if not is_current(connection):
            raise StoreUnavailableError(
                "the store's schema is not the one this version works with;"
                " run `python -m database upgrade`"
            )


def _register(connection: sa.Connection, lineup: Lineup) -> None:
    now = datetime.now(UTC)
    for stage, models in (("live", [lineup.live]), ("shadow", lineup.shadows)):
        for model in models:
            manifest = model.manifest.model_dump(mode="json")
            digest = hashlib.sha256(orjson.dumps(manifest, option=orjson.OPT_SORT_KEYS))
            register(connection, manifest, sha256=digest.hexdigest(), stage=stage, now=now)
