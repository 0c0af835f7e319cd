"""The Lab of the rounds of faults: store, broker, API, dashboard and two workers on two hosts."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import mariadb_server
import numpy as np
import psutil
import redis
import requests
import sqlalchemy as sa
from chaos.scenario import NAME, HostClock, Program, Store, bare_environment
from lab_person import Person
from ports import free_port
from synthetic_windows import FEATURES, FILE, recipe_of_windows, write_recipe, write_windows

WORKERS = 2
READY_SECONDS = 60.0
# Names the processes of one scenario among those of the machine.
MARK = "CHAOS_LAB"

Repair = Callable[[], None]


@dataclass
class LabScenario:
    """All that runs; each worker has a disk of its own, and all workers a clock."""

    folder: Path
    store: Store
    engine: sa.Engine
    clock: HostClock
    broker_port: int
    broker: Program
    api: Program
    dash: Program
    workers: list[Program]
    person: Person
    experiment: str = ""
    dataset: str = ""
    recipe: str = ""

    @property
    def programs(self) -> list[Program]:
        """Everything but the store, in the order in which it starts."""
        return [self.broker, self.api, self.dash, *self.workers]

    def prepare(self) -> None:
        """Send a data set through the dashboard, and wait until a worker has looked into it."""
        wait_until(lambda: _answers(f"{self.person.api}/ready"), about=self.about)
        wait_until(lambda: _answers(f"{self.person.dash}/health"), about=self.about)
        document = write_recipe(self.folder / "recipe.toml", recipe_of_windows())
        self.recipe = document.read_text("utf-8")
        self.experiment = self.person.experiment("rounds")
        self.dataset = self.send_dataset("windows", cases=240)
        found = self.person.wait_for_dataset(self.dataset)
        assert found["state"] == "ready", found

    def send_dataset(self, name: str, *, cases: int, pause: float = 0.0) -> str:
        """Send a file in small pieces, and make a data set of it."""
        folder = self.folder / name
        folder.mkdir()
        path = write_windows(folder, cases=cases) / FILE
        with np.load(path) as arrays:
            # What would be asked for else.
            told = {
                "features": np.array(FEATURES),
                "cadence_hours": 0.2,
                "y24_M": arrays["label"],
                "at": np.datetime_as_string(arrays["at"], unit="s", timezone="UTC"),
            }
            np.savez(path, **dict(arrays) | told)
        upload = self.person.begin_upload(FILE, path.stat().st_size)
        self.person.send(upload, path, piece_bytes=2_000, pause=pause)
        return self.person.dataset(name, [upload])

    def start(self, kind: str) -> str:
        """Queue a run on the data set of all rounds."""
        return self.person.start(
            experiment_id=self.experiment,
            kind=kind,
            recipe=self.recipe,
            dataset_ids=[self.dataset],
        )

    def jobs(self) -> list[psutil.Process]:
        """Return the jobs that are executed: they lead a group of their own."""
        return [
            process
            for worker in self.workers
            for pid in worker.children
            if (process := _leader(pid)) is not None
        ]

    def strays(self) -> list[psutil.Process]:
        """Return the processes of this scenario that none of its programs has started."""
        known = {one.process.pid for one in self.programs if one.process is not None}
        mine = [process for process in psutil.process_iter() if _is_marked(process, self.folder)]
        return [one for one in mine if not known & {one.pid, *_ancestors(one)}]

    def kept(self, sha256: str) -> bytes:
        """Return the content of an output in the store of files."""
        content = (self.folder / "lab" / "files" / sha256[:2] / sha256).read_bytes()
        assert hashlib.sha256(content).hexdigest() == sha256
        return content

    def work_folders(self) -> list[Path]:
        """Return the folders of jobs, on all hosts."""
        hosts = self.folder.glob("host-*")
        return [folder for host in hosts for folder in (host / "lab" / "work").glob("*")]

    def about(self) -> str:
        """Return the ends of the logs."""
        return "\n".join(f"{one.log.name}: {one.log.read_text()[-1500:]}" for one in self.programs)

    def close(self) -> None:
        """End everything that runs."""
        for program in reversed(self.programs):
            program.kill()
        self.store.kill()
        self.engine.dispose()


def _leader(pid: int) -> psutil.Process | None:
    with suppress(ProcessLookupError, psutil.NoSuchProcess):
        if os.getpgid(pid) == pid:
            return psutil.Process(pid)
    return None


def _is_marked(process: psutil.Process, folder: Path) -> bool:
    with suppress(psutil.Error):
        return process.status() != psutil.STATUS_ZOMBIE and process.environ().get(MARK) == str(
            folder
        )
    return False


def _ancestors(process: psutil.Process) -> list[int]:
    with suppress(psutil.NoSuchProcess):
        return [one.pid for one in process.parents()]
    return []


def _answers(url: str) -> bool:
    with suppress(requests.RequestException):
        return requests.get(url, timeout=5).ok
    return False


def wait_until(
    is_true: Callable[[], object], *, about: Callable[[], str], seconds: float = READY_SECONDS
) -> None:
    """Wait for a condition; what fails says what the logs say."""
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, about()
        time.sleep(0.1)


@contextmanager
def open_lab(folder: Path) -> Iterator[LabScenario]:
    """Run the Lab in an empty folder until the block ends; its times are a tenth."""
    store = Store(folder / "mariadb", free_port())
    engine = store.create()
    clock, broker_port, api_port, dash_port = HostClock(folder), *(free_port() for _ in range(3))
    api, dash = (f"http://127.0.0.1:{port}" for port in (api_port, dash_port))
    environment = {
        **bare_environment(),
        MARK: str(folder),
        "FLARE_DATABASE_URL": mariadb_server.address_of(store.port) + NAME,
        "FLARE_DATA_DIR": str(folder),
        "FLARE_BROKER_URL": f"redis://127.0.0.1:{broker_port}/0",
        "FLARE_API_PORT": str(api_port),
        "FLARE_API_URL": api,
        "FLARE_API_WORKERS": "1",
        "FLARE_DASH_PORT": str(dash_port),
        "FLARE_LAB_LEASE_SECONDS": "3",
        "FLARE_LAB_CLAIM_SECONDS": "2",
        "FLARE_LAB_GRACE_SECONDS": "3",
    }

    def program(name: str, *command: str, **changes: str) -> Program:
        return Program(list(command), environment | changes, folder / f"{name}.log")

    serve = (sys.executable, "-m")
    # Each host has a disk of its own; a worker has no password of the store.
    hosts = [{"FLARE_DATA_DIR": str(folder / f"host-{place}")} for place in range(WORKERS)]
    of_worker = {"FLARE_DATABASE_URL": "", **clock.environment()}
    work = (*serve, "model_training", "work", "--slots", "1")
    broker = ("redis-server", "--bind", "127.0.0.1", "--port", str(broker_port), "--save", "")
    lab = LabScenario(
        folder,
        store,
        engine,
        clock,
        broker_port,
        broker=program("redis", *broker),
        api=program("api", *serve, "app", "serve"),
        dash=program("dash", *serve, "app_dash", "serve"),
        workers=[program(f"worker-{i}", *work, **of_worker, **own) for i, own in enumerate(hosts)],
        person=Person(api, dash),
    )
    try:
        for one in lab.programs:
            one.start()
        lab.prepare()
        yield lab
    finally:
        lab.close()


def _nothing() -> None:
    """Repair what repairs itself."""


def _kill_job(lab: LabScenario, rng: random.Random) -> Repair:
    jobs = lab.jobs()
    if jobs:
        with suppress(psutil.NoSuchProcess):
            rng.choice(jobs).kill()
    return _nothing


def _hang_job(lab: LabScenario, rng: random.Random) -> Repair:
    jobs = lab.jobs()
    if not jobs:
        return _nothing
    job = rng.choice(jobs)
    with suppress(psutil.NoSuchProcess):
        job.suspend()

    def resume() -> None:
        # Its run may have gone to another one, and it may have been killed.
        with suppress(psutil.NoSuchProcess):
            job.resume()

    return resume


def _kill_worker(lab: LabScenario, rng: random.Random) -> Repair:
    worker = rng.choice(lab.workers)
    if worker.process is not None:
        # The main process alone: what it has started has to end by itself.
        worker.process.kill()
        worker.process.wait()
    return worker.start


def _kill(name: str) -> Callable[[LabScenario, random.Random], Repair]:
    def kill(lab: LabScenario, _rng: random.Random) -> Repair:
        program = getattr(lab, name)
        program.kill()
        return lambda: program.start()

    return kill


def _hang(name: str) -> Callable[[LabScenario, random.Random], Repair]:
    def hang(lab: LabScenario, rng: random.Random) -> Repair:
        program = rng.choice(lab.workers) if name == "worker" else getattr(lab, name)
        pid = program.process.pid
        os.kill(pid, signal.SIGSTOP)

        def resume() -> None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

        return resume

    return hang


def _empty_broker(lab: LabScenario, _rng: random.Random) -> Repair:
    with redis.Redis(port=lab.broker_port) as client, suppress(redis.RedisError):
        client.flushall()
    return _nothing


def _set_clock(*, hours: float) -> Callable[[LabScenario, random.Random], Repair]:
    def step(lab: LabScenario, _rng: random.Random) -> Repair:
        lab.clock.set(hours=hours)
        return lambda: lab.clock.set(hours=0)

    return step


def _stop_run(lab: LabScenario, rng: random.Random) -> Repair:
    runs = lab.person.call("GET", "/runs", params={"state": "queued,published,running,lost"})
    if runs["items"]:
        # It may have ended meanwhile.
        with suppress(requests.HTTPError):
            lab.person.call("POST", f"/runs/{rng.choice(runs['items'])['run_id']}/stop")
    return _nothing


HARMS: dict[str, Callable[[LabScenario, random.Random], Repair]] = {
    "its owner stops a run": _stop_run,
    "clock of the workers is ten minutes late": _set_clock(hours=-1 / 6),
    "clock of the workers is ten minutes early": _set_clock(hours=1 / 6),
    "a job is killed": _kill_job,
    "a job hangs": _hang_job,
    "a worker hangs": _hang("worker"),
    "a worker is killed": _kill_worker,
    "the broker is wiped": _empty_broker,
    "the broker is killed": _kill("broker"),
    "the store is killed": _kill("store"),
    "the API hangs": _hang("api"),
    "the API is killed": _kill("api"),
    "the dashboard is killed": _kill("dash"),
}
