"""Nothing of a stream is lost and nothing doubled, whichever consumer dies in the middle."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import mariadb_server
import orjson
import pytest
import sqlalchemy as sa
from confluent_kafka import Message, Producer
from kafka_broker import broker, read_all
from kafka_group import MODELS, Group, group, wait_until, write_source

from database.delivery.row_outcomes import OUTCOMES
from database.delivery.senders import list_senders
from database.delivery.stream import list_partitions
from database.engine import create_engine, writing
from database.migrations import upgrade
from database.schema.tables import metadata, observations, predictions, rejections
from database.settings import DatabaseSettings
from solar.time import parse_time

pytestmark = pytest.mark.slow

Keys = set[tuple[int, datetime]]


@pytest.fixture
def store(mariadb_engine: sa.Engine) -> sa.Engine:
    with writing(mariadb_engine) as connection:
        for table in metadata.tables.values():
            connection.execute(table.delete())
    return mariadb_engine


@pytest.fixture
def house(store: sa.Engine, tmp_path: Path) -> Iterator[Group]:
    address = store.url.render_as_string(hide_password=False)
    with broker() as brokers, group(tmp_path, brokers, address) as made:
        yield made


def stored(engine: sa.Engine) -> Keys:
    with engine.connect() as connection:
        rows = connection.execute(sa.select(observations.c.region_id, observations.c.t_rec))
        return {(row.region_id, row.t_rec) for row in rows}


def count(engine: sa.Engine, table: sa.Table) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0)


def counters(engine: sa.Engine) -> dict[str, list[int]]:
    """The rows that each sender has sent, and what became of them."""
    with engine.connect() as connection:
        rows = list_senders(connection, limit=10)
    return {row["sender_id"]: [row[name] for name in ("sent", *OUTCOMES)] for row in rows}


def lag(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        return sum(partition.lag for partition in list_partitions(connection))


def forecasts(messages: Sequence[Message]) -> Counter[tuple[int, datetime, str]]:
    items: list[dict[str, Any]] = [orjson.loads(m.value() or b"")["prediction"] for m in messages]
    return Counter((item["region"], parse_time(item["t_rec"]), item["model"]) for item in items)


def wanted(keys: Keys) -> set[tuple[int, datetime, str]]:
    return {(*key, model) for key in keys for model in MODELS}


def end(*processes: Any) -> list[int]:
    for process in processes:
        process.send_signal(signal.SIGTERM)
    return [process.wait(60) for process in processes]


@pytest.mark.thorough
def test_two_consumers_store_what_three_senders_write_once(
    house: Group, store: sa.Engine, tmp_path: Path
) -> None:
    # The first two send the same records; between them lie messages that nobody can read.
    keys = write_source(tmp_path / "a.parquet", range(1, 9), steps=40)
    keys |= write_source(tmp_path / "b.parquet", range(9, 17), steps=40)
    writer = Producer({"bootstrap.servers": house.broker})
    for poison in (b"{", b"\xff", b'{"schema":2}', b'{"schema":1,"observation":{"t_rec":1}}'):
        writer.produce("sharp.observations", poison, b"harp:1")
    writer.flush(10)
    consumers = [house.consumer() for _ in range(2)]
    senders = [house.sender(tmp_path / f"{source}.parquet", name)
               for source, name in (("a", "one"), ("a", "two"), ("b", "three"))]  # fmt: skip
    assert [sender.wait(120) for sender in senders] == [0, 0, 0]

    wait_until(lambda: count(store, observations) == len(keys) and lag(store) == 0)
    wait_until(lambda: sum(counters(store)["two"][1:]) == 320)

    assert end(*consumers) == [0, 0]
    assert stored(store) == keys
    told = counters(store)
    assert {told[name][0] for name in ("one", "two", "three")} == {320}
    assert all(row[0] == sum(row[1:]) for name, row in told.items() if name != "unnamed")
    assert sum(row[1] for row in told.values()) == len(keys)
    assert set(forecasts(read_all(house.broker, "flare.predictions"))) == wanted(keys)
    dead = [
        orjson.loads(message.value() or b"") for message in read_all(house.broker, "sharp.dead")
    ]
    assert Counter(letter["reason"] for letter in dead) == {
        "broken JSON": 2, "unknown schema version": 1, "rejected": 1,
    }  # fmt: skip
    with store.connect() as connection:
        assert connection.scalar(sa.select(sa.func.sum(rejections.c.n))) == 4


def test_a_killed_consumer_and_a_killed_sender_cost_nothing(
    house: Group, store: sa.Engine, tmp_path: Path
) -> None:
    keys = write_source(tmp_path / "a.parquet", range(1, 25), steps=150)
    consumers = [house.consumer() for _ in range(2)]
    sender = house.sender(tmp_path / "a.parquet", "one", batch=20)
    wait_until(lambda: count(store, observations) > 300)

    consumers[0].kill()
    sender.kill()
    at_death = count(store, observations)
    assert house.sender(tmp_path / "a.parquet", "one", batch=30).wait(120) == 0
    wait_until(lambda: stored(store) == keys)
    wait_until(lambda: lag(store) == 0)

    assert at_death < len(keys)
    assert end(consumers[1]) == [0]
    assert counters(store) == {"one": [len(keys), len(keys), 0, 0, 0]}
    assert count(store, predictions) == len(keys) * len(MODELS)
    assert set(forecasts(read_all(house.broker, "flare.predictions"))) == wanted(keys)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path / "server", mariadb_server.free_port())
    mariadb_server.install(made.folder)
    made.start()
    yield made
    made.stop()


@dataclass
class Server:
    """A MariaDB of one's own, which may be away for a while."""

    folder: Path
    port: int

    @property
    def address(self) -> str:
        return f"{mariadb_server.address_of(self.port)}flarewatch"

    def start(self) -> None:
        self._process = mariadb_server.start(self.folder, port=self.port)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(120)

    def upgraded(self) -> sa.Engine:
        server = sa.create_engine(mariadb_server.address_of(self.port))
        with server.begin() as connection:
            connection.exec_driver_sql("CREATE DATABASE flarewatch CHARACTER SET utf8mb4")
        server.dispose()
        engine = create_engine(DatabaseSettings(database_url=self.address))
        upgrade(engine)
        return engine


@pytest.mark.thorough
def test_a_store_that_is_away_for_a_while_is_waited_for(server: Server, tmp_path: Path) -> None:
    first = write_source(tmp_path / "a.parquet", range(1, 13), steps=120)
    second = write_source(tmp_path / "b.parquet", range(13, 25), steps=120)
    keys = first | second
    engine = server.upgraded()
    with broker() as brokers, group(tmp_path, brokers, server.address) as house:
        consumer = house.consumer()
        senders = [house.sender(tmp_path / "a.parquet", "one", batch=20)]
        wait_until(lambda: count(engine, observations) > 200)
        server.stop()
        senders.append(house.sender(tmp_path / "b.parquet", "two", batch=20))
        assert [sender.wait(120) for sender in senders] == [0, 0]
        wait_until(lambda: "next try" in house.log(consumer))
        server.start()

        wait_until(lambda: count(engine, observations) == len(keys) and lag(engine) == 0)

        assert end(consumer) == [0]
        assert stored(engine) == keys
        assert counters(engine) == {
            name: [len(sent), len(sent), 0, 0, 0]
            for name, sent in (("one", first), ("two", second))
        }
        assert set(forecasts(read_all(brokers, "flare.predictions"))) == wanted(keys)
    engine.dispose()


@pytest.mark.thorough
def test_the_wish_to_stop_ends_a_consumer_whose_broker_is_away(
    store: sa.Engine, tmp_path: Path
) -> None:
    address = store.url.render_as_string(hide_password=False)
    with group(tmp_path, "127.0.0.1:9", address) as house:
        consumer = house.consumer()
        wait_until(lambda: "the broker does not answer" in house.log(consumer))

        assert end(consumer) == [0]
