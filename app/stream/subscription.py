"""The subscription: the partitions of the observations' topic, shared out among the group."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka import Message as Received

from app.stream.broker import BrokerAwayError, join, said
from app.stream.message import Message
from app.stream.settings import StreamSettings

_log = logging.getLogger(__name__)

MESSAGES_AT_ONCE = 1_000
_LINGER_SECONDS = 0.1
_ANSWER_SECONDS = 5.0


@dataclass(frozen=True)
class Progress:
    """A partition: the next message to be taken in, and the next one to be written."""

    partition: int
    committed: int
    end_offset: int


class Subscription:
    """One member of the group; a partition belongs to one member at a time."""

    def __init__(self, settings: StreamSettings) -> None:
        self._topic = settings.kafka_observations
        self._consumer = join(settings, logger=_log)
        self._held: list[Message] = []
        self._is_holding = False
        self._committed: dict[int, int] = {}
        self._due: dict[int, int] = {}
        self._consumer.subscribe(
            [self._topic],
            on_assign=lambda _, places: _tell("takes over", places),
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )

    def check(self) -> None:
        """Ask the broker for its topics; BrokerAwayError when it does not answer."""
        try:
            self._consumer.list_topics(timeout=_ANSWER_SECONDS)
        except KafkaException as error:
            raise BrokerAwayError(f"the broker does not answer: {said(error)}") from error

    def read(self) -> list[Message]:
        """Return what has come, possibly nothing after a moment."""
        if self._is_holding:
            self._consumer.resume(self._consumer.assignment())
            self._is_holding = False
        self._commit_due()
        held, self._held = self._held, []
        came = self._consumer.consume(MESSAGES_AT_ONCE, timeout=_LINGER_SECONDS)
        return held + [message for received in came for message in _messages(received)]

    def hold(self, seconds: float) -> None:
        """Wait without new messages, as a living member that keeps its partitions."""
        # At every turn, because the group may hand over a partition in between.
        self._consumer.pause(self._consumer.assignment())
        self._is_holding = True
        received = self._consumer.poll(seconds)
        self._held += [] if received is None else _messages(received)

    def commit(self, messages: Sequence[Message]) -> None:
        """Write down at the broker that these messages need not come again."""
        self._due |= {message.partition: message.offset + 1 for message in messages}
        self._commit_due()

    def progress(self) -> list[Progress]:
        """Return how far the group is in the partitions of this member, where that is known."""
        places = self._consumer.assignment()
        self._learn(places)
        ends = {p.partition: self._consumer.get_watermark_offsets(p, cached=True) for p in places}
        return [
            Progress(number, max(low, self._committed.get(number, low)), max(low, high))
            for number, (low, high) in ends.items()
            if high >= 0
        ]

    def close(self) -> None:
        """Leave the group; the partitions go to the others at once."""
        self._consumer.close()

    def _commit_due(self) -> None:
        """Commit what is due; while the group changes it is refused, and stays due."""
        if not self._due:
            return
        # Of a partition that has another member now, that one's word counts.
        mine = {place.partition for place in self._consumer.assignment()}
        self._due = {number: offset for number, offset in self._due.items() if number in mine}
        places = [TopicPartition(self._topic, *place) for place in self._due.items()]
        try:
            if places:
                self._consumer.commit(offsets=places, asynchronous=False)
        except KafkaException as error:
            _log.warning("offsets could not be committed yet: %s", said(error))
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
        _tell(how, places)

    def _learn(self, places: Sequence[TopicPartition]) -> None:
        """Ask the broker for what was committed before this member took a partition over."""
        mine = {place.partition for place in places}
        self._committed = {n: offset for n, offset in self._committed.items() if n in mine}
        unknown = [place for place in places if place.partition not in self._committed]
        if not unknown:
            return
        try:
            found = self._consumer.committed(unknown, timeout=_ANSWER_SECONDS)
        except KafkaException as error:
            _log.warning("the broker does not tell the offsets: %s", said(error))
            return
        # Where the group has committed nothing yet the offset is negative, and stays known as that.
        self._committed |= {place.partition: place.offset for place in found}


def _tell(how: str, places: Sequence[TopicPartition]) -> None:
    numbers = ", ".join(str(place.partition) for place in places) or "none"
    _log.info("this consumer %s partitions: %s", how, numbers)


def _messages(received: Received) -> list[Message]:
    """Return a message of ours; an event of the connection is told and is none."""
    error = received.error()
    if error is not None:
        _log.warning("the broker reports: %s", error.str())
        return []
    place = str(received.topic()), int(received.partition() or 0), int(received.offset() or 0)
    return [Message(*place, _bytes(received.key()), _bytes(received.value()))]


def _bytes(content: str | bytes | None) -> bytes | None:
    return content.encode() if isinstance(content, str) else content
