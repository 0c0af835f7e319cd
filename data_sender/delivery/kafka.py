"""The Kafka transport: one message per observation, acknowledged by all replicas."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

import orjson
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from data_sender.delivery.client import Answer, ApiRefusedError, ApiUnavailableError, Transport
from data_sender.delivery.spool import Post
from solar.process import GRACE_SECONDS, StopSignal
from solar.stream import SCHEMA, of_producers, region_key

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 10.0
_POLL_SECONDS = 0.1
# What no later attempt will change; by number, since the broker gives no other name.
_REFUSALS = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError._AUTHENTICATION,
        KafkaError.TOPIC_EXCEPTION,
    }
)


class KafkaTransport:
    """Writes observations to a topic; everything else goes to `others`, over HTTP.

    The messages of one region lie in one partition, in the order in which they were sent.
    """

    def __init__(
        self, options: Mapping[str, Any], topic: str, *, others: Transport, stop: StopSignal
    ) -> None:
        self._options = {
            "linger.ms": 5,
            "compression.type": "lz4",
            # As Java's producers do, so that a region has one partition whoever writes.
            "partitioner": "murmur2_random",
            # Every message is reported on within this time, so that none can follow later.
            "message.timeout.ms": int(1000 * ANSWER_SECONDS),
            **of_producers(options),
            "acks": "all",
            "enable.idempotence": True,
        }
        self._topic = topic
        self._others = others
        self._stop = stop
        self._producer: Producer | None = None
        self._errors: list[KafkaError] = []

    def send(self, post: Post, *, attempts: int) -> Answer:
        """Write a post; the library tries again by itself. The answer holds no outcome of any row.

        Raises
        ------
        ApiUnavailableError
            When the broker has not acknowledged every message; some may be stored all the same.
        ApiRefusedError
            When it never will.
        """
        if post.kind != "observations":
            return self._others.send(post, attempts=attempts)
        self._errors = []
        try:
            self._produce(post)
            self._wait()
        except KafkaException as error:
            self._forget_producer()
            raise self._unavailable(str(error.args[0])) from error
        self._raise_errors()
        return Answer(200, {})

    def close(self) -> None:
        """Close both connections; `send` has left nothing under way."""
        self._forget_producer()
        self._others.close()

    def _raise_errors(self) -> None:
        """Raise the error that the delivery reports amount to, if any."""
        refused = [error for error in self._errors if error.code() in _REFUSALS]
        if refused:
            raise ApiRefusedError(
                f"the broker refuses {self._topic}: {refused[0].str()};"
                " check FLARE_KAFKA_OPTIONS and the rights of this account"
            )
        if self._errors:
            if any(error.fatal() for error in self._errors):
                self._forget_producer()
            raise self._unavailable(self._errors[0].str())

    def _produce(self, post: Post) -> None:
        producer = self._connected()
        for place, item in enumerate(post.items):
            content = {"schema": SCHEMA, "sender": _sender(post, place), "observation": item}
            key = region_key(item.get("harpnum"), item.get("noaa_ars") or ())
            while True:
                try:
                    producer.produce(
                        self._topic, orjson.dumps(content), key, on_delivery=self._on_delivery
                    )
                    break
                except BufferError:
                    producer.poll(_POLL_SECONDS)
            producer.poll(0)

    def _wait(self) -> None:
        """Return when every message is reported on, or the grace period is over."""
        producer, stopped_at = self._connected(), None
        while producer.flush(_POLL_SECONDS):
            if not self._stop.is_set:
                continue
            stopped_at = stopped_at or time.monotonic()
            if time.monotonic() - stopped_at > GRACE_SECONDS:
                self._forget_producer()
                raise self._unavailable("it had not answered when this sender was stopped")

    def _connected(self) -> Producer:
        if self._producer is None:
            try:
                self._producer = Producer(self._options, logger=logger)
            except KafkaException as error:
                raise ApiRefusedError(
                    f"FLARE_KAFKA_OPTIONS cannot be used: {error.args[0].str()}"
                ) from error
        return self._producer

    def _forget_producer(self) -> None:
        if self._producer is not None:
            self._producer.purge()
            self._producer.flush(_POLL_SECONDS)
            self._producer = None

    def _on_delivery(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self._errors.append(error)

    def _unavailable(self, reason: str) -> ApiUnavailableError:
        return ApiUnavailableError(f"the broker {self._options['bootstrap.servers']}: {reason}")


def _sender(post: Post, place: int) -> dict[str, Any]:
    """Return the sender of one row: its count goes up to and including this one."""
    sender = dict(post.extra.get("sender", {}))
    if "sent" in sender:
        sender["sent"] -= len(post.items) - place - 1
    return sender
