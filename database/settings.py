"""The settings of the store, its address, password, connections and retention, and of its files."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from solar.settings import Settings


class DatabaseSettings(Settings):
    """Settings of the store, read from the environment with the prefix ``FLARE_``.

    ``database_url`` is a SQLAlchemy address; ``sqlite:///…`` is the embedded store,
    ``mysql+mysqlconnector://…`` the product's. ``database_password``, where it is set, is the
    password of the account in that address: there it would need ``%40`` for ``@``.
    ``retention`` says how long tables are kept, such as ``observations=24m,rejections=2y``,
    over the ages in docs/operations.md.
    ``sqlite_synchronous`` says whether SQLite answers when a commit is on the disk (``full``), or
    earlier (``normal``): then a power cut may take the last commits.
    """

    database_url: str = "sqlite:///var/flarewatch.db"
    database_password: SecretStr | None = None
    database_pool_size: int = Field(default=8, ge=1, le=1000)
    retention: str = ""
    sqlite_synchronous: Literal["full", "normal"] = "full"


class FileSettings(Settings):
    """Settings of the files of the Lab.

    ``lab_store`` is where the content of data sets and outputs lies, an address such as
    ``file:///srv/lab``; empty: under ``data_dir``.
    """

    data_dir: Path = Path("var")
    lab_store: str = Field(default="", pattern=r"^([a-z0-9]+://[!-~]+)?$")

    @property
    def lab_folder(self) -> Path:
        """Where the Lab keeps its files on this machine."""
        return self.data_dir.absolute() / "lab"

    @property
    def lab_store_address(self) -> str:
        """The address of the content of data sets and outputs."""
        return self.lab_store or (self.lab_folder / "files").as_uri()
