"""Whom to tell of alerts: a webhook, a mail server, or nobody."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from database.settings import DatabaseSettings

WEBHOOK = "webhook"
MAIL = "mail"
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_ADDRESS = re.compile(rf"{_ATOM}(\.{_ATOM})*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_VISIBLE = re.compile(r"[!-~]+")


class NoticeSettings(DatabaseSettings):
    """Settings of the channels; one without an address is not used.

    ``smtp_url`` is ``smtp://user:password@host:587``, or ``smtps://…`` for TLS from the first
    byte. With ``notify_dry_run`` everything happens but the sending.
    """

    webhook_url: SecretStr | None = None
    webhook_secret: SecretStr | None = Field(default=None, min_length=16, validate_default=True)
    smtp_url: SecretStr | None = None
    mail_from: str | None = Field(default=None, validate_default=True)
    mail_to: str | None = Field(default=None, validate_default=True)
    notify_dry_run: bool = False

    @property
    def notice_channels(self) -> tuple[str, ...]:
        """The channels that a notice is written for."""
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


def _parts(text: str, *, schemes: tuple[str, ...], example: str) -> SplitResult:
    """Take an address apart; the message never repeats it, for it may hold a password."""
    advice = f"not an address; write it like {example}"
    if not _VISIBLE.fullmatch(text):
        raise ValueError(advice)
    try:
        parts = urlsplit(text)
        is_whole = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        # Their words repeat a part of the address.
        raise ValueError(advice) from None
    if not is_whole:
        raise ValueError(advice)
    return parts


def _refuse_bad_address(text: str) -> None:
    if not _ADDRESS.fullmatch(text):
        raise ValueError("not a list of mail addresses; write desk@example.org,duty@example.org")
