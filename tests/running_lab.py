"""The Lab as processes: an API with its store, workers beside it, and runs of theirs.

Leases, claims, grace and the time to drain are a tenth of what they are elsewhere, or less.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy as sa
from processes import free_port, serving
from synthetic_windows import FILE, PLAIN, recipe_of_windows, write_recipe, write_windows

from app.settings import LabSettings
from database.engine import create_engine, reading, writing
from database.lab.attempts import Attempt, list_attempts
from database.lab.outputs import CHECKPOINT, Output, list_outputs
from database.lab.runs import NewRun, Run, add_run, read_run, restart_run, start_run, stop_run
from database.lab.streams import read_stream
from database.migrations import upgrade
from database.people.principal import LAB, LAB_READ, LOCAL, PEOPLE, Principal
from database.schema.lab_tables import datasets, experiments, recipes, workers
from database.settings import DatabaseSettings
from model_training.judging.noise_test import TRIAL
from solar.identifiers import new_id

OWNER = Principal("tester", LOCAL, frozenset({LAB_READ, LAB, PEOPLE}))
SECONDS = 40.0
# The plug-ins of tests/model_training/jobs/conftest.py.
DEAF, PATIENT, KEEPING = (
    {"kind": "plugin", "plugin": name} for name in ("deaf", "patient", "keeping")
)


@dataclass
class Lab:
    """A store, the API in front of it, and the folder in which all keep their files."""

    folder: Path
    address: str
    engine: sa.Engine
    broker: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)
    api: subprocess.Popen[bytes] | None = None
    steady: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        host, port = self.address.rsplit(":", 1)
        return os.environ | {
            "FLARE_DATABASE_URL": str(self.engine.url.render_as_string(hide_password=False)),
            "FLARE_API_HOST": host.removeprefix("http://"),
            "FLARE_API_PORT": port,
            "FLARE_API_WORKERS": "1",
            "FLARE_API_URL": self.address,
            "FLARE_DATA_DIR": str(self.folder),
            "FLARE_BROKER_URL": self.broker,
            "FLARE_LAB_LEASE_SECONDS": "3",
            "FLARE_LAB_CLAIM_SECONDS": "2",
            "FLARE_LAB_GRACE_SECONDS": "3",
            "FLARE_WORKER_CHECKPOINT_SECONDS": "2",
            "FLARE_WORKER_DRAIN_SECONDS": "6",
            # Beside other tests a job that steps back further would wait for them.
            "FLARE_WORKER_NICE": "1",
            "OMP_NUM_THREADS": "1",
            **self.extra,
        }

    @contextmanager
    def serving(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run the API."""
        log = self.folder / "api.log"
        ready = f"{self.address}/health"
        with serving("app", "serve", ready=ready, environment=self.environment, log=log) as process:
            yield process

    def stop_api(self) -> None:
        """End the API that `running_lab` has started."""
        if self.api is not None:
            self.api.terminate()
            self.api.wait(20)

    def steady_worker(self) -> subprocess.Popen[bytes]:
        """Return a worker that tests share; a new one if a test has ended it."""
        if self.steady is None or self.steady.poll() is not None:
            before = self._free_workers()
            self.steady = self._start_worker()
            self._wait_for_worker(self.steady, before=before)
        return self.steady

    def end_steady_worker(self) -> None:
        """Kill the shared worker, which would take the runs of another one."""
        if self.steady is not None:
            kill_group(self.steady)

    @contextmanager
    def worker_process(self, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a worker and no other until the block ends, from when it is ready."""
        self.end_steady_worker()
        before = self._free_workers()
        process = self._start_worker(*options)
        try:
            self._wait_for_worker(process, before=before)
            yield process
        finally:
            kill_group(process)

    def _start_worker(self, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "model_training", "work", "--slots", "1", *options]
        with (self.folder / "worker.log").open("ab") as log:
            return subprocess.Popen(
                command, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def _wait_for_worker(self, process: subprocess.Popen[bytes], *, before: set[str]) -> None:
        wait_until(
            lambda: self._free_workers() - before or process.poll() is not None, about=self.about
        )

    def _free_workers(self) -> set[str]:
        query = sa.select(workers.c.worker_id).where(workers.c.free > 0)
        with reading(self.engine) as connection:
            return set(connection.execute(query).scalars())

    def run(
        self, estimator: Mapping[str, Any] = PLAIN, *, start: bool = True, **changes: Any
    ) -> str:
        """Make a training run of made-up windows, and return its id."""
        now = datetime.now(UTC)
        text = write_recipe(self.folder / "recipe.toml", recipe_of_windows(dict(estimator)))
        with writing(self.engine) as connection:
            recipe_id = _insert(
                connection, recipes, "recipe_id", document=text.read_text(), schema_version=1
            )
            new = NewRun(
                experiment_id=_insert(
                    connection, experiments, "experiment_id", description="", tags="[]"
                ),
                kind="train",
                queue="cpu",
                fingerprint="0" * 64,
                time_limit_s=changes.pop("time_limit_s", 600),
                recipe_id=recipe_id,
                dataset_ids=[self._dataset(connection)],
                needs=changes.pop("needs", ["train"]),
                **changes,
            )
            run = add_run(connection, OWNER, new, now=now)
            return start_run(connection, OWNER, run.run_id, now=now).run_id if start else run.run_id

    def _dataset(self, connection: sa.Connection) -> str:
        path = write_windows(self.folder) / FILE
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        settings = LabSettings(data_dir=self.folder)
        kept = settings.lab_folder / "files" / sha256[:2] / sha256
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(path.read_bytes())
        files = [{"name": FILE, "sha256": sha256, "bytes": path.stat().st_size}]
        return _insert(
            connection,
            datasets,
            "dataset_id",
            version=1,
            state="ready",
            description="",
            licence="",
            files=json.dumps(files),
        )

    def stop(self, run_id: str) -> None:
        with writing(self.engine) as connection:
            stop_run(connection, OWNER, run_id, now=datetime.now(UTC))

    def restart(self, run_id: str) -> None:
        with writing(self.engine) as connection:
            restart_run(connection, OWNER, run_id, now=datetime.now(UTC))

    def read(self, run_id: str) -> Run:
        with reading(self.engine) as connection:
            return read_run(connection, run_id)

    def attempts(self, run_id: str) -> list[Attempt]:
        with reading(self.engine) as connection:
            return list_attempts(connection, run_id)

    def outputs(self, run_id: str, kind: str | None = None) -> dict[str, Output]:
        with reading(self.engine) as connection:
            return {one.name: one for one in list_outputs(connection, run_id, kind=kind)}

    def content(self, output: Output) -> bytes:
        return (self.folder / "lab/files" / output.sha256[:2] / output.sha256).read_bytes()

    def log(self, run_id: str, attempt: int = 1, stream: str = "log") -> str:
        with reading(self.engine) as connection:
            return read_stream(connection, run_id, attempt, stream, from_byte=0).data.decode()

    def wait_for(self, run_id: str, *states: str, seconds: float = SECONDS) -> Run:
        wait_until(lambda: self.read(run_id).state in states, seconds=seconds, about=self.about)
        return self.read(run_id)

    def wait_for_step(self, run_id: str, attempt: int = 1) -> None:
        """Wait until the job counts steps."""
        wait_until(
            lambda: self.steps(run_id, attempt) or self.read(run_id).ended_at, about=self.about
        )
        assert self.steps(run_id, attempt), self.read(run_id).reason

    def steps(self, run_id: str, attempt: int) -> list[int]:
        """Return the numbers of the steps, such as epochs, of the fits of which it has told."""
        lines = self.log(run_id, attempt, "events").splitlines()
        events = [event for line in lines if "step" in (event := json.loads(line))]
        return [event["step"] for event in events if event["event"] != TRIAL]

    def about(self) -> str:
        return (self.folder / "worker.log").read_text()[-3000:]

    @property
    def work_folders(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "lab" / "work").iterdir())

    def checkpoints(self, run_id: str) -> dict[str, Output]:
        return self.outputs(run_id, CHECKPOINT)


def _insert(connection: sa.Connection, table: sa.Table, key: str, **values: Any) -> str:
    now = datetime.now(UTC)
    row = {key: new_id(now), "owner": OWNER.owner, "name": key, "visibility": "private"}
    connection.execute(table.insert().values(**row, created_at=now, **values))
    return row[key]


@contextmanager
def running_lab(folder: Path, *, broker: str = "", **extra: str) -> Iterator[Lab]:
    """Run an API with an empty store of its own."""
    engine = create_engine(DatabaseSettings(database_url=f"sqlite:///{folder}/flarewatch.db"))
    upgrade(engine)
    lab = Lab(folder, f"http://127.0.0.1:{free_port()}", engine, broker, extra)
    try:
        with lab.serving() as lab.api:
            yield lab
    finally:
        lab.end_steady_worker()
        engine.dispose()


def wait_until(
    is_true: Callable[[], Any], *, seconds: float = SECONDS, about: Callable[[], str] = str
) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, about()
        time.sleep(0.05)


def job_of(worker: subprocess.Popen[bytes]) -> psutil.Process:
    """Return the process of the job that a worker executes: it leads a group of its own."""
    found: list[psutil.Process] = []

    def look() -> bool:
        children = psutil.Process(worker.pid).children()
        found[:] = [child for child in children if os.getpgid(child.pid) == child.pid]
        return bool(found)

    wait_until(look)
    return found[0]


def kill_group(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)
