"""The product's services as real processes on a private MariaDB, for a measurement."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
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


@contextmanager
def service(*command: str, ready: str, **settings: str) -> Iterator[None]:
    """Run `python -m COMMAND` until the block ends; `ready` is the address that must answer."""
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        env={**os.environ, **settings},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_for(ready, process)
        yield
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def free_port() -> str:
    """Return a port on the loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        if process.poll() is not None:
            raise RuntimeError(f"{address} stopped with code {process.returncode} while starting")
        try:
            with urllib.request.urlopen(address, timeout=5):  # noqa: S310  our own loopback
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise RuntimeError(f"{address} does not answer after 30 s")
