"""Where the stream is: the broker, the consumer group and the names of the topics."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings

from solar.errors import InvalidInputError
from solar.stream import DEAD_TOPIC, OBSERVATIONS_TOPIC, PREDICTIONS_TOPIC

_NAME = r"^[A-Za-z0-9._\-]{1,64}$"


class StreamSettings(BaseSettings):
    """Settings of the stream; without ``kafka_bootstrap`` there is none.

    ``kafka_options`` are properties of librdkafka for every connection, such as
    ``{"security.protocol": "SASL_SSL"}``.
    """

    kafka_bootstrap: str | None = None
    kafka_group: str = Field(default="flarewatch", pattern=_NAME)
    kafka_observations: str = Field(default=OBSERVATIONS_TOPIC, pattern=_NAME)
    kafka_dead: str = Field(default=DEAD_TOPIC, pattern=_NAME)
    kafka_predictions: str = Field(default=PREDICTIONS_TOPIC, pattern=_NAME)
    kafka_options: dict[str, str | int | float | bool] = Field(default={})


def refuse_without_broker(settings: StreamSettings) -> None:
    """Refuse to consume from nowhere."""
    if not settings.kafka_bootstrap:
        raise InvalidInputError(
            "no broker is named; set FLARE_KAFKA_BOOTSTRAP, for example to kafka:9092"
        )
