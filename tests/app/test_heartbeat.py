"""The heartbeat: it comes while all is well, and its silence is the alarm."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from stocked_store import NOW, stock
from webhook_receiver import Receiver, receiving

from app.background_jobs.jobs import heartbeat_jobs
from app.heartbeat import EVERY_SECONDS, HeartbeatRecord, HeartbeatSender
from app.settings import NotificationSettings
from database.engine import writing
from database.named_lock import named_lock
from database.schema.tables import store_clock
from database.status import watch as watch_module
from database.status.watch import StoreWatch
from solar.clock import REPLAY
from solar.errors import InvalidInputError

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _asked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_module, "FRESH_SECONDS", 0.0)


def sender_of(
    engine: sa.Engine,
    receiver: Receiver,
    *,
    now: datetime = NOW,
    folder: Path | None = None,
    sleep: Callable[[float], None] = lambda _: None,
    **changes: Any,
) -> HeartbeatSender:
    settings = NotificationSettings(heartbeat_url=SecretStr(receiver.url), **changes)
    watch = StoreWatch(engine, lambda: now)
    record = HeartbeatRecord(folder)
    return HeartbeatSender(settings, watch, record, clock=lambda: now, sleep=sleep)


def test_while_all_is_well_each_round_asks_the_address_once(engine: sa.Engine) -> None:
    stock(engine)
    rests: list[float] = []
    with receiving() as receiver:
        sender = sender_of(engine, receiver, sleep=rests.append)
        for _ in range(3):
            sender.work(engine)

    assert [post.path for post in receiver.posts] == ["/hooks/flares?desk=1"] * 3
    # The scheduler asks again a second later.
    assert rests == [EVERY_SECONDS - 1] * 3
    assert (sender.state().state, sender.state().last_at) == ("beating", NOW)


def test_while_data_are_late_no_heartbeat_comes_and_the_status_says_why(engine: sa.Engine) -> None:
    stock(engine)
    with receiving() as receiver:
        sender = sender_of(engine, receiver, now=NOW + timedelta(hours=2, minutes=1))
        sender.work(engine)

    assert receiver.posts == []
    assert (sender.state().state, sender.state().reason) == ("silent", "records are late")


def test_of_two_processes_one_sends_the_heartbeat(mariadb_engine: sa.Engine) -> None:
    with receiving() as receiver, named_lock(mariadb_engine, "heartbeat") as is_mine:
        sender = sender_of(mariadb_engine, receiver)
        sender.work(mariadb_engine)

    assert is_mine
    assert receiver.posts == []
    assert sender.state().reason == "not sent by this server"


def test_in_a_replay_it_is_off_unless_wanted(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)
    row = {"turn": 1, "mode": REPLAY, "event_at": NOW, "wall_at": NOW, "speed": 0.0, "version": 1}
    with writing(engine_sqlite) as connection:
        connection.execute(store_clock.insert().values(row))
    with receiving() as receiver:
        plain = sender_of(engine_sqlite, receiver)
        plain.work(engine_sqlite)
        assert receiver.posts == []
        wanted = sender_of(engine_sqlite, receiver, replay_notify=True)
        wanted.work(engine_sqlite)

    assert (plain.state().state, plain.state().reason) == ("off", "a replay runs")
    assert len(receiver.posts) == 1


def test_a_receiver_that_fails_is_logged_once_and_its_address_never(
    engine_sqlite: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    stock(engine_sqlite)
    caplog.set_level(logging.INFO, "app.heartbeat")
    with receiving(500, 500, 204) as receiver:
        sender = sender_of(engine_sqlite, receiver)
        states = []
        for _ in range(3):
            sender.work(engine_sqlite)
            states.append(sender.state().state)

    assert states == ["silent", "silent", "beating"]
    assert [record.getMessage() for record in caplog.records] == [
        "heartbeat silent: the receiver answered 500",
        "heartbeat beating",
    ]


def test_a_receiver_that_is_not_there_and_a_store_that_is_away_are_silence(
    engine_sqlite: sa.Engine, open_store: Callable[[str], sa.Engine]
) -> None:
    stock(engine_sqlite)
    nobody = sender_of(engine_sqlite, Receiver("http://127.0.0.1:1/secret"))
    nobody.work(engine_sqlite)
    away = open_store("mysql+mysqlconnector://flare:flare@127.0.0.1:1/flarewatch")
    lost = sender_of(away, Receiver("http://127.0.0.1:1/"))
    lost.work(away)

    assert nobody.state().reason == "the receiver does not answer (ConnectionRefusedError)"
    assert lost.state().reason == "the store does not answer"


def test_the_workers_of_a_server_know_of_each_others_heartbeat(
    engine_sqlite: sa.Engine, tmp_path: Path
) -> None:
    stock(engine_sqlite)
    with receiving() as receiver:
        sender_of(engine_sqlite, receiver, folder=tmp_path).work(engine_sqlite)

        other = sender_of(engine_sqlite, receiver, folder=tmp_path)
        later = sender_of(engine_sqlite, receiver, folder=tmp_path, now=NOW + 5 * MINUTE)

    assert (other.state().state, other.state().last_at) == ("beating", NOW)
    # Meanwhile a server elsewhere may do the rounds.
    assert later.state().state == "unknown"


def test_without_an_address_there_is_no_job_and_with_one_there_is(
    engine_sqlite: sa.Engine,
) -> None:
    watch = StoreWatch(engine_sqlite, lambda: NOW)
    none = HeartbeatSender(NotificationSettings(), watch, HeartbeatRecord(None), clock=lambda: NOW)

    assert heartbeat_jobs(none) == []
    (job,) = heartbeat_jobs(sender_of(engine_sqlite, Receiver("http://localhost:9/")))
    assert job.name == "heartbeat"


@pytest.mark.parametrize("address", ["https://beats.example/uuid", "http://127.0.0.1:9/x"])
def test_an_address_is_of_https_or_of_this_machine(address: str) -> None:
    assert NotificationSettings(heartbeat_url=SecretStr(address)).heartbeat_url is not None


@pytest.mark.parametrize(
    "address",
    [
        "http://beats.example/uuid",
        "ftp://127.0.0.1/",
        "https://me:secret@beats.example/",
        "no-address",
    ],
)
def test_another_address_is_refused_without_being_repeated(address: str) -> None:
    with pytest.raises(InvalidInputError, match="FLARE_HEARTBEAT_URL") as refused:
        NotificationSettings(heartbeat_url=SecretStr(address))

    assert address not in str(refused.value)
