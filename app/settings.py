"""How the API is served: address, workers, key, and the folder of its models."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

import model_training
from app.notify.settings import NoticeSettings
from app.stream.settings import StreamSettings


class ApiSettings(NoticeSettings, StreamSettings):
    """Settings of the API, read from the environment with the prefix ``FLARE_``.

    ``api_key`` opens every scope; keys for single users come from
    ``flarewatch database users add``. Without any key only this machine may call.
    ``alert_rules`` is a file that replaces the rules that come with the program.
    ``lease_seconds`` is for how long a silent replica of the sender keeps its shards.
    """

    model_config = SettingsConfigDict(
        env_prefix="FLARE_", env_ignore_empty=True, frozen=True, extra="ignore"
    )

    api_host: str = "127.0.0.1"
    api_port: int = Field(default=8000, ge=0, le=65535)
    api_key: SecretStr | None = Field(default=None, min_length=16)
    api_workers: int = Field(default=2, ge=1, le=64)
    artifacts_dir: Path = Path(model_training.__file__).parent / "artifacts"
    alert_rules: Path | None = None
    lease_seconds: float = Field(default=10, ge=0.5, le=3600)

    @property
    def is_embedded(self) -> bool:
        """Tell whether the store is a file that this process owns."""
        return self.database_url.startswith("sqlite")

    @property
    def is_loopback(self) -> bool:
        """Tell whether only this machine can reach the server."""
        try:
            return ipaddress.ip_address(self.api_host).is_loopback
        except ValueError:
            return self.api_host == "localhost"
