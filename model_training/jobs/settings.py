"""The settings of a worker, read from the environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr

from solar.settings import Settings


class WorkerSettings(Settings):
    """The settings of a worker: variables with the prefix ``FLARE_``."""

    api_url: str = Field(default="http://127.0.0.1:8000", description="Where the API listens")
    worker_key: SecretStr | None = Field(
        default=None, description="Key with the scope work; none is needed for an open API"
    )
    broker_url: SecretStr | None = Field(
        default=None, description="Redis, as of the API; without: files below the data folder"
    )
    data_dir: Path = Field(
        default=Path("var"),
        description="Folder of inputs, running jobs and messages",
    )
    worker_cache_bytes: int = Field(
        default=20 * 2**30, ge=0, description="Inputs of runs are kept up to this size"
    )
    worker_checkpoint_seconds: float = Field(
        default=60.0, gt=0, description="New checkpoints are delivered as often at most"
    )
    worker_drain_seconds: float = Field(
        default=60.0, ge=0, description="Jobs of a worker that is to end may go on for so long"
    )

    worker_nice: int = Field(
        default=19, ge=0, le=19, description="How far jobs step back behind all else, 0 to 19"
    )

    @property
    def work_dir(self) -> Path:
        """The folder in which each running job has a folder."""
        return self.data_dir.absolute() / "lab" / "work"

    @property
    def cache_dir(self) -> Path:
        """The folder of the inputs of runs."""
        return self.data_dir.absolute() / "lab" / "inputs"

    @property
    def broker_address(self) -> str:
        """The address of the broker; empty for files under `data_dir`."""
        return "" if self.broker_url is None else self.broker_url.get_secret_value()
