"""The sender's settings, read from the environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr

from solar.settings import Settings
from solar.stream import OBSERVATIONS_TOPIC


class SenderSettings(Settings):
    """The sender's settings: variables with the prefix ``FLARE_``; options override them."""

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

    jsoc_url: str = Field(
        default="http://jsoc.stanford.edu/cgi-bin/ajax/jsoc_info",
        description="What answers for the SHARP series of JSOC",
    )
    swpc_url: str = Field(
        default="https://services.swpc.noaa.gov/json",
        description="The folder of SWPC's products",
    )

    kafka_bootstrap: str | None = Field(
        default=None, description="Addresses of the broker that --via kafka writes to"
    )
    kafka_observations: str = Field(
        default=OBSERVATIONS_TOPIC, description="The topic that it writes to"
    )
    kafka_options: dict[str, str | int | float | bool] = Field(
        default={}, description="Properties of librdkafka, as JSON"
    )

    def sender_dir(self, sender: str) -> Path:
        """Return the folder that belongs to one sender alone."""
        return self.data_dir / "sender" / sender
