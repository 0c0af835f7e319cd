"""The store that a measurement runs on: a private MariaDB, upgraded and empty."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa

from database.engine import create_engine
from database.migrations import upgrade
from database.settings import DatabaseSettings
from tests.mariadb_server import private_server

NAME = "flarewatch"


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
    if folder.exists() and any(folder.iterdir()):
        raise RuntimeError(f"{folder} is not empty; name a folder that is, or remove this one")
    folder.mkdir(parents=True, exist_ok=True)
    with private_server(folder) as server:
        engine = sa.create_engine(server)
        with engine.begin() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {NAME} CHARACTER SET utf8mb4")
        engine.dispose()
        address = f"{server}{NAME}"
        store = create_engine(DatabaseSettings(database_url=address))
        upgrade(store)
        store.dispose()
        yield address
