"""What a sender is told by its environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class SenderSettings(BaseSettings):
    """The sender's settings: variables with the prefix ``FLARE_``; options override them."""

    model_config = SettingsConfigDict(
        env_prefix="FLARE_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    api_url: str = Field(
        default="http://127.0.0.1:8000", description="Where the prediction API listens"
    )
    api_key: SecretStr | None = Field(
        default=None, description="Key with the scope ingest; none is needed in the embedded demo"
    )
    data_dir: Path = Field(
        default=Path("var"),
        description="Folder under which each sender keeps its position and its spool",
    )

    def sender_dir(self, sender: str) -> Path:
        """Return the folder that belongs to one sender alone."""
        return self.data_dir / "sender" / sender
