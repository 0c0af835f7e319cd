"""A consumer group and its senders as processes, on one broker and one store."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet
from handmade_models import line_up
from served_windows import CADENCE, FEATURES, POINT, START, WINDOW

MODELS = (WINDOW.model_id, POINT.model_id)
# A member that dies is missed after three seconds, by default after ten.
OPTIONS = {"session.timeout.ms": 3_000, "heartbeat.interval.ms": 500}


@dataclass
class Group:
    """Processes that share a folder, a broker and a store; all end with the block."""

    folder: Path
    broker: str
    store: str
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def consumer(self, *, group: str = "flarewatch") -> subprocess.Popen[bytes]:
        """Start one more member of the group."""
        return self._start("app", "consume", FLARE_KAFKA_GROUP=group)

    def sender(self, source: Path, name: str, *, batch: int = 50) -> subprocess.Popen[bytes]:
        """Start to write a file to the broker."""
        return self._start(
            "data_sender", "replay", str(source), "--via", "kafka",
            "--sender", name, "--batch", str(batch), "--clock", "wall",
        )  # fmt: skip

    def log(self, process: subprocess.Popen[bytes]) -> str:
        """Return what a process has said."""
        return (self.folder / f"{self.processes.index(process)}.log").read_text()

    def _start(self, package: str, *arguments: str, **changes: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", package, *arguments],
                env=self._environment() | changes, stdout=log, stderr=log,
            )  # fmt: skip
        self.processes.append(process)
        return process

    def _environment(self) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if name[:6] != "FLARE_"},
            "FLARE_DATABASE_URL": self.store,
            "FLARE_DATA_DIR": str(self.folder),
            "FLARE_ARTIFACTS_DIR": str(self.folder / "models"),
            "FLARE_KAFKA_BOOTSTRAP": self.broker,
            "FLARE_KAFKA_OPTIONS": orjson.dumps(OPTIONS).decode(),
        }


@contextmanager
def group(folder: Path, broker: str, store: str) -> Iterator[Group]:
    """Prepare two models, and end every process whatever happens."""
    line_up(folder / "models", WINDOW, POINT)
    made = Group(folder, broker, store)
    try:
        yield made
    finally:
        for process in made.processes:
            if process.poll() is None:
                process.kill()
            process.wait()


def write_source(path: Path, regions: range, *, steps: int) -> set[tuple[int, datetime]]:
    """Write the records of some regions, and return their keys."""
    rng = np.random.default_rng(regions.start)
    keys = [(region, START + step * CADENCE) for step in range(steps) for region in regions]
    columns = {
        "T_REC": pa.array([at for _, at in keys], pa.timestamp("us", "UTC")),
        "HARPNUM": [region for region, _ in keys],
        "LON_FWT": [10.0] * len(keys),
        **{name: rng.uniform(0, 5, len(keys)) for name in FEATURES},
    }
    pyarrow.parquet.write_table(pa.table(columns), path)
    return set(keys)


def wait_until(is_so: Callable[[], bool], *, seconds: float = 120.0) -> None:
    """Return when something is so."""
    limit = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.1)
