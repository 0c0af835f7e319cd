"""The settings of the dashboard: where it listens, and how it reaches the other services."""

from __future__ import annotations

import secrets
from typing import Literal

from pydantic import Field, SecretStr

from database.people.access import AccessSettings, is_everywhere, is_loopback
from solar.errors import InvalidInputError
from solar.settings import without_password

SHORTEST_SECRET = 32


class DashSettings(AccessSettings):
    """Settings of the dashboard, read from the environment with the prefix ``FLARE_``.

    ``secret_key`` signs what the browser sends back; without one the server must listen on this
    machine only, and signs with a new key at every start. ``api_key`` is any key of the API; it
    vouches for the addresses of browsers. All clear needs a full-disk probability of M1.0+ below
    ``all_clear_limit``. ``public_api_url`` is the address of the API that people use, if
    ``api_url`` is one of an internal network. ``lab`` says whether there are pages of the Lab.
    """

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
    lab: Literal["on", "off"] = "on"

    @property
    def is_loopback(self) -> bool:
        """Tell whether only this machine can reach the server."""
        return is_loopback(self.dash_host)

    @property
    def shown_api_url(self) -> str:
        """The address of the API to show to people, without a trailing slash."""
        return without_password(self.public_api_url or self.api_url).rstrip("/")

    @property
    def shown_dash_url(self) -> str:
        """The address of the dashboard to show to people."""
        if self.public_address:
            return self.public_address
        host = "127.0.0.1" if is_everywhere(self.dash_host) else self.dash_host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.dash_port}"


def signing_key(settings: DashSettings) -> str:
    """Return the signing key; without one, a new key if only this machine can connect.

    Raises
    ------
    InvalidInputError
        When it is missing or too short, and other machines can connect.
    """
    secret = settings.secret_key.get_secret_value() if settings.secret_key else ""
    if settings.is_loopback:
        return secret or secrets.token_hex(32)
    if len(secret) >= SHORTEST_SECRET:
        return secret
    raise InvalidInputError(
        f"the dashboard listens on {settings.dash_host}, and FLARE_SECRET_KEY has {len(secret)}"
        f" characters; set one of {SHORTEST_SECRET} or more, the same for every replica, such as"
        " the output of: openssl rand -hex 32"
    )
