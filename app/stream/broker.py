"""The Kafka broker: the connections to it, the messages read from it and those written to it."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka import Message as Received

from app.settings import StreamSettings
from solar.errors import FlarewatchError, InvalidInputError
from solar.stream import of_producers

_log = logging.getLogger(__name__)

MESSAGES_AT_ONCE = 1_000
_LINGER_SECONDS = 0.1
_ANSWER_SECONDS = 5.0
_PATIENCE_SECONDS = 1.0
_TURN_SECONDS = 0.2


@dataclass(frozen=True)
class Message:
    """A message as it was read: its place, key and bytes; `value` is None for one without."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None

    @property
    def place(self) -> str:
        """Topic, partition and offset, for people."""
        return f"{self.topic}[{self.partition}]@{self.offset}"


@dataclass(frozen=True)
class Outgoing:
    """A message to be written."""

    topic: str
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


class BrokerAwayError(FlarewatchError):
    """The broker does not answer now; what it has not acknowledged is sent again."""

    status = 503
    title = "Broker away"


def member_name() -> str:
    """Return the name of this process among the consumers of its group."""
    return f"{socket.gethostname()[:48]}-{os.getpid()}"


def connect_consumer(settings: StreamSettings, *, logger: logging.Logger) -> Consumer:
    """Return a member of the group that subscribes to nothing yet."""
    options = {
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": 10_000,
        "heartbeat.interval.ms": 2_000,
        # A topic or partition that is created after the start is soon noticed.
        "topic.metadata.refresh.interval.ms": 10_000,
        "client.id": member_name(),
        **settings.kafka_options,
        "bootstrap.servers": settings.kafka_bootstrap,
        "group.id": settings.kafka_group,
        # So that every record arrives, a new group begins with the oldest message, and an offset
        # is committed only when the store has the message.
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
    }
    try:
        return Consumer(options, logger=logger)
    except KafkaException as error:
        raise _wrong_options(error) from error


def connect_producer(settings: StreamSettings, *, logger: logging.Logger) -> Producer:
    """Return a producer whose messages are acknowledged by all replicas."""
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


def reason_of(error: KafkaException) -> str:
    """Return the reason that the broker, or the library in its place, gives."""
    reason = error.args[0] if error.args else error
    return reason.str() if isinstance(reason, KafkaError) else str(reason)


def _wrong_options(error: KafkaException) -> InvalidInputError:
    return InvalidInputError(f"FLARE_KAFKA_OPTIONS cannot be used: {reason_of(error)}")


class Publisher:
    """One producer; messages are on all replicas when `publish` returns."""

    def __init__(self, settings: StreamSettings) -> None:
        self._producer = connect_producer(settings, logger=_log)
        self._failed: list[Outgoing] = []

    def publish(self, outgoing: Sequence[Outgoing], *, meanwhile: Callable[[], None]) -> None:
        """Write messages and return when the broker has them, however long that takes.

        `meanwhile` is called again and again during the wait; what it raises ends the wait.
        """
        left = list(outgoing)
        while left:
            self._failed = []
            for message in left:
                self._produce(message)
            waiting = self._producer.flush(_PATIENCE_SECONDS)
            while waiting:
                _log.warning("%d messages wait for the broker", waiting)
                meanwhile()
                waiting = self._producer.flush(_TURN_SECONDS)
            left = self._failed
            if left:
                _log.warning("%d messages were not taken and are written again", len(left))
                meanwhile()

    def close(self) -> None:
        """Discard what is not acknowledged yet; its observations come again, and it with them."""
        self._producer.purge()
        self._producer.flush(_PATIENCE_SECONDS)

    def _produce(self, message: Outgoing) -> None:
        def on_delivery(error: KafkaError | None, _: Received) -> None:
            if error is not None:
                self._failed.append(message)

        while True:
            try:
                self._producer.produce(
                    message.topic,
                    message.value,
                    message.key,
                    headers=list(message.headers),
                    on_delivery=on_delivery,
                )
            except BufferError:
                # The queue of the library is full; answers of the broker make room.
                self._producer.poll(_TURN_SECONDS)
            except KafkaException as error:
                reason = f"{message.topic} cannot be written: {reason_of(error)}; start again"
                raise FlarewatchError(reason) from error
            else:
                return


@dataclass(frozen=True)
class Progress:
    """A partition: the offset of the next message to read, and of the next one to be written."""

    partition: int
    committed: int
    end_offset: int


class Subscription:
    """One member of the group, which shares the partitions of the observations' topic.

    A partition belongs to one member at a time.
    """

    def __init__(self, settings: StreamSettings) -> None:
        self._topic = settings.kafka_observations
        self._consumer = connect_consumer(settings, logger=_log)
        self._held: list[Message] = []
        self._is_holding = False
        self._committed: dict[int, int] = {}
        self._due: dict[int, int] = {}
        self._consumer.subscribe(
            [self._topic],
            on_assign=lambda _, places: _log_partitions("takes over", places),
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )

    def check(self) -> None:
        """Ask the broker for its topics; BrokerAwayError when it does not answer."""
        try:
            self._consumer.list_topics(timeout=_ANSWER_SECONDS)
        except KafkaException as error:
            raise BrokerAwayError(f"the broker does not answer: {reason_of(error)}") from error

    def read(self) -> list[Message]:
        """Return the messages that have come, possibly none after a moment."""
        if self._is_holding:
            self._consumer.resume(self._consumer.assignment())
            self._is_holding = False
        self._commit_due()
        earlier, self._held = self._held, []
        new = self._consumer.consume(MESSAGES_AT_ONCE, timeout=_LINGER_SECONDS)
        return earlier + [message for received in new for message in _messages(received)]

    def hold(self, seconds: float) -> None:
        """Wait without new messages, as a living member that keeps its partitions."""
        # At every turn, because the group may hand over a partition in between.
        self._consumer.pause(self._consumer.assignment())
        self._is_holding = True
        received = self._consumer.poll(seconds)
        self._held += [] if received is None else _messages(received)

    def commit(self, messages: Sequence[Message]) -> None:
        """Commit at the broker that these messages need not come again."""
        self._due |= {message.partition: message.offset + 1 for message in messages}
        self._commit_due()

    def progress(self) -> list[Progress]:
        """Return the progress of the group in the partitions of this member, where it is known."""
        places = self._consumer.assignment()
        self._learn(places)
        ends = {p.partition: self._consumer.get_watermark_offsets(p, cached=True) for p in places}
        return [
            Progress(number, max(low, self._committed.get(number, low)), max(low, high))
            for number, (low, high) in ends.items()
            if high >= 0
        ]

    def close(self) -> None:
        """Leave the group; its partitions go to the other members at once."""
        self._consumer.close()

    def _commit_due(self) -> None:
        """Commit what is due; while the group changes it is refused, and stays due."""
        if not self._due:
            return
        # A partition that another member has taken over is committed by that one.
        mine = {place.partition for place in self._consumer.assignment()}
        self._due = {number: offset for number, offset in self._due.items() if number in mine}
        places = [TopicPartition(self._topic, *place) for place in self._due.items()]
        try:
            if places:
                self._consumer.commit(offsets=places, asynchronous=False)
        except KafkaException as error:
            _log.warning("offsets could not be committed yet: %s", reason_of(error))
        else:
            self._committed |= self._due
            self._due = {}

    def _on_revoke(self, _: Consumer, places: list[TopicPartition]) -> None:
        self._commit_due()
        self._let_go("gives up", places)

    def _on_lost(self, _: Consumer, places: list[TopicPartition]) -> None:
        self._let_go("has lost", places)

    def _let_go(self, how: str, places: list[TopicPartition]) -> None:
        for place in places:
            self._due.pop(place.partition, None)
            self._committed.pop(place.partition, None)
        _log_partitions(how, places)

    def _learn(self, places: Sequence[TopicPartition]) -> None:
        """Ask the broker for what was committed before this member took a partition over."""
        mine = {place.partition for place in places}
        self._committed = {n: offset for n, offset in self._committed.items() if n in mine}
        unknown = [place for place in places if place.partition not in self._committed]
        if not unknown:
            return
        try:
            committed = self._consumer.committed(unknown, timeout=_ANSWER_SECONDS)
        except KafkaException as error:
            _log.warning("the broker does not tell the offsets: %s", reason_of(error))
            return
        # Where the group has committed nothing yet the offset is negative, and stays known as that.
        self._committed |= {place.partition: place.offset for place in committed}


def _log_partitions(how: str, places: Sequence[TopicPartition]) -> None:
    numbers = ", ".join(str(place.partition) for place in places) or "none"
    _log.info("this consumer %s partitions: %s", how, numbers)


def _messages(received: Received) -> list[Message]:
    """Return the message in a list of one; an event of the connection is logged, and is none."""
    error = received.error()
    if error is not None:
        _log.warning("the broker reports: %s", error.str())
        return []
    place = str(received.topic()), int(received.partition() or 0), int(received.offset() or 0)
    return [Message(*place, _bytes(received.key()), _bytes(received.value()))]


def _bytes(content: str | bytes | None) -> bytes | None:
    return content.encode() if isinstance(content, str) else content
