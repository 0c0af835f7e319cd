"""A broker that speaks the real protocol: librdkafka's mock cluster, as a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

# The cluster lives as long as the producer that made it; topics appear, with four partitions,
# when they are written to or asked for. It keeps some 5 MB for each partition.
_PROGRAM = """
import sys
from confluent_kafka import Producer
cluster = Producer({"test.mock.num.brokers": 3, "log_level": 0})
brokers = cluster.list_topics(timeout=10).brokers.values()
print(",".join(f"{broker.host}:{broker.port}" for broker in brokers), flush=True)
sys.stdin.read()
"""
PARTITIONS = 4


@contextmanager
def broker() -> Iterator[str]:
    """Run a broker until the block ends, and give its addresses."""
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def read_all(address: str, topic: str) -> list[Message]:
    """Read all that a topic holds at this moment, partition by partition."""
    consumer = Consumer(
        {"bootstrap.servers": address, "group.id": "reader", "enable.auto.commit": False}
    )
    try:
        numbers = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        places = [TopicPartition(topic, number, OFFSET_BEGINNING) for number in numbers]
        wanted = sum(consumer.get_watermark_offsets(place, timeout=10)[1] for place in places)
        consumer.assign(places)
        found: list[Message] = []
        while len(found) < wanted:
            found += [m for m in consumer.consume(10_000, timeout=0.2) if m.error() is None]
        return found
    finally:
        consumer.close()
