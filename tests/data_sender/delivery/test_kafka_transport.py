from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from confluent_kafka import Message
from kafka_broker import broker, read_all

from data_sender.delivery.client import Answer, ApiRefusedError, ApiUnavailableError
from data_sender.delivery.delivery import Delivery
from data_sender.delivery.kafka import KafkaTransport
from data_sender.delivery.spool import Post, Spool
from data_sender.progress import Progress
from solar.process import StopSignal

TOPIC = "sharp.observations"
NOBODY = "127.0.0.1:9"


class Shelf:
    """A transport that keeps every post."""

    def __init__(self) -> None:
        self.posts: list[Post] = []

    def send(self, post: Post, *, attempts: int) -> Answer:
        self.posts.append(post)
        return Answer(200, {})

    def close(self) -> None:
        self.posts.clear()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with broker() as given:
        yield given


@pytest.fixture
def stop() -> Iterator[StopSignal]:
    signal = StopSignal()
    yield signal
    signal.close()


def transport(
    address: str,
    stop: StopSignal,
    *,
    topic: str = TOPIC,
    others: Shelf | None = None,
    **options: Any,
) -> KafkaTransport:
    given = {"bootstrap.servers": address, "log_level": 0, **options}
    return KafkaTransport(given, topic, others=others or Shelf(), stop=stop)


def post(*regions: dict[str, Any], sent: int) -> Post:
    items = [{**region, "t_rec": f"2014-03-01T00:{place:02}:00Z", "keywords": {}}
             for place, region in enumerate(regions)]  # fmt: skip
    return Post("observations", items, {"sender": {"id": "s1", "sequence": 3, "sent": sent}})


def contents(messages: list[Message]) -> list[dict[str, Any]]:
    return [orjson.loads(message.value() or b"") for message in messages]


def test_every_observation_is_a_message_under_the_name_of_its_region(
    address: str, stop: StopSignal
) -> None:
    sending = transport(address, stop, topic="one")

    answer = sending.send(
        post({"harpnum": 3721, "noaa_ars": [11990]}, {"noaa_ars": [11990]}, sent=42), attempts=1
    )
    sending.close()

    found = read_all(address, "one")
    assert answer.status == 200
    assert {message.key() for message in found} == {b"harp:3721", b"noaa:11990"}
    sent = sorted(contents(found), key=lambda content: content["sender"]["sent"])
    assert [content["schema"] for content in sent] == [1, 1]
    assert [content["sender"] for content in sent] == [
        {"id": "s1", "sequence": 3, "sent": 41}, {"id": "s1", "sequence": 3, "sent": 42},
    ]  # fmt: skip
    assert sent[0]["observation"] == {
        "harpnum": 3721, "noaa_ars": [11990], "t_rec": "2014-03-01T00:00:00Z", "keywords": {},
    }  # fmt: skip


def test_the_records_of_a_region_keep_their_order(address: str, stop: StopSignal) -> None:
    sending = transport(address, stop, topic="two")
    regions = [{"harpnum": 1 + place % 7} for place in range(60)]

    for sent in (60, 120, 180):
        sending.send(post(*regions, sent=sent), attempts=1)
    sending.close()

    found = read_all(address, "two")
    by_region: dict[int, list[int]] = {}
    for content in contents(sorted(found, key=lambda m: (m.partition() or 0, m.offset() or 0))):
        by_region.setdefault(content["observation"]["harpnum"], []).append(
            content["sender"]["sent"]
        )
    assert sum(map(len, by_region.values())) == 180
    assert all(counts == sorted(counts) for counts in by_region.values())
    assert len({message.partition() for message in found}) > 1


def test_flares_go_another_way(address: str, stop: StopSignal) -> None:
    shelf = Shelf()
    flares = Post("flares", [{"goes_class": "M1.0"}], {"source": "s1"})

    transport(address, stop, others=shelf).send(flares, attempts=1)

    assert shelf.posts == [flares]


def test_a_broker_that_is_away_leaves_the_rows_to_the_spool(
    stop: StopSignal, tmp_path: Path
) -> None:
    sending = transport(NOBODY, stop, **{"message.timeout.ms": 300})
    spool, progress = Spool(tmp_path / "spool"), Progress()
    delivery = Delivery(sending, spool, folder=tmp_path, stop=stop, progress=progress)
    given = post({"harpnum": 1}, {"harpnum": 2}, sent=2)

    delivery.deliver(given)
    sending.close()
    spool.close()

    assert spool.first() == given
    assert (progress.counts["sent"], progress.counts["spooled"]) == (0, 2)


def test_properties_that_the_library_does_not_know_are_refused(stop: StopSignal) -> None:
    sending = transport(NOBODY, stop, **{"made.up": 1})

    with pytest.raises(ApiRefusedError, match=r"FLARE_KAFKA_OPTIONS cannot be used: .*made\.up"):
        sending.send(post({"harpnum": 1}, sent=1), attempts=4)


def test_the_wish_to_stop_ends_the_wait_for_an_answer(
    stop: StopSignal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data_sender.delivery.kafka.GRACE_SECONDS", 0.3)
    sending = transport(NOBODY, stop)
    stop.set()
    began = time.monotonic()

    with pytest.raises(ApiUnavailableError, match="when this sender was stopped"):
        sending.send(post({"harpnum": 1}, sent=1), attempts=4)

    assert time.monotonic() - began < 5
