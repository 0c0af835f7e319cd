from __future__ import annotations

from importlib import import_module

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from exploration_rows import made_rows, store_everything

from database.engine import reading, writing
from database.exploration.rollup import refresh_exploration
from database.schema.rollup_tables import exploration_stale

MIGRATION = import_module("database.migrations.versions.0006_exploration_days")


def test_a_store_that_has_predictions_has_all_their_days_counted(engine: sa.Engine) -> None:
    store_everything(engine)

    with (
        writing(engine) as connection,
        Operations.context(MigrationContext.configure(connection)),
    ):
        MIGRATION.upgrade()

    with reading(engine) as connection:
        marked = set(connection.execute(sa.select(exploration_stale.c.day)).scalars())
    assert marked == {row["t_rec"].date() for row in made_rows()}
    assert refresh_exploration(engine) == len(marked)
