"""The migrations: the history of the schema, brought up to date or compared with the store."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from database.driver_errors import as_domain_error
from database.engine import allow_idling
from solar.errors import StoreUnavailableError


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def upgrade(engine: sa.Engine) -> str:
    """Bring the store to the newest schema and return its revision; safe to repeat.

    Raises
    ------
    FlarewatchError
        When the store does not answer or refuses, or its schema is of a newer version than this.
    """
    config = _config()
    try:
        with engine.connect() as connection:
            allow_idling(connection)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
    except DBAPIError as error:
        raise as_domain_error(error) from error
    except CommandError as error:
        raise StoreUnavailableError(
            "the store's schema is of a newer version than this program; use that version"
        ) from error
    return head()


def head() -> str:
    """Return the revision that this code works with."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def revision(connection: sa.Connection) -> str | None:
    """Return the schema revision of the store, None when it has no tables yet."""
    return MigrationContext.configure(connection).get_current_revision()


def is_current(connection: sa.Connection) -> bool:
    """Tell whether the store has the schema that this code works with."""
    return revision(connection) == head()
