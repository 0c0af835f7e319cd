from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext

from database import migrations
from database.agencies.forecasts import AgencyForecast, store_forecasts
from database.engine import transact
from database.migrations import is_current, upgrade
from database.people.keys import hash_key, key_principals, list_keys
from database.people.people import is_anybody_registered
from database.schema.rollup_tables import verification_stale
from database.schema.tables import metadata, predictions
from database.verification.rollup import refresh


def test_the_migrations_build_exactly_the_tables_that_the_code_declares(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        # The passwords' table is declared apart, since it lies in a database of its own on MySQL.
        opts = {"compare_type": True, "include_name": lambda name, *_: name != "credentials"}
        context = MigrationContext.configure(connection, opts=opts)

        differences = compare_metadata(context, metadata)

    assert differences == []


def test_an_upgrade_can_be_repeated(engine: sa.Engine) -> None:
    upgrade(engine)

    with engine.connect() as connection:
        assert is_current(connection)


def test_an_interrupted_upgrade_can_be_repeated(
    open_store: Callable[[str], sa.Engine], tmp_path: Path
) -> None:
    engine = open_store(f"sqlite:///{tmp_path}/half.db")
    upgrade(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0006'")

    upgrade(engine)

    with engine.connect() as connection:
        assert is_current(connection)


def test_a_store_without_tables_is_not_current(open_store: Callable[[str], sa.Engine]) -> None:
    engine = open_store("sqlite://")

    with engine.connect() as connection:
        assert not is_current(connection)


def test_the_keys_of_an_earlier_version_stay_valid_and_lock_the_door(engine: sa.Engine) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0008")
        connection.execute(
            sa.text(
                "INSERT INTO users VALUES ('desk', :key, 'ingest,read', '2026-01-01 00:00:00')"
            ),
            {"key": hash_key("a key of the earlier version")},
        )
        connection.commit()

    upgrade(engine)

    with engine.connect() as connection:
        (key,) = list_keys(connection)
        principal, expires_at = key_principals(connection)[hash_key("a key of the earlier version")]
        assert is_anybody_registered(connection)
        assert not sa.inspect(connection).has_table("users")
    assert (key.name, key.scopes, key.created_at) == ("desk", ("ingest", "read"), now)
    assert (principal.name, expires_at) == ("desk", None)
    assert principal.permissions == {"public", "ingest", "read", "metrics"}


def test_the_forecasts_of_an_earlier_version_are_verified_anew(
    open_store: Callable[[str], sa.Engine], tmp_path: Path
) -> None:
    engine = open_store(f"sqlite:///{tmp_path}/old.db")
    first, last = datetime(2014, 3, 1, 12, tzinfo=UTC), datetime(2014, 3, 4, tzinfo=UTC)
    forecast = {"rung": "full", "revision": 1, "issued_at": last}
    rows = [{"region_id": 1, "t_rec": at, "model_id": model, **forecast}
            for at, model in ((first, "a@1"), (first, "b@1"), (last, "b@1"))]  # fmt: skip
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        connection.execute(predictions.insert(), rows)
        connection.commit()

    upgrade(engine)

    with engine.connect() as connection:
        marked = connection.scalars(sa.select(verification_stale.c.day)).all()
    # Every day from the first forecast to the last, and the midnight after.
    assert sorted(marked) == [date(2014, 3, day) for day in (1, 2, 3, 4, 5)]
    assert refresh(engine) == 5


def test_the_forecasts_of_agencies_of_an_earlier_version_can_still_be_revised(
    engine: sa.Engine,
) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0017")
        connection.execute(
            sa.text(
                "INSERT INTO disk_forecasts (model_id, valid_from, c1, m1, m5, x1, issued_at)"
                " VALUES ('swpc@1', '2026-01-01 00:00:00.000000', 0.9, 0.4, NULL, 0.1,"
                " '2025-12-31 22:00:00.000000')"
            )
        )
        connection.commit()

    upgrade(engine)

    row = AgencyForecast(0, at, None, (0.9, 0.4, None, 0.1), at)
    changed = replace(row, probabilities=(0.9, 0.5, None, 0.1))
    for one, expected in ((row, (0, 0, 1)), (changed, (0, 1, 0))):
        report = transact(
            engine, partial(store_forecasts, model_id="swpc@1", forecasts=[one], now=at)
        )
        assert (report.added, report.revised, report.unchanged) == expected
