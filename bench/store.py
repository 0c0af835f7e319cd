"""The store that a measurement runs on: a private MariaDB, upgraded and empty."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa

from tests.mariadb_server import private_server

NAME = "flarewatch"


@dataclass(frozen=True)
class StoreServer:
    """A MariaDB that flushes its log at every commit, and the number of its process."""

    address: str
    pid: int

    def create(self, name: str, tree: Path = Path()) -> str:
        """Make an empty store with the tables of a working tree, and give its address."""
        engine = sa.create_engine(self.address)
        with engine.begin() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        engine.dispose()
        address = f"{self.address}{name}"
        subprocess.run(
            [sys.executable, "-m", "database", "upgrade"],
            check=True,
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree.resolve()), "FLARE_DATABASE_URL": address},
            stdout=subprocess.DEVNULL,
        )
        return address


@contextmanager
def mariadb_server(folder: Path) -> Iterator[StoreServer]:
    """Run a server without stores, whose files are in a folder that is empty or not there yet."""
    if folder.exists() and any(folder.iterdir()):
        raise RuntimeError(f"{folder} is not empty; name a folder that is, or remove this one")
    folder.mkdir(parents=True, exist_ok=True)
    with private_server(folder) as address:
        yield StoreServer(address, int((folder / "pid").read_text()))


@contextmanager
def mariadb_store(folder: Path | None = None) -> Iterator[str]:
    """Give the address of an upgraded, empty store that flushes the log at every commit.

    Parameters
    ----------
    folder : stays when the block ends, and is then the data of a server; by default nothing does
    """
    if folder is None:
        with TemporaryDirectory() as passing, mariadb_store(Path(passing)) as address:
            yield address
        return
    with mariadb_server(folder) as server:
        yield server.create(NAME)
