"""The publication: messages written to the broker, and acknowledged before anything goes on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import Message as Received

from app.stream.broker import said, writer
from app.stream.message import Outgoing
from app.stream.settings import StreamSettings
from solar.errors import FlarewatchError

_log = logging.getLogger(__name__)

_PATIENCE_SECONDS = 1.0
_TURN_SECONDS = 0.2


class Publication:
    """One producer; a message is on all replicas when `publish` returns."""

    def __init__(self, settings: StreamSettings) -> None:
        self._producer = writer(settings, logger=_log)
        self._failed: list[Outgoing] = []

    def publish(self, outgoing: Sequence[Outgoing], *, meanwhile: Callable[[], None]) -> None:
        """Write messages and return when the broker has them, however long that takes.

        `meanwhile` is called again and again while the broker keeps us waiting; what it raises
        ends the wait.
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
        """Let go of what is still under way; its observations come again and it with them."""
        self._producer.purge()
        self._producer.flush(_PATIENCE_SECONDS)

    def _produce(self, message: Outgoing) -> None:
        def on_delivery(error: KafkaError | None, _: Received) -> None:
            if error is not None:
                self._failed.append(message)

        while True:
            try:
                self._producer.produce(
                    message.topic, message.value, message.key,
                    headers=list(message.headers), on_delivery=on_delivery,
                )  # fmt: skip
            except BufferError:
                # The library's own queue is full; answers of the broker make room.
                self._producer.poll(_TURN_SECONDS)
            except KafkaException as error:
                reason = f"{message.topic} cannot be written: {said(error)}; start again"
                raise FlarewatchError(reason) from error
            else:
                return
