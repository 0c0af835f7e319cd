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


@contextmanager
def mariadb_store() -> Iterator[str]:
    """Give the address of an upgraded, empty store that flushes the log at every commit."""
    with TemporaryDirectory() as folder, private_server(Path(folder)) as server:
        engine = sa.create_engine(server)
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE DATABASE flarewatch CHARACTER SET utf8mb4")
        engine.dispose()
        address = f"{server}flarewatch"
        store = create_engine(DatabaseSettings(database_url=address))
        upgrade(store)
        store.dispose()
        yield address
