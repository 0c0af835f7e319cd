"""The broker: how this process connects to it, and what it says when something is wrong."""

from __future__ import annotations

import logging
import os
import socket
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer

from app.stream.settings import StreamSettings
from solar.errors import FlarewatchError, InvalidInputError
from solar.stream import of_producers


class BrokerAwayError(FlarewatchError):
    """The broker does not answer now; what it has not acknowledged is tried again."""

    status = 503
    title = "Broker away"


def member_name() -> str:
    """Name this process among the consumers of its group."""
    return f"{socket.gethostname()[:48]}-{os.getpid()}"


def join(settings: StreamSettings, *, logger: logging.Logger) -> Consumer:
    """Make a member of the group, which subscribes to nothing yet."""
    options = {
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": 10_000,
        "heartbeat.interval.ms": 2_000,
        # A topic that is made, or given partitions, after the start is soon noticed.
        "topic.metadata.refresh.interval.ms": 10_000,
        "client.id": member_name(),
        **settings.kafka_options,
        "bootstrap.servers": settings.kafka_bootstrap,
        "group.id": settings.kafka_group,
        # What makes every record arrive: a new group begins with the oldest message, and an
        # offset is committed only when the store has the message.
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
    }
    try:
        return Consumer(options, logger=logger)
    except KafkaException as error:
        raise _wrong_options(error) from error


def writer(settings: StreamSettings, *, logger: logging.Logger) -> Producer:
    """Make a producer whose messages are acknowledged by all replicas."""
    options: dict[str, Any] = {
        "linger.ms": 5,
        "compression.type": "lz4",
        # As Java's producers do, so that a region has one partition whoever writes.
        "partitioner": "murmur2_random",
        "message.timeout.ms": 30_000,
        "client.id": member_name(),
        **of_producers(settings.kafka_options),
        "bootstrap.servers": settings.kafka_bootstrap,
        "acks": "all",
        "enable.idempotence": True,
    }
    try:
        return Producer(options, logger=logger)
    except KafkaException as error:
        raise _wrong_options(error) from error


def said(error: KafkaException) -> str:
    """Return what the broker, or the library in its place, gives as the reason."""
    given = error.args[0] if error.args else error
    return given.str() if isinstance(given, KafkaError) else str(given)


def _wrong_options(error: KafkaException) -> InvalidInputError:
    return InvalidInputError(f"FLARE_KAFKA_OPTIONS cannot be used: {said(error)}")
