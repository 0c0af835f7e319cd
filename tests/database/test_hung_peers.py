"""A process that hangs holds nobody up: the server ends its session, and it fails cleanly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
import sqlalchemy as sa

from database.driver import limited_query, session_limits
from database.engine import LOCK_WAIT_SECONDS, reading, transact, writing
from database.named_lock import named_lock
from database.schema.tables import harp_noaa
from solar.errors import StoreUnavailableError

IDLE_SECONDS = 1

# What another host might do: it locks a row and the named lock, stops, and goes on later.
PEER = f"""
import sys
import sqlalchemy as sa
from database import engine, named_lock
from database.schema.tables import harp_noaa
from database.settings import DatabaseSettings
engine.IDLE_SECONDS = named_lock.IDLE_SECONDS = {IDLE_SECONDS}
store = engine.create_engine(DatabaseSettings(database_url=sys.argv[1]))
attempts = []

def work(connection):
    connection.execute(sa.update(harp_noaa).values(noaa_ar=2))
    print("locked", flush=True)
    sys.stdin.readline()
    connection.execute(sa.update(harp_noaa).values(noaa_ar=3))

with named_lock.named_lock(store, "work"):
    try:
        engine.transact(store, work)
    except engine.StoreUnavailableError as error:
        print(error, flush=True)
"""


def test_what_a_hung_process_has_locked_is_free_again_and_it_fails_cleanly_when_it_goes_on(
    mariadb_engine: sa.Engine, mariadb_address: str
) -> None:
    with writing(mariadb_engine) as connection:
        connection.execute(harp_noaa.delete())
        connection.execute(harp_noaa.insert().values(harpnum=1, noaa_ar=1))
    peer = subprocess.Popen(
        [sys.executable, "-c", PEER, mariadb_address],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert peer.stdin is not None
    assert peer.stdout is not None
    assert peer.stdout.readline() == "locked\n"
    os.kill(peer.pid, signal.SIGSTOP)
    stopped_at = time.monotonic()

    transact(mariadb_engine, lambda c: c.execute(sa.update(harp_noaa).values(noaa_ar=10)))
    waited_seconds = time.monotonic() - stopped_at
    while not _is_free(mariadb_engine):
        assert time.monotonic() < stopped_at + 10
        time.sleep(0.05)

    os.kill(peer.pid, signal.SIGCONT)
    said, _ = peer.communicate("go on\n", timeout=20)
    assert "the request can be sent again" in said
    with reading(mariadb_engine) as connection:
        assert connection.scalar(sa.select(harp_noaa.c.noaa_ar)) == 10
    assert waited_seconds < IDLE_SECONDS + LOCK_WAIT_SECONDS


def _is_free(engine: sa.Engine) -> bool:
    with named_lock(engine, "work") as is_free:
        return is_free


def test_a_named_lock_is_kept_for_longer_than_a_silent_session_lives(
    mariadb_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("engine", "named_lock"):
        monkeypatch.setattr(f"database.{module}.IDLE_SECONDS", IDLE_SECONDS)

    with named_lock(mariadb_engine, "long work"):
        time.sleep(1.5)
        with named_lock(mariadb_engine, "long work") as is_free:
            assert not is_free

    with named_lock(mariadb_engine, "long work") as is_free:
        assert is_free


def test_a_query_that_takes_too_long_is_ended_and_a_transaction_is_not(engine: sa.Engine) -> None:
    rows = [{"harpnum": number, "noaa_ar": number} for number in range(1, 101)]
    transact(engine, lambda c: c.execute(harp_noaa.insert(), rows))

    with (
        pytest.raises(StoreUnavailableError, match="took too long"),
        reading(engine, seconds=0.1) as connection,
    ):
        connection.execute(_combinations(of=6))

    # The same connection of the pool, without the limit.
    assert transact(engine, lambda c: c.scalar(_combinations(of=3))) == 100**3


def _combinations(of: int) -> sa.Select[tuple[int]]:
    tables = sa.text(", ".join(f"harp_noaa t{number}" for number in range(of)))
    return sa.select(sa.func.count()).select_from(tables)


@pytest.mark.parametrize(
    ("version", "limit"),
    [
        ("8.4.3", "wait_timeout=10"),
        ("5.5.5-10.11.19-MariaDB-0+deb12u1", "idle_transaction_timeout=10"),
    ],
)
def test_a_session_is_limited_by_what_its_server_knows(version: str, limit: str) -> None:
    statement = session_limits(version, idle_seconds=10)

    assert statement == f"SET SESSION net_read_timeout=10, net_write_timeout=10, {limit}"


def test_mysql_gets_the_limit_of_a_query_as_a_hint() -> None:
    query = limited_query("SELECT a FROM t", is_mariadb=False, seconds=30.0)

    assert query == "SELECT /*+ MAX_EXECUTION_TIME(30000) */ a FROM t"
    assert limited_query("SHOW TABLES", is_mariadb=True, seconds=30.0) == "SHOW TABLES"
