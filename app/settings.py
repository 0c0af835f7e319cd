"""Settings of the API: its address and models, notifications, the stream, and the Lab."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator

import model_training
from database.people.access import AccessSettings, Network, is_loopback, read_networks
from database.settings import DatabaseSettings, FileSettings
from solar.errors import InvalidInputError
from solar.settings import Settings
from solar.stream import DEAD_TOPIC, OBSERVATIONS_TOPIC, PREDICTIONS_TOPIC

WEBHOOK = "webhook"
MAIL = "mail"
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_ADDRESS = re.compile(rf"{_ATOM}(\.{_ATOM})*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_VISIBLE = re.compile(r"[!-~]+")
_KAFKA_NAME = r"^[A-Za-z0-9._\-]{1,64}$"


class NotificationSettings(DatabaseSettings):
    """Settings of the channels of notifications; one without an address is not used.

    ``smtp_url`` is ``smtp://user:password@host:587``, or ``smtps://…`` for TLS from the first
    byte. With ``notify_dry_run`` everything is done except sending, and so it is in a replay
    without ``replay_notify``. ``heartbeat_url`` is fetched every minute while all is well, in a
    replay only with ``replay_notify``.
    """

    webhook_url: SecretStr | None = None
    webhook_secret: SecretStr | None = Field(default=None, min_length=16, validate_default=True)
    smtp_url: SecretStr | None = None
    mail_from: str | None = Field(default=None, validate_default=True)
    mail_to: str | None = Field(default=None, validate_default=True)
    notify_dry_run: bool = False
    heartbeat_url: SecretStr | None = None
    replay_notify: bool = False

    @property
    def notification_channels(self) -> tuple[str, ...]:
        """The channels that a notification is written for."""
        addresses = {WEBHOOK: self.webhook_url, MAIL: self.smtp_url}
        return tuple(channel for channel, address in addresses.items() if address is not None)

    @property
    def recipients(self) -> tuple[str, ...]:
        """The addresses of `mail_to`, one by one."""
        return tuple(part.strip() for part in (self.mail_to or "").split(",") if part.strip())

    @field_validator("webhook_url")
    @classmethod
    def _is_web_address(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            example = "https://host/path"
            parts = _parts(value.get_secret_value(), schemes=("https", "http"), example=example)
            if parts.username is not None or parts.fragment:
                raise ValueError("leave user name, password and #fragment out of the address")
        return value

    @field_validator("heartbeat_url")
    @classmethod
    def _is_private_or_here(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            example = "https://host/path"
            parts = _parts(value.get_secret_value(), schemes=("https", "http"), example=example)
            if parts.username is not None or parts.fragment:
                raise ValueError("leave user name, password and #fragment out of the address")
            # Who hears the address on its way could beat instead of us.
            if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
                raise ValueError("use https; http is for a receiver on this machine")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _is_mail_server(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            example = "smtp://user:password@host:587"
            _parts(value.get_secret_value(), schemes=("smtp", "smtps"), example=example)
        return value

    @field_validator("webhook_secret")
    @classmethod
    def _goes_with_the_webhook(
        cls, value: SecretStr | None, info: ValidationInfo
    ) -> SecretStr | None:
        if value is None and info.data.get("webhook_url") is not None:
            raise ValueError("FLARE_WEBHOOK_URL is set, so set the secret that signs, too")
        return value

    @field_validator("mail_from", "mail_to")
    @classmethod
    def _goes_with_the_mail_server(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and info.data.get("smtp_url") is not None:
            raise ValueError("FLARE_SMTP_URL is set, so say from whom and to whom, too")
        addresses = [] if value is None else value.split(",")
        if info.field_name == "mail_from" and len(addresses) > 1:
            raise ValueError("mail comes from one address")
        for address in addresses:
            _refuse_bad_address(address.strip())
        return value


class IngestSettings(Settings):
    """Settings of what is stored.

    Of the forecasts of other windows than the next 24 h those of the first record of each region
    in ``lead_every`` minutes are stored, with 0 those of every record.
    """

    lead_every: int = Field(default=60, ge=0, le=1440)

    @property
    def lead_span(self) -> timedelta:
        """The minutes of `lead_every`."""
        return timedelta(minutes=self.lead_every)


class StreamSettings(IngestSettings):
    """Settings of the stream; without ``kafka_bootstrap`` there is none.

    ``kafka_options`` are properties of librdkafka for every connection, such as
    ``{"security.protocol": "SASL_SSL"}``.
    """

    kafka_bootstrap: str | None = None
    kafka_group: str = Field(default="flarewatch", pattern=_KAFKA_NAME)
    kafka_observations: str = Field(default=OBSERVATIONS_TOPIC, pattern=_KAFKA_NAME)
    kafka_dead: str = Field(default=DEAD_TOPIC, pattern=_KAFKA_NAME)
    kafka_predictions: str = Field(default=PREDICTIONS_TOPIC, pattern=_KAFKA_NAME)
    kafka_options: dict[str, str | int | float | bool] = Field(default={})


def refuse_without_broker(settings: StreamSettings) -> None:
    """Refuse to consume without a broker."""
    if not settings.kafka_bootstrap:
        raise InvalidInputError(
            "no broker is named; set FLARE_KAFKA_BOOTSTRAP, for example to kafka:9092"
        )


class LabSettings(FileSettings):
    """Settings of the Lab.

    ``broker_url`` is a Redis, ``redis://host:6379/0``; without it workers on this machine get
    their runs through files under ``data_dir``.
    A job that is silent for ``lab_lease_seconds`` is lost, a run that no worker begins within
    ``lab_claim_seconds`` is queued again, and a job that does not stop when asked is killed after
    ``lab_grace_seconds``.
    """

    lab: Literal["on", "off"] = "on"
    broker_url: SecretStr | None = None
    lab_upload_bytes: int = Field(default=2 * 2**30, ge=1)
    lab_quota_bytes: int = Field(default=20 * 2**30, ge=1)
    lab_time_limit_seconds: int = Field(default=86_400, ge=1, le=30 * 86_400)
    lab_lease_seconds: float = Field(default=30, ge=1, le=3600)
    lab_claim_seconds: float = Field(default=20, ge=1, le=3600)
    lab_grace_seconds: float = Field(default=30, ge=1, le=3600)

    @property
    def has_lab(self) -> bool:
        """Tell whether the Lab is open."""
        return self.lab == "on"

    @property
    def broker_address(self) -> str:
        """The address of the broker; empty for files under `data_dir`."""
        return "" if self.broker_url is None else self.broker_url.get_secret_value()


class ApiSettings(NotificationSettings, StreamSettings, AccessSettings, LabSettings):
    """Settings of the API, read from the environment with the prefix ``FLARE_``.

    ``api_key`` opens every scope; people and other keys come from
    ``flarewatch database users add``. Without any only this machine may call.
    ``alert_rules`` is a file that replaces the rules that come with the program.
    ``lease_seconds`` is how long a silent replica of the sender keeps its shards.
    ``metrics_addresses`` are addresses or networks that may read ``/metrics`` without a key.
    """

    api_host: str = "127.0.0.1"
    api_port: int = Field(default=8000, ge=0, le=65535)
    api_key: SecretStr | None = Field(default=None, min_length=16)
    api_workers: int = Field(default=2, ge=1, le=64)
    artifacts_dir: Path = Path(model_training.__file__).parent / "artifacts"
    alert_rules: Path | None = None
    lease_seconds: float = Field(default=10, ge=0.5, le=3600)
    metrics_addresses: str = ""

    @property
    def is_embedded(self) -> bool:
        """Tell whether the store is a file that this process owns."""
        return self.database_url.startswith("sqlite")

    @property
    def is_loopback(self) -> bool:
        """Tell whether only this machine can reach the server."""
        return is_loopback(self.api_host)

    @property
    def metrics_networks(self) -> tuple[Network, ...]:
        """The addresses that may read ``/metrics`` without a key."""
        return read_networks(self.metrics_addresses)

    @field_validator("metrics_addresses")
    @classmethod
    def _are_addresses(cls, value: str) -> str:
        read_networks(value)
        return value


def _parts(text: str, *, schemes: tuple[str, ...], example: str) -> SplitResult:
    """Split an address; the message never repeats it, as it may contain a password."""
    advice = f"not an address; write it like {example}"
    if not _VISIBLE.fullmatch(text):
        raise ValueError(advice)
    try:
        parts = urlsplit(text)
        is_whole = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        # The message of this error repeats a part of the address.
        raise ValueError(advice) from None
    if not is_whole:
        raise ValueError(advice)
    return parts


def _refuse_bad_address(text: str) -> None:
    if not _ADDRESS.fullmatch(text):
        raise ValueError("not a list of mail addresses; write desk@example.org,duty@example.org")
