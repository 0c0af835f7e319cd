"""A replay as testers run it: senders, API and store as processes, watched from outside."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa

from bench.api_servers import Product, running_product
from bench.family import Usage, usage
from bench.store import mariadb_server
from database.engine import create_engine
from database.schema.tables import observations, predictions, senders
from database.settings import DatabaseSettings

_LOOK_SECONDS = 0.1
_GIVE_UP_SECONDS = 3600.0


@dataclass(frozen=True)
class Setting:
    """Who takes part: how many senders, the API with its working tree, and the rows a call."""

    senders: int
    product: Product
    batch: int


@dataclass
class Course:
    """What was seen: (seconds since the first record, records accounted for), use by name."""

    points: list[tuple[float, int]] = field(default_factory=list)
    used: dict[str, Usage] = field(default_factory=dict)
    stored: int = 0
    forecast: int = 0
    store_mb: float = 0.0

    @property
    def seconds(self) -> float:
        """How long the records took, from the first to the last commit."""
        return self.points[-1][0]

    @property
    def rate(self) -> float:
        """Records per second over the whole course."""
        return self.points[-1][1] / self.seconds

    def quarters(self) -> list[float]:
        """Return the records per second of each quarter of the records."""
        total = self.points[-1][1]
        marks = [self._at(total * quarter / 4) for quarter in range(5)]
        return [total / 4 / (end - begin) for begin, end in itertools.pairwise(marks)]

    def _at(self, n: float) -> float:
        """Return when `n` records were accounted for, between two looks on a straight line."""
        for (before, few), (after, many) in itertools.pairwise(self.points):
            if many >= n:
                return before + (after - before) * (n - few) / max(1, many - few)
        return self.seconds


def replay(records: Path, setting: Setting) -> Course:
    """Replay a file into an empty MariaDB store that flushes its log at every commit."""
    with ExitStack() as house:
        folder = Path(house.enter_context(TemporaryDirectory()))
        store = house.enter_context(mariadb_server(folder / "store"))
        address = store.create("flarewatch", setting.product.tree)
        api = house.enter_context(running_product(setting.product, address, store.pid))
        engine = create_engine(DatabaseSettings(database_url=address))
        house.callback(engine.dispose)
        replicas = [_sender(records, setting, api.port, folder, i) for i in range(setting.senders)]
        house.callback(_end, replicas)
        families = {"API": api.pid, "store": store.pid}
        families |= {f"sender {i + 1}": process.pid for i, process in enumerate(replicas)}
        course = _watch(engine, replicas, families)
        course.stored, course.forecast = (_count(engine, t) for t in (observations, predictions))
        course.store_mb = _size_mb(folder / "store")
    return course


def _sender(
    records: Path, setting: Setting, port: int, folder: Path, place: int
) -> subprocess.Popen[bytes]:
    command = [
        *(sys.executable, "-m", "data_sender", "replay", str(records), "--speed", "max"),
        *("--batch", str(setting.batch), "--sender", f"bench-{place}"),
        *("--api-url", f"http://127.0.0.1:{port}"),
    ]
    if setting.senders > 1:
        command += ["--shard", "auto"]
    tree = setting.product.tree
    environment = {
        **os.environ,
        "PYTHONPATH": str(tree.resolve()),
        "FLARE_DATA_DIR": str(folder),
    }
    with (folder / f"sender-{place}.log").open("wb") as log:
        return subprocess.Popen(command, env=environment, cwd=tree, stdout=log, stderr=log)


def _watch(
    engine: sa.Engine, replicas: Sequence[subprocess.Popen[bytes]], families: dict[str, int]
) -> Course:
    course, began, before = Course(), time.perf_counter(), 0
    while any(process.poll() is None for process in replicas):
        at, n = time.perf_counter(), _accounted(engine)
        if n and not course.points:
            # The clock starts where the last look found nothing.
            course.points.append((0.0, 0))
            began = at - _LOOK_SECONDS
        if n > before:
            course.points.append((at - began, n))
            before = n
        course.used |= {name: usage(pid) for name, pid in families.items() if _lives(pid)}
        if at - began > _GIVE_UP_SECONDS:
            raise RuntimeError("the replay does not end")
        time.sleep(_LOOK_SECONDS)
    if failed := [process.returncode for process in replicas if process.returncode]:
        raise RuntimeError(f"a sender ended with {failed[0]}")
    if (n := _accounted(engine)) > before:
        course.points.append((time.perf_counter() - began, n))
    return course


def _accounted(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(sa.select(sa.func.sum(senders.c.accepted))) or 0)


def _count(engine: sa.Engine, table: sa.Table) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0)


def _lives(pid: int) -> bool:
    return "Z (zombie)" not in _status(pid)


def _status(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return "Z (zombie)"


def _size_mb(folder: Path) -> float:
    tables = (file for file in folder.rglob("*.ibd"))
    return sum(file.stat().st_size for file in tables) / 1e6


def _end(replicas: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in replicas:
        if process.poll() is None:
            process.kill()
        process.wait()
