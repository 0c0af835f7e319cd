"""The watch of the store: it never waits long, and says what was known last."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import mariadb_server
import pytest
import sqlalchemy as sa
from chaos.proxy import CLEAR, STALLED, Proxy
from ports import free_port
from stocked_store import NOW, stock

from database.status import watch as watch_module
from database.status.watch import StoreWatch

OpenStore = Callable[[str], sa.Engine]


@pytest.fixture
def stalling(mariadb_engine: sa.Engine) -> Iterator[Proxy]:
    proxy = Proxy(free_port(), target=mariadb_engine.url.port or 0)
    yield proxy
    proxy.close()


def watch_of(engine: sa.Engine) -> StoreWatch:
    return StoreWatch(engine, lambda: datetime.now(UTC))


def test_a_store_that_hangs_is_away_when_patience_ends_and_is_back_when_it_goes_on(
    mariadb_engine: sa.Engine,
    stalling: Proxy,
    open_store: OpenStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch_module, "FRESH_SECONDS", 0.0)
    url = mariadb_engine.url.set(port=stalling.port)
    watch = watch_of(open_store(url.render_as_string(hide_password=False)))
    first = watch.look()
    stalling.set(STALLED)

    began = time.monotonic()
    hanging = watch.look(patience_seconds=0.3)
    waited = time.monotonic() - began
    again = watch.look(patience_seconds=0.3)
    waited_again = time.monotonic() - began - waited

    assert first.is_answered
    assert not hanging.is_answered
    assert hanging.facts == first.facts
    assert hanging.away_since == again.away_since
    assert waited < 1
    # Nobody waits for a question that has had its time.
    assert waited_again < 0.2
    stalling.set(CLEAR)
    deadline = time.monotonic() + 10
    while not watch.look().is_answered:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_store_that_is_not_there_is_away_at_once_and_its_address_is_not_told(
    open_store: OpenStore,
) -> None:
    look = watch_of(open_store("mysql+mysqlconnector://flare:secret@127.0.0.1:1/flarewatch")).look()

    assert (look.is_answered, look.facts) == (False, None)
    assert look.away_since is not None
    assert look.reason == "the store does not answer"


def test_a_file_without_tables_says_what_to_do(tmp_path: Path, open_store: OpenStore) -> None:
    look = watch_of(open_store(f"sqlite:///{tmp_path}/new.db")).look()

    assert look.reason == "the store has no tables yet"


def test_a_file_that_another_process_writes_to_is_read_all_the_same(
    engine_sqlite: sa.Engine,
) -> None:
    stock(engine_sqlite)
    writer = engine_sqlite.execution_options(sqlite_begin="IMMEDIATE")
    with writer.begin():
        look = watch_of(engine_sqlite).look()

    assert look.is_answered
    assert look.facts is not None
    assert look.facts.records.newest_at == NOW


def test_all_who_ask_within_a_second_get_one_answer(engine_sqlite: sa.Engine) -> None:
    watch = watch_of(engine_sqlite)

    assert watch.look().facts is watch.look().facts


@pytest.mark.thorough
def test_a_server_that_is_stopped_is_away_within_three_seconds(
    tmp_path: Path, open_store: OpenStore
) -> None:
    mariadb_server.install(tmp_path)
    port = free_port()
    server = mariadb_server.start(tmp_path, port=port)
    try:
        engine = open_store(mariadb_server.address_of(port) + "mysql")
        began = time.monotonic()
        os.kill(server.pid, signal.SIGSTOP)
        look = watch_of(engine).look()

        assert not look.is_answered
        assert time.monotonic() - began < 3
    finally:
        os.kill(server.pid, signal.SIGCONT)
        server.terminate()
        server.wait(30)
