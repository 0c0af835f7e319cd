from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
import served_windows
import sqlalchemy as sa
from confluent_kafka import Producer
from handmade_models import line_up
from kafka_broker import PARTITIONS, broker, read_all
from kafka_group import MODELS, OPTIONS, wait_until
from served_windows import POINT, WINDOW, records

from app.alerts.config import AlertConfig
from app.line_up import ServedLineUp
from app.scoring.served_models import load_served_models
from app.settings import StreamSettings
from app.stream.broker import Publisher, Subscription
from app.stream.consumer import LagReport, StreamConsumer
from app.stream.ingestion import StreamIngest
from database.delivery.row_outcomes import OUTCOMES
from database.delivery.senders import list_senders
from database.delivery.stream import StreamPartition, list_partitions
from solar.process import StopSignal

NO_ALERTS = AlertConfig("", ())
NOW = datetime(2014, 4, 1, tzinfo=UTC)
Row = served_windows.Row


@pytest.fixture
def settings() -> Iterator[StreamSettings]:
    with broker() as address:
        yield StreamSettings(kafka_bootstrap=address, kafka_options=dict(OPTIONS))


@pytest.fixture
def stream_ingest(
    engine_sqlite: sa.Engine, settings: StreamSettings, tmp_path: Path
) -> StreamIngest:
    models = load_served_models(line_up(tmp_path / "models", WINDOW, POINT))
    return StreamIngest(engine_sqlite, partial(ServedLineUp, None, models, NO_ALERTS), settings)


@contextmanager
def consuming(stream_ingest: StreamIngest, settings: StreamSettings) -> Iterator[None]:
    """Consume until the block ends."""
    stop = StopSignal()
    consumption = StreamConsumer(
        replace(stream_ingest, settings=settings), Subscription(settings), Publisher(settings),
        LagReport(stream_ingest.engine, settings), stop, clock=lambda: NOW,
    )  # fmt: skip
    thread = threading.Thread(target=consumption.run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)
        stop.close()


def write(settings: StreamSettings, values: Sequence[Any]) -> None:
    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap})
    for value in values:
        content = value if isinstance(value, bytes) else orjson.dumps(value)
        region = "" if isinstance(value, bytes) else value["observation"]["harpnum"]
        producer.produce(settings.kafka_observations, content, f"harp:{region}")
    assert producer.flush(10) == 0


def envelopes(rows: Sequence[dict[str, Any]], sender: str = "s1") -> list[dict[str, Any]]:
    return [
        {"schema": 1, "sender": {"id": sender, "sequence": 1, "sent": place}, "observation": row}
        for place, row in enumerate(rows, 1)
    ]


def reported(stream_ingest: StreamIngest) -> dict[str, list[StreamPartition]]:
    found: dict[str, list[StreamPartition]] = {}
    with stream_ingest.engine.connect() as connection:
        for partition in list_partitions(connection):
            found.setdefault(partition.group_id, []).append(partition)
    return found


def has_ingested(stream_ingest: StreamIngest, group: str, messages: int) -> bool:
    return (
        sum(partition.committed for partition in reported(stream_ingest).get(group, [])) == messages
    )


def counters(stream_ingest: StreamIngest) -> list[int]:
    with stream_ingest.engine.connect() as connection:
        (row,) = list_senders(connection, limit=10)
    return [row[name] for name in ("sent", *OUTCOMES)]


def published(settings: StreamSettings) -> Counter[tuple[int, str, str]]:
    messages = read_all(str(settings.kafka_bootstrap), settings.kafka_predictions)
    items = [orjson.loads(message.value() or b"")["prediction"] for message in messages]
    return Counter((item["region"], item["t_rec"], item["model"]) for item in items)


def test_what_is_read_again_is_published_again_and_counts_once(
    stream_ingest: StreamIngest, settings: StreamSettings, row: Row
) -> None:
    rows = [one for region in (1, 2, 3) for one in records(row, harpnum=region)]
    write(settings, envelopes(rows))
    with consuming(stream_ingest, settings):
        wait_until(lambda: has_ingested(stream_ingest, "flarewatch", 36))
    wanted = {(one["harpnum"], one["t_rec"], model) for one in rows for model in MODELS}
    assert set(published(settings)) == wanted

    # A group that begins at the beginning sees what a crash before the offsets would bring back.
    with consuming(stream_ingest, settings.model_copy(update={"kafka_group": "second"})):
        wait_until(lambda: has_ingested(stream_ingest, "second", 36))

    assert set(published(settings)) == wanted
    assert min(published(settings).values()) >= 2
    assert counters(stream_ingest) == [36, 36, 0, 0, 0]


def test_messages_that_cannot_be_used_do_not_stop_the_stream(
    stream_ingest: StreamIngest, settings: StreamSettings, row: Row
) -> None:
    good = envelopes(records(row))
    bad = envelopes([row(t_rec="2014-03-02T00:00:00Z", quality=-1)], sender="s1")
    bad[0]["sender"]["sent"] = 13
    write(settings, [b"{", b"\xff", *good, *bad])

    with consuming(stream_ingest, settings):
        wait_until(lambda: has_ingested(stream_ingest, "flarewatch", 15))

    found = read_all(str(settings.kafka_bootstrap), settings.kafka_dead)
    dead = [orjson.loads(message.value() or b"") for message in found]
    assert Counter(letter["reason"] for letter in dead) == {"broken JSON": 2, "rejected": 1}
    (rejected,) = [letter for letter in dead if letter["reason"] == "rejected"]
    assert rejected["errors"][0]["path"] == "observation.quality"
    assert orjson.loads(rejected["message"]) == bad[0]
    assert counters(stream_ingest) == [13, 12, 0, 0, 1]


def test_the_lag_is_told_for_every_partition(
    stream_ingest: StreamIngest, settings: StreamSettings, row: Row
) -> None:
    write(settings, envelopes(records(row)))

    with consuming(stream_ingest, settings):
        wait_until(lambda: len(reported(stream_ingest).get("flarewatch", [])) == PARTITIONS)
        wait_until(lambda: has_ingested(stream_ingest, "flarewatch", 12))

    partitions = reported(stream_ingest)["flarewatch"]
    assert {partition.lag for partition in partitions} == {0}
    assert sum(partition.end_offset for partition in partitions) == 12
