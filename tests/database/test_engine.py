from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from database.driver import warn_of_slow_driver
from database.engine import create_engine, reading, transact
from database.rollup_days import mark_stale
from database.round_trips import send_waiting
from database.schema.tables import harp_noaa, regions, senders
from database.settings import DatabaseSettings
from database.upsert import upsert_columns
from database.verification.rollup import refresh
from solar.errors import (
    FlarewatchError,
    InvalidInputError,
    StoreFullError,
    StoreUnavailableError,
)

AT = datetime(2014, 3, 1, tzinfo=UTC)


def opened(address: str) -> sa.Engine:
    return create_engine(DatabaseSettings(database_url=address))


@pytest.mark.parametrize("address", ["nonsense", "postgresql://a@b/c", "oracle://x"])
def test_an_address_of_another_kind_is_refused(address: str) -> None:
    with pytest.raises(InvalidInputError, match="FLARE_DATABASE_URL"):
        opened(address)


@pytest.mark.parametrize("password", ["p@ss#w/or$d%'\\", ""])
def test_a_separate_password_needs_no_escapes(
    monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    monkeypatch.setenv("FLARE_DATABASE_URL", "mysql+mysqlconnector://writer:old@mysql/flarewatch")
    monkeypatch.setenv("FLARE_DATABASE_PASSWORD", password)

    settings = DatabaseSettings()

    assert create_engine(settings).url.password == (password or "old")
    assert not password or password not in repr(settings)


def test_the_folder_of_an_embedded_store_is_made(tmp_path: Path) -> None:
    engine = opened(f"sqlite:///{tmp_path}/a/b/store.db")

    with reading(engine) as connection:
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()

    engine.dispose()
    assert mode == "wal"
    assert (tmp_path / "a" / "b" / "store.db").exists()


@pytest.mark.parametrize(("setting", "level"), [("", 2), ("full", 2), ("normal", 1)])
def test_an_embedded_store_answers_when_a_commit_is_on_the_disk_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, level: int
) -> None:
    monkeypatch.setenv("FLARE_SQLITE_SYNCHRONOUS", setting)
    engine = opened(f"sqlite:///{tmp_path}/store.db")

    with reading(engine) as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == level

    engine.dispose()


def test_a_store_without_tables_says_what_to_run(tmp_path: Path) -> None:
    engine = opened(f"sqlite:///{tmp_path}/store.db")

    with pytest.raises(StoreUnavailableError, match="database upgrade"), reading(engine) as c:
        c.execute(sa.select(senders))

    engine.dispose()


def test_a_server_that_is_away_is_named_without_its_password() -> None:
    engine = opened("mysql+mysqlconnector://flare:secret@127.0.0.1:1/x")

    with pytest.raises(StoreUnavailableError) as error, reading(engine) as connection:
        connection.execute(sa.select(senders))

    assert "secret" not in str(error.value)


def test_work_that_fails_leaves_nothing_behind(engine: sa.Engine) -> None:
    def work(connection: sa.Connection) -> None:
        connection.execute(harp_noaa.insert().values(harpnum=1, noaa_ar=11067))
        raise InvalidInputError("halfway")

    with pytest.raises(InvalidInputError, match="halfway"):
        transact(engine, work)

    with reading(engine) as connection:
        assert connection.execute(sa.select(harp_noaa)).all() == []


def test_what_the_store_refuses_is_said_in_one_line(engine: sa.Engine) -> None:
    def work(connection: sa.Connection) -> None:
        for _ in range(2):
            connection.execute(harp_noaa.insert().values(harpnum=1, noaa_ar=11067))

    with pytest.raises(FlarewatchError, match="the store refused") as error:
        transact(engine, work)

    assert "\n" not in str(error.value)


def test_concurrent_transactions_all_arrive(engine: sa.Engine) -> None:
    def add(number: int) -> None:
        def work(connection: sa.Connection) -> None:
            # Opposite orders, so that two of them may lock each other out.
            for harpnum in sorted(range(1, 9), reverse=bool(number % 2)):
                query = sa.update(harp_noaa).where(harp_noaa.c.harpnum == harpnum)
                connection.execute(query.values(noaa_ar=harp_noaa.c.noaa_ar + 1))

        transact(engine, work)

    start = [{"harpnum": harpnum, "noaa_ar": 0} for harpnum in range(1, 9)]
    transact(engine, lambda c: c.execute(harp_noaa.insert(), start))

    run_together(*(lambda number=number: add(number) for number in range(8)))

    with reading(engine) as connection:
        counts = connection.execute(sa.select(harp_noaa.c.noaa_ar)).scalars().all()
    assert counts == [8] * 8


def test_writers_that_lock_each_other_out_both_arrive(mariadb_engine: sa.Engine) -> None:
    met = threading.Barrier(2)
    attempts: list[str] = []

    def write(name: str, first: int, second: int) -> None:
        def work(connection: sa.Connection) -> None:
            attempts.append(name)
            put(connection, first, name)
            if len(attempts) <= 2:
                met.wait(10)
            put(connection, second, name)

        transact(mariadb_engine, work)

    def put(connection: sa.Connection, region_id: int, name: str) -> None:
        columns = {"region_id": [region_id], "series": name, "first_t_rec": AT, "last_t_rec": AT}
        upsert_columns(connection, regions, columns=columns)
        send_waiting(connection)

    transact(mariadb_engine, lambda c: c.execute(regions.delete()))
    run_together(lambda: write("a", 1, 2), lambda: write("b", 2, 1))

    with reading(mariadb_engine) as connection:
        stored = connection.execute(sa.select(regions.c.series)).scalars().all()
    # The server ends one of the two, which then comes second.
    assert len(attempts) == 3
    assert stored == [attempts[2]] * 2


def test_waiting_too_long_for_a_lock_asks_to_send_the_request_again(
    mariadb_engine: sa.Engine, mariadb_address: str
) -> None:
    waiting = opened(mariadb_address)
    transact(mariadb_engine, lambda c: c.execute(harp_noaa.delete()))
    add = harp_noaa.insert().values(harpnum=1, noaa_ar=11067)

    with mariadb_engine.begin() as holding:
        holding.execute(add)
        with pytest.raises(StoreUnavailableError, match="stays locked"):
            transact(waiting, lambda c: c.execute(add), patience_seconds=0, lock_wait_seconds=1)

    waiting.dispose()


def test_a_table_that_cannot_grow_is_a_full_disk(mariadb_engine: sa.Engine) -> None:
    def work(connection: sa.Connection) -> None:
        connection.exec_driver_sql("SET SESSION max_heap_table_size=16384")
        connection.exec_driver_sql("CREATE TEMPORARY TABLE small (a CHAR(200)) ENGINE=MEMORY")
        connection.detach()
        for _ in range(1000):
            connection.exec_driver_sql("INSERT INTO small VALUES ('a')")

    with pytest.raises(StoreFullError, match="free space there"):
        transact(mariadb_engine, work)


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_a_connection_that_is_lost_at_the_end_of_a_transaction_is_a_store_that_does_not_answer(
    mariadb_engine: sa.Engine, end: str
) -> None:
    def work(connection: sa.Connection) -> None:
        own = connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar()
        connection.execute(harp_noaa.insert().values(harpnum=2, noaa_ar=11068))
        with mariadb_engine.connect() as other:
            other.exec_driver_sql(f"KILL {own}")
        getattr(connection, end)()

    transact(mariadb_engine, lambda c: c.execute(harp_noaa.delete()))
    with pytest.raises(StoreUnavailableError, match="can be sent again"):
        transact(mariadb_engine, work)

    with reading(mariadb_engine) as connection:
        assert connection.execute(sa.select(harp_noaa)).all() == []


def test_a_driver_without_its_c_part_is_named_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("mysql.connector.HAVE_CEXT", False)
    warn_of_slow_driver.cache_clear()

    for _ in range(2):
        opened("mysql+mysqlconnector://flare:secret@127.0.0.1:1/x").dispose()

    assert caplog.text.count("the MySQL driver runs in pure Python") == 1


def test_refreshes_and_marks_at_the_same_time_leave_no_day_behind(engine: sa.Engine) -> None:
    days = [AT.date().replace(day=day) for day in range(1, 29)]

    def mark() -> None:
        for _ in range(5):
            transact(engine, lambda c: mark_stale(c, days))

    run_together(mark, lambda: refresh(engine), mark, lambda: refresh(engine))

    refresh(engine)
    assert refresh(engine) == 0


def run_together(*works: object) -> None:
    failed: list[BaseException] = []

    def guarded(work: object) -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
