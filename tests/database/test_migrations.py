from __future__ import annotations

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from database.engine import create_engine
from database.migrations import is_current, upgrade
from database.settings import DatabaseSettings
from database.tables import metadata


def test_the_migrations_build_exactly_the_tables_that_the_code_declares(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})

        differences = compare_metadata(context, metadata)

    assert differences == []


def test_an_upgrade_can_be_repeated(engine: sa.Engine) -> None:
    upgrade(engine)

    with engine.connect() as connection:
        assert is_current(connection)


def test_a_store_without_tables_is_not_current() -> None:
    engine = create_engine(DatabaseSettings(database_url="sqlite://"))

    with engine.connect() as connection:
        assert not is_current(connection)
