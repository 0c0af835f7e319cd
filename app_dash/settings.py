"""The settings of the dashboard: where it listens, and how it reaches the other services."""

from __future__ import annotations

import secrets

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from solar.errors import InvalidInputError

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  only compared with


class DashSettings(BaseSettings):
    """Settings of the dashboard, read from the environment with the prefix ``FLARE_``.

    ``secret_key`` signs what the browser sends back; without one the server must listen on this
    machine only, and signs with a new key at every start. ``api_key`` is a key with the scope
    read, if the API requires one. All clear needs a full-disk probability of M1.0+ below
    ``all_clear_limit``. ``public_api_url`` and ``public_dash_url`` are the addresses that people
    use, if ``api_url`` and the port are those of an internal network.
    """

    model_config = SettingsConfigDict(
        env_prefix="FLARE_", env_ignore_empty=True, frozen=True, extra="ignore"
    )

    dash_host: str = "127.0.0.1"
    dash_port: int = Field(default=8050, ge=1, le=65535)
    dash_workers: int = Field(default=1, ge=1, le=64)
    dash_threads: int = Field(default=8, ge=1, le=64)
    dash_refresh_seconds: int = Field(default=30, ge=1, le=3600)
    all_clear_limit: float = Field(default=0.05, gt=0, lt=1)
    api_url: str = "http://127.0.0.1:8000"
    api_key: SecretStr | None = None
    secret_key: SecretStr | None = None
    public_api_url: str | None = None
    public_dash_url: str | None = None

    @property
    def shown_api_url(self) -> str:
        """The address of the API to show to people, without a trailing slash."""
        return (self.public_api_url or self.api_url).rstrip("/")

    @property
    def shown_dash_url(self) -> str:
        """The address of the dashboard to show to people."""
        if self.public_dash_url:
            return self.public_dash_url
        host = "127.0.0.1" if self.dash_host in _EVERYWHERE else self.dash_host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.dash_port}"


def signing_key(settings: DashSettings) -> str:
    """Return the signing key; without one, a new key if only this machine can connect.

    Raises
    ------
    InvalidInputError
        When no key is set and other machines can connect.
    """
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value()
    if settings.dash_host in _LOOPBACK:
        return secrets.token_hex(32)
    raise InvalidInputError(
        f"FLARE_SECRET_KEY is not set although the dashboard listens on {settings.dash_host};"
        " set it to a long random text, the same for every replica"
    )
