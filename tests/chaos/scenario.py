"""The scenario: store, API and senders as processes that may be killed, joined by proxies."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import mariadb_server
import pytest
import requests
import sqlalchemy as sa
from chaos.proxy import Proxy
from ports import free_port
from small_disk import SmallDisks

from database.engine import create_engine
from database.migrations import upgrade
from database.settings import DatabaseSettings

NAME = "flarewatch"
API_WORKERS = 2
START_SECONDS = 60.0
_HOST_CLOCK = Path(__file__).with_name("host_clock.c")

_log = logging.getLogger(__name__)


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

    def signal(self, number: int) -> None:
        """Send a signal to the program and whatever it has started."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """Kill the program and whatever it has started."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    @property
    def children(self) -> list[int]:
        """Return the processes that the program has started, none when it was killed."""
        if self.process is None or self.process.poll() is not None:
            return []
        pid = self.process.pid
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@dataclass
class Store:
    """A MariaDB server that flushes at every commit; what it has acknowledged survives a kill."""

    folder: Path
    port: int
    within: Sequence[str] = ()
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server on its files."""
        self.process = mariadb_server.start(self.folder, port=self.port, within=self.within)

    def kill(self) -> None:
        """Kill the server, as a loss of power would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def create(self) -> sa.Engine:
        """Write an empty, upgraded database, and open it past every proxy."""
        mariadb_server.install(self.folder, within=self.within)
        self.start()
        address = mariadb_server.address_of(self.port)
        server = sa.create_engine(address)
        with server.begin() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {NAME} CHARACTER SET utf8mb4")
        server.dispose()
        engine = create_engine(DatabaseSettings(database_url=address + NAME))
        upgrade(engine)
        return engine


class HostClock:
    """The time of day on the host of the API, which a library of the tests sets wrong."""

    def __init__(self, folder: Path) -> None:
        self._file, self._library = folder / "clock", folder / "host_clock.so"
        self.set(hours=0)
        compiler = ["cc", "-shared", "-fPIC", "-o", str(self._library), str(_HOST_CLOCK), "-ldl"]
        if shutil.which("cc"):
            subprocess.run(compiler, check=True)
        else:
            _log.warning("steps of the clock are not played: there is no C compiler")

    def set(self, *, hours: float) -> None:
        """Step to so many hours from the true time."""
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("q", round(3600 * hours)))

    def environment(self) -> dict[str, str]:
        """Return what makes a program read this clock."""
        if not self._library.exists():
            return {}
        return {"LD_PRELOAD": str(self._library), "HOST_CLOCK": str(self._file)}


@dataclass
class Scenario:
    """All that runs: the roads lead from senders to API and from API to store."""

    folder: Path
    store: Store
    engine: sa.Engine
    api: Program
    roads: dict[str, Proxy]
    clock: HostClock
    # Without them no disk can be full.
    disks: SmallDisks | None = None
    senders: list[Program] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The address of the API, as its senders know it."""
        return f"http://127.0.0.1:{self.roads['api'].port}"

    def add_sender(self, name: str, *arguments: str, within: Sequence[str] = ()) -> Program:
        """Make a sender, which does not run yet; `within` is a command that runs it."""
        if self.disks is not None:
            within = within or self.disks.within
        environment = {
            **bare_environment(),
            "FLARE_API_URL": self.url,
            "FLARE_DATA_DIR": str(self.folder),
        }
        command = [*within, sys.executable, "-m", "data_sender", *arguments, "--sender", name]
        return Program(command, environment, self.folder / f"{name}.log")

    def wait_until_ready(self, url: str | None = None) -> None:
        """Wait until the API, over the proxy, or the one of an address has store and model."""
        url = url or self.url
        deadline = time.monotonic() + START_SECONDS
        while not _is_ready(url):
            if time.monotonic() > deadline:
                raise RuntimeError(f"{url} is not ready: {self.api.log.read_text()[-2000:]}")
            time.sleep(0.1)

    def close(self) -> None:
        """End everything that runs."""
        for program in (*self.senders, self.api, self.store):
            program.kill()
        for road in self.roads.values():
            road.close()
        self.engine.dispose()
        if self.disks is not None:
            self.disks.close()


def _is_ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/ready", timeout=5).ok
    except requests.RequestException:
        return False


def bare_environment() -> dict[str, str]:
    """Return the environment of this process without our settings."""
    kept = {name: value for name, value in os.environ.items() if name[:6] != "FLARE_"}
    return {**kept, "OMP_NUM_THREADS": "1"}


_DISK_SIZES = {"store": "700m", "spool": "64m", "temporary": "8m"}


def disk_folders(folder: Path) -> dict[str, Path]:
    """Return where the store, the senders and temporary files are."""
    return {
        "store": folder / "mariadb" / "data",
        "spool": folder / "sender",
        "temporary": folder / "tmp",
    }


def _small_disks(folder: Path) -> SmallDisks | None:
    folders = disk_folders(folder)
    try:
        return SmallDisks({folders[name]: size for name, size in _DISK_SIZES.items()})
    except pytest.skip.Exception as error:
        _log.warning("full disks are not played: %s", error)
        return None


@contextmanager
def open_scenario(folder: Path) -> Iterator[Scenario]:
    """Build a scenario in an empty folder and run its store and its API until the block ends."""
    disks = _small_disks(folder)
    within = () if disks is None else disks.within
    store = Store(folder / "mariadb", free_port(), within)
    engine = store.create()
    api_port = free_port()
    roads = {
        "store": Proxy(free_port(), target=store.port),
        "api": Proxy(free_port(), target=api_port),
    }
    clock = HostClock(folder)
    environment = {
        **bare_environment(),
        "FLARE_DATABASE_URL": mariadb_server.address_of(roads["store"].port) + NAME,
        "FLARE_DATA_DIR": str(folder),
        "FLARE_API_PORT": str(api_port),
        "FLARE_API_WORKERS": str(API_WORKERS),
        # What a dead sender holds soon goes to another one.
        "FLARE_LEASE_SECONDS": "2",
        # What a killed server leaves behind goes with the folder.
        "TMPDIR": str(folder / "tmp"),
        **clock.environment(),
    }
    command = [*within, sys.executable, "-m", "app", "serve"]
    api = Program(command, environment, folder / "api.log")
    scenario = Scenario(folder, store, engine, api, roads, clock, disks)
    try:
        api.start()
        scenario.wait_until_ready()
        yield scenario
    finally:
        scenario.close()
