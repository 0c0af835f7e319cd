from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from database.backup.restoration import restore
from database.backup.snapshot import backup
from database.engine import create_engine, reading
from database.maintenance import partitions
from database.maintenance.partitions import (
    PARTITIONED,
    extend_partitions,
    list_partitions,
    partition,
)
from database.maintenance.retention import RETENTION_RULES, prune
from database.migrations import upgrade
from database.schema.tables import metadata, predictions
from database.settings import DatabaseSettings
from solar.errors import InvalidInputError, StoreUnavailableError

NOW = datetime(2014, 3, 20, tzinfo=UTC)
KEEP_ALL = {rule.name: "keep" for rule in RETENTION_RULES}
TIMES = [datetime(2013, 12, 31, 23, 48, tzinfo=UTC), datetime(2014, 1, 1, tzinfo=UTC),
         datetime(2014, 2, 28, tzinfo=UTC), datetime(2014, 3, 19, tzinfo=UTC)]  # fmt: skip


@pytest.fixture
def divided(mariadb_address: str) -> Iterator[sa.Engine]:
    """A store of its own, for a divided table stays divided; four forecasts in four months."""
    yield from store(mariadb_address, "divided")


@pytest.fixture
def other(mariadb_address: str) -> Iterator[sa.Engine]:
    yield from store(mariadb_address, "other")


def store(address: str, name: str) -> Iterator[sa.Engine]:
    url = sa.make_url(address)
    own = url.set(database=f"{url.database}_{name}")
    server = sa.create_engine(url)
    with server.begin() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {own.database} CHARACTER SET utf8mb4")
    engine = create_engine(DatabaseSettings(database_url=own.render_as_string(hide_password=False)))
    try:
        upgrade(engine)
        yield engine
    finally:
        engine.dispose()
        with server.begin() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {own.database}")
        server.dispose()


def fill(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        for at in TIMES:
            connection.execute(predictions.insert().values(
                region_id=1, t_rec=at, model_id="a@1", rung="full", revision=1, issued_at=at,
            ))  # fmt: skip


def months(engine: sa.Engine) -> list[str]:
    with reading(engine) as connection:
        return [one.name for one in list_partitions(connection, predictions)]


def test_tables_are_divided_from_their_oldest_record_to_the_coming_months(
    divided: sa.Engine,
) -> None:
    fill(divided)

    added = partition(divided, now=NOW)
    again = partition(divided, now=NOW)

    assert months(divided) == ["p2013_12", "p2014_01", "p2014_02", "p2014_03", "p2014_04",
                               "p2014_05", "coming"]  # fmt: skip
    assert added == {t.name: 6 if t is predictions else 3 for t in PARTITIONED}
    assert set(again.values()) == {0}


def test_a_month_later_one_month_is_added_and_what_had_come_moves_into_it(
    divided: sa.Engine,
) -> None:
    fill(divided)
    partition(divided, now=datetime(2013, 12, 1, tzinfo=UTC))

    extend_partitions(divided, now=NOW)

    assert months(divided)[-4:] == ["p2014_03", "p2014_04", "p2014_05", "coming"]
    with reading(divided) as connection:
        march = connection.exec_driver_sql("SELECT COUNT(*) FROM predictions PARTITION (p2014_03)")
        assert march.scalar_one() == 1


def test_an_undivided_store_is_left_as_it_is(divided: sa.Engine) -> None:
    extend_partitions(divided, now=NOW)

    assert months(divided) == []


def test_a_change_that_waits_in_vain_leaves_no_short_wait_behind(
    divided: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "_LOCK_WAIT_SECONDS", 1)
    ask = sa.text("SELECT @@SESSION.lock_wait_timeout")
    with reading(divided) as connection:
        usual = connection.execute(ask).scalar_one()

    with divided.connect() as reader:
        # An open transaction keeps the tables that it has read.
        for table in PARTITIONED:
            reader.execute(sa.select(table).limit(1))
        with pytest.raises(StoreUnavailableError):
            partition(divided, now=NOW)

    waits = []
    with ExitStack() as stack:
        for _ in range(3):
            connection = stack.enter_context(divided.connect())
            waits.append(connection.execute(ask).scalar_one())
    assert waits == [usual] * 3


def test_sqlite_says_that_it_has_none(engine_sqlite: sa.Engine) -> None:
    with pytest.raises(InvalidInputError, match="SQLite has no partitions"):
        partition(engine_sqlite, now=NOW)
    extend_partitions(engine_sqlite, now=NOW)


def test_a_range_of_time_is_read_from_its_months_alone(divided: sa.Engine) -> None:
    fill(divided)
    partition(divided, now=NOW)

    plan = sa.text(
        "EXPLAIN PARTITIONS SELECT * FROM predictions WHERE model_id = 'a@1'"
        " AND t_rec >= '2014-02-01' AND t_rec < '2014-03-01'"
    )
    with reading(divided) as connection:
        assert connection.execute(plan).mappings().one()["partitions"] == "p2014_02"


def test_pruning_drops_whole_months_and_deletes_the_rest(divided: sa.Engine) -> None:
    fill(divided)
    partition(divided, now=NOW)

    whole = prune(divided, KEEP_ALL | {"predictions": "1m"}, now=NOW)
    rest = prune(divided, KEEP_ALL | {"predictions": "1d"}, now=NOW)

    assert [(one.rows, one.partitions) for one in (*whole, *rest)] == [(2, 2), (1, 1)]
    assert months(divided)[0] == "p2014_03"


def test_a_divided_store_has_the_declared_tables_and_is_backed_up_and_restored(
    divided: sa.Engine, other: sa.Engine, tmp_path: Path
) -> None:
    fill(divided)
    for engine in (divided, other):
        partition(engine, now=NOW)
        upgrade(engine)

    written = backup(divided, tmp_path / "b.zip")
    read = restore(other, tmp_path / "b.zip")

    assert written == read == len(TIMES)
    with reading(other) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        times = connection.scalars(sa.select(predictions.c.t_rec).order_by(predictions.c.t_rec))
        assert list(times) == TIMES
