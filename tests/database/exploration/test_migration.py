from __future__ import annotations

from importlib import import_module

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from exploration_rows import MODEL, START, made_rows, store_everything
from stored_rows import store_leads

from database.engine import reading, writing
from database.exploration.rollup import refresh_exploration
from database.schema.rollup_tables import exploration_lead_days, exploration_stale
from solar.flares import LEADS

MIGRATION = import_module("database.migrations.versions.0006_exploration_days")
OTHER_WINDOWS = import_module("database.migrations.versions.0021_exploration_lead_days")


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


def test_a_store_that_has_forecasts_of_other_windows_has_their_days_counted(
    engine: sa.Engine,
) -> None:
    store_everything(engine)
    rows = made_rows()[::10]
    leads = [(row["region_id"], row["t_rec"], MODEL, 1, *[0.1] * len(LEADS), START) for row in rows]

    with (
        writing(engine) as connection,
        Operations.context(MigrationContext.configure(connection)),
    ):
        store_leads(connection, leads)
        OTHER_WINDOWS.upgrade()

    assert refresh_exploration(engine) == len({row["t_rec"].date() for row in rows})
    with reading(engine) as connection:
        counted = exploration_lead_days.c
        total = sa.select(counted.window_name, sa.func.sum(counted.n))
        n = {row[0]: int(row[1]) for row in connection.execute(total.group_by(counted.window_name))}
    assert n == dict.fromkeys(("6h", "12h", "48h", "d2", "d3"), len(rows))
