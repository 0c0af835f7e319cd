"""The Lab as it is measured: store, Redis, API, dashboard, and workers that share no disk."""

from __future__ import annotations

import ipaddress
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psutil
import sqlalchemy as sa

from bench.store import mariadb_store
from database.engine import create_engine, writing
from database.people.keys import add_key
from database.people.people import add_person
from database.people.principal import COMMAND_LINE, WORK
from database.people.sessions import begin_session
from database.settings import DatabaseSettings
from tests.lab_person import Person
from tests.processes import free_port, serving
from tests.synthetic_windows import (
    FEATURES,
    FILE,
    PLAIN,
    recipe_of_windows,
    write_recipe,
    write_windows,
)

_READY_SECONDS = 90.0
# Two estimators that never end. The one counts steps and writes the time into the log; it keeps a
# checkpoint when it is to stop. The other one does not listen.
_PLUGIN = """
import logging
import time

import numpy as np

from model_training.journal import StoppedError

class Ticking:
    reads_windows = False
    takes_missing = False

    def fit(self, X, y, sample_weight=None, *, journal):
        # The noise test, which comes first, keeps no journal.
        if journal.folder is not None:
            self.tick(journal)
        return self

    def tick(self, journal):
        while not journal.stop.is_requested:
            time.sleep(0.2)
            logging.getLogger("bench").info("tick %.3f", time.time())
        raise StoppedError("stopped")

    def predict_proba(self, X):
        return np.tile([0.7, 0.3], (len(X), 1))

    def to_onnx(self, graph, inputs):
        return inputs

class Deaf(Ticking):
    def tick(self, journal):
        time.sleep(600)
"""
TICKING, DEAF = ({"kind": "plugin", "plugin": name} for name in ("ticking", "deaf"))


@dataclass
class Site:
    """The running services, and what workers and people need to find them."""

    folder: Path
    engine: sa.Engine
    api: str
    dash: str
    api_pid: int
    dash_pid: int
    environment: Mapping[str, str]
    # Of the session of each person, by name.
    tokens: Mapping[str, str]

    def person(self, token: str = "") -> Person:
        """Return somebody who asks over HTTP."""
        return Person(self.api, self.dash, token)

    @contextmanager
    def worker(
        self, name: str, *, within: Sequence[str] = (), **changes: str
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run a worker of one slot with a disk of its own until the block ends."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        own = {"FLARE_DATA_DIR": str(folder), "FLARE_DATABASE_URL": "", **changes}
        command = [*within, sys.executable, "-m", "model_training", "work", "--slots", "1"]
        with (folder / "log").open("ab") as log:
            process = subprocess.Popen(
                command,
                env={**self.environment, **own},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            wait_until(lambda: b"is ready" in (folder / "log").read_bytes(), name)
            yield process
        finally:
            # Its jobs die with it.
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def opened_site(folder: Path, *, people: Sequence[str] = ()) -> Iterator[Site]:
    """Run the services on an empty store, with the settings that an installation has.

    Without people only this machine reaches them, and may do everything; with people the API
    listens on all addresses.
    """
    api, dash, broker = (free_port() for _ in range(3))
    addresses = f"http://127.0.0.1:{api}", f"http://127.0.0.1:{dash}"
    site = _plugin(folder / "site")
    with ExitStack() as stack:
        store = stack.enter_context(mariadb_store(folder / "store"))
        environment = {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": f"{site}{os.pathsep}{Path.cwd()}",
            "FLARE_DATABASE_URL": store,
            "FLARE_DATA_DIR": str(folder / "data"),
            "FLARE_BROKER_URL": f"redis://127.0.0.1:{broker}/0",
            "FLARE_API_PORT": api,
            "FLARE_API_URL": addresses[0],
            "FLARE_API_WORKERS": "2",
            "FLARE_DASH_PORT": dash,
        }
        command = ["redis-server", "--port", broker, "--save", "", "--protected-mode", "no"]
        redis = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        stack.callback(redis.wait)
        stack.callback(redis.terminate)
        engine = create_engine(DatabaseSettings(database_url=store))
        stack.callback(engine.dispose)
        tokens: dict[str, str] = {}
        if people:
            tokens, key = _sign_in(engine, people)
            # Its workers are in network namespaces, which do not reach the loopback.
            everywhere = str(ipaddress.IPv4Address(0))
            environment |= {"FLARE_API_HOST": everywhere, "FLARE_WORKER_KEY": key}
        first = stack.enter_context(_served("app", f"{addresses[0]}/ready", environment, folder))
        second = stack.enter_context(
            _served("app_dash", f"{addresses[1]}/health", environment, folder)
        )
        yield Site(folder, engine, *addresses, first.pid, second.pid, environment, tokens)


def _sign_in(engine: sa.Engine, people: Sequence[str]) -> tuple[dict[str, str], str]:
    """Register people who sign in, and the key of the workers."""
    now, tokens = datetime.now(UTC), {}
    with writing(engine) as connection:
        for name in people:
            person = add_person(connection, COMMAND_LINE, name, roles=["researcher"], now=now)
            tokens[name] = begin_session(connection, person.person_id, agent="", now=now)
        return tokens, add_key(connection, COMMAND_LINE, "workers", scopes=[WORK], now=now)


@contextmanager
def _served(
    package: str, ready: str, environment: Mapping[str, str], folder: Path
) -> Iterator[subprocess.Popen[bytes]]:
    log = folder / f"{package}.log"
    with serving(package, "serve", ready=ready, environment=environment, log=log) as process:
        yield process


def _plugin(site: Path) -> str:
    info = site / "bench-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "bench_endless.py").write_text(_PLUGIN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bench-endless\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[flarewatch.estimators]\nticking = bench_endless:Ticking\ndeaf = bench_endless:Deaf\n"
    )
    return str(site)


def small_dataset(person: Person, folder: Path) -> str:
    """Send made-up windows that leave no question open, and wait until they are ready."""
    path = write_windows(folder) / FILE
    with np.load(path) as arrays:
        told = {
            "features": np.array(FEATURES),
            "cadence_hours": 0.2,
            "y24_M": arrays["label"],
            "at": np.datetime_as_string(arrays["at"], unit="s", timezone="UTC"),
        }
        np.savez(path, **dict(arrays) | told)
    upload = person.begin_upload(FILE, path.stat().st_size)
    person.send(upload, path)
    dataset_id = person.dataset("windows", [upload])
    found = person.wait_for_dataset(dataset_id)
    if found["state"] != "ready":
        raise RuntimeError(f"the data set is {found['state']}: {found['question'] or found}")
    return dataset_id


def body_of(person: Person, folder: Path, dataset_id: str) -> dict[str, object]:
    """Return what a person asks for who trains on a data set, in an experiment of their own."""
    return {
        "experiment_id": person.experiment("bench"),
        "kind": "train",
        "recipe": recipe_text(folder, PLAIN),
        "dataset_ids": [dataset_id],
    }


def recipe_text(folder: Path, estimator: Mapping[str, object]) -> str:
    """Return a recipe for the data set as TOML."""
    return write_recipe(folder / "recipe.toml", recipe_of_windows(dict(estimator))).read_text()


def memory_mb(pid: int) -> float:
    """Return the memory of a process and all that it has started, shared pages divided [MB]."""
    process = psutil.Process(pid)
    family = (process, *process.children(recursive=True))
    return sum(one.memory_full_info().pss for one in family) / 1e6


def wait_until(
    is_true: Callable[[], object],
    what: str,
    *,
    seconds: float = _READY_SECONDS,
    pause: float = 0.05,
) -> float:
    """Wait for a condition; return how long that took [s].

    Raises
    ------
    RuntimeError
        When it does not come true in time.
    """
    began = time.monotonic()
    while not is_true():
        if time.monotonic() - began > seconds:
            raise RuntimeError(f"{what}: not within {seconds:g} s")
        time.sleep(pause)
    return time.monotonic() - began
