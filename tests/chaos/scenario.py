"""The scenario: store, API and senders as processes that may be killed, joined by proxies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import mariadb_server
import requests
import sqlalchemy as sa
from chaos.proxy import Proxy
from ports import free_port

from database.engine import create_engine
from database.migrations import upgrade
from database.settings import DatabaseSettings

NAME = "flarewatch"
API_WORKERS = 2
START_SECONDS = 60.0


@dataclass
class Program:
    """One of our programs in a process group of its own, started as often as needed."""

    command: list[str]
    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the program, whether it has run before or not."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env=self.environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def kill(self) -> None:
        """Kill the program and whatever it has started."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    @property
    def children(self) -> list[int]:
        """Return the processes that the program has started."""
        assert self.process is not None
        pid = self.process.pid
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@dataclass
class Store:
    """A MariaDB server that flushes at every commit; what it has acknowledged survives a kill."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server on its files."""
        self.process = mariadb_server.start(self.folder, port=self.port)

    def kill(self) -> None:
        """Kill the server, as a loss of power would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def create(self) -> sa.Engine:
        """Write an empty, upgraded database, and open it past every proxy."""
        mariadb_server.install(self.folder)
        self.start()
        address = mariadb_server.address_of(self.port)
        server = sa.create_engine(address)
        with server.begin() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {NAME} CHARACTER SET utf8mb4")
        server.dispose()
        engine = create_engine(DatabaseSettings(database_url=address + NAME))
        upgrade(engine)
        return engine


@dataclass
class Scenario:
    """All that runs: the roads lead from senders to API and from API to store."""

    folder: Path
    store: Store
    engine: sa.Engine
    api: Program
    roads: dict[str, Proxy]
    senders: list[Program] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The address of the API, as its senders know it."""
        return f"http://127.0.0.1:{self.roads['api'].port}"

    def add_sender(self, name: str, *arguments: str, within: Sequence[str] = ()) -> Program:
        """Make a sender, which does not run yet; `within` is a command that runs it."""
        environment = {
            **_bare_environment(),
            "FLARE_API_URL": self.url,
            "FLARE_DATA_DIR": str(self.folder),
        }
        command = [*within, sys.executable, "-m", "data_sender", *arguments, "--sender", name]
        return Program(command, environment, self.folder / f"{name}.log")

    def wait_until_ready(self) -> None:
        """Wait until the API answers, over the proxy, that it has store and model."""
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.url} is not ready: {self.api.log.read_text()[-2000:]}")
            time.sleep(0.1)

    def _is_ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/ready", timeout=5).ok
        except requests.RequestException:
            return False

    def close(self) -> None:
        """End everything that runs."""
        for program in (*self.senders, self.api, self.store):
            program.kill()
        for road in self.roads.values():
            road.close()
        self.engine.dispose()


def _bare_environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name[:6] != "FLARE_"}
    return {**kept, "OMP_NUM_THREADS": "1"}


@contextmanager
def open_scenario(folder: Path) -> Iterator[Scenario]:
    """Build a scenario in an empty folder and run its store and its API until the block ends."""
    store = Store(folder / "mariadb", free_port())
    store.folder.mkdir()
    engine = store.create()
    api_port = free_port()
    roads = {
        "store": Proxy(free_port(), target=store.port),
        "api": Proxy(free_port(), target=api_port),
    }
    (folder / "tmp").mkdir()
    environment = {
        **_bare_environment(),
        "FLARE_DATABASE_URL": mariadb_server.address_of(roads["store"].port) + NAME,
        "FLARE_DATA_DIR": str(folder),
        "FLARE_API_PORT": str(api_port),
        "FLARE_API_WORKERS": str(API_WORKERS),
        # What a dead sender holds soon goes to another one.
        "FLARE_LEASE_SECONDS": "2",
        # What a killed server leaves behind goes with the folder.
        "TMPDIR": str(folder / "tmp"),
    }
    api = Program([sys.executable, "-m", "app", "serve"], environment, folder / "api.log")
    scenario = Scenario(folder, store, engine, api, roads)
    try:
        api.start()
        scenario.wait_until_ready()
        yield scenario
    finally:
        scenario.close()
