"""The job: what a process of the pool does for one attempt of a run, from its claim to its end."""

from __future__ import annotations

import logging
import os
import platform
import re
import resource
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from celery.utils.log import LoggingProxy

from model_training.jobs.api import ApiAwayError, AttemptOverError, RunApi, WorkerApi, patiently
from model_training.jobs.inputs import InputCache, fetch, inside
from model_training.jobs.reporting import Reporter, Times, cpu_seconds
from model_training.jobs.settings import WorkerSettings
from model_training.jobs.work_folder import EVENTS, LOG, work_folder
from model_training.journal import Journal, StoppedError
from solar.errors import FlarewatchError
from solar.identifiers import new_id
from solar.version import VERSION

SUCCEEDED, FAILED = "succeeded", "failed"
CHECKPOINT, CHECKPOINTS = "checkpoint", "checkpoints"
# A run that nobody began within so long is given to another worker.
_CLAIM_PATIENCE_SECONDS = 15.0
_END_PATIENCE_SECONDS = 3600.0
_LONGEST_REASON = 2000
# What a result depends on, beside this program.
_LIBRARIES = ("numpy", "pandas", "scikit-learn", "lightgbm", "torch", "gensim", "onnx", "pyarrow")
_log = logging.getLogger(__name__)


def _step_back(niceness: int) -> None:
    """Let everything else on the machine go first: by the process, and by its session.

    Linux divides a core among sessions before it asks how nice their processes are.
    """
    os.setsid()
    os.nice(niceness)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(niceness), encoding="ascii")


def run_job(
    settings: WorkerSettings,
    *,
    worker_id: str,
    run_id: str,
    attempt: int,
    is_draining: Callable[[], bool],
) -> None:
    """Claim an attempt and execute it; without the claim, nothing happens.

    Raises nothing that the API could not be told otherwise: a run that fails has failed there.
    """
    _step_back(settings.worker_nice)
    # A supervisor that sends SIGTERM to every process ends the worker, which tells its jobs. Not
    # ignored, for what a job starts would ignore it too.
    signal.signal(signal.SIGTERM, lambda *_: None)
    api = RunApi(WorkerApi(settings), run_id, attempt)
    job = {
        "worker_id": worker_id,
        "token": new_id(datetime.now(UTC)),
        "host": socket.gethostname(),
        "code_version": VERSION,
        "libraries": _libraries(),
    }
    try:
        claim = patiently(partial(api.claim, job), seconds=_CLAIM_PATIENCE_SECONDS)
    except FlarewatchError as error:
        _log.info("run %s, attempt %d, is not begun: %s", run_id, attempt, error)
        return
    with work_folder(settings, run_id, attempt) as folder, _logging_to(folder / LOG):
        _Attempt(api, claim, folder, settings).perform(is_draining)


def _libraries() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in _LIBRARIES:
        # What is not installed has no version.
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return versions


@contextmanager
def _logging_to(path: Path) -> Iterator[None]:
    """Write what this process says anywhere, libraries in C too, to a file, lines with time."""
    file = path.open("a", encoding="utf-8", errors="replace", buffering=1)
    for number in (1, 2):
        os.dup2(file.fileno(), number)
    handler = logging.StreamHandler(file)
    formatter = logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%d %H:%M:%SZ")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    sys.stdout = sys.stderr = LoggingProxy(logging.getLogger("output"), logging.INFO)
    yield


@dataclass
class _Attempt:
    """An attempt of a run that this process has claimed."""

    api: RunApi
    claim: dict[str, Any]
    folder: Path
    settings: WorkerSettings

    def perform(self, is_draining: Callable[[], bool]) -> None:
        """Execute the run, deliver what it made, and say how it ended."""
        journal = Journal(self.folder / "journal", resumes=bool(self.claim["checkpoints"]))
        names = ("lease_seconds", "grace_seconds", "time_limit_s")
        reporter = Reporter(
            self.api,
            self.folder,
            kind=self.claim["kind"],
            times=Times(**{name: self.claim[name] for name in names}),
            stop=journal.stop,
            is_draining=is_draining,
        )
        reporter.start()
        delivered = Delivered(self.api, self.folder)
        with delivered.checkpoints_in_time(every_seconds=self.settings.worker_checkpoint_seconds):
            end = self._execute(journal, reporter)
            reporter.is_executing = False
        try:
            end = self._deliver(delivered, end)
            reporter.finish()
            patiently(partial(self.api.end, end), seconds=_END_PATIENCE_SECONDS)
        except (AttemptOverError, ApiAwayError) as error:
            # Another attempt has taken over, or the API was away for an hour: nobody to tell.
            _log.warning("the end of run %s is not reported: %s", self.api.run_id, error)

    def _execute(self, journal: Journal, reporter: Reporter) -> dict[str, Any]:
        """Return what `end` says."""
        result = None
        try:
            result = self._result(journal)
            outcome, reason = SUCCEEDED, None
        except StoppedError as error:
            outcome, reason = reporter.why or FAILED, reporter.reason or str(error)
        except FlarewatchError as error:
            outcome, reason = FAILED, str(error)
        except MemoryError:
            outcome, reason = FAILED, "needs more memory than there is"
        except Exception as error:
            # Whatever a library raises: the run has failed, and its log says where.
            _log.exception("the job failed")
            outcome, reason = FAILED, f"{type(error).__name__}: {error}"
        _log.info("%s%s", outcome.replace("_", " "), f": {reason}" if reason else "")
        kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        return {
            "outcome": outcome,
            "reason": reason and reason[:_LONGEST_REASON],
            "headline": result and result.headline,
            "dataset": result and result.dataset,
            "cpu_s": cpu_seconds(),
            "peak_rss": max(resource.getrusage(one).ru_maxrss for one in kinds) * 1024,
        }

    def _result(self, journal: Journal) -> Any:
        # It brings the libraries of training, which only a process that executes a run needs.
        from model_training.jobs import kinds

        claim = self.claim
        _log.info("run %s, attempt %d: %s", self.api.run_id, self.api.attempt, claim["kind"])
        self._fetch()
        told = {name: claim[name] for name in ("kind", "recipe", "parameters")}
        data, out = self.folder / "data", self.folder / "out"
        job = kinds.Job(**told, data=data, out=out, journal=journal, store=self.api.store_pages)
        return kinds.execute(job)

    def _fetch(self) -> None:
        cache = InputCache(self.settings.cache_dir, self.settings.worker_cache_bytes)
        placed = list(self._placed())
        for file, path in placed:
            cache.place(file["sha256"], file["bytes"], path, self.api.read)
        for file in self.claim["checkpoints"]:
            path = inside(self.folder / "journal" / CHECKPOINTS, _file_name(file["name"]))
            fetch(file["sha256"], file["bytes"], path, self.api.read)
        size = sum(file["bytes"] for file, _ in placed) / 1e6
        counted = len(placed), size, len(self.claim["checkpoints"])
        _log.info("%d input files, %.1f MB; %d checkpoints", *counted)

    def _placed(self) -> Iterator[tuple[dict[str, Any], Path]]:
        """Return each input file with its path: data sets by name, a model as ``artefact``."""
        data, datasets = self.folder / "data", self.claim["datasets"]
        for dataset in datasets:
            folder = data if len(datasets) == 1 else inside(data, dataset["name"])
            for file in dataset["files"]:
                yield file, inside(folder, file["name"])
        for file in self.claim["inputs"]:
            yield file, inside(data / "artefact", Path(file["name"]).name)

    def _deliver(self, delivered: Delivered, end: dict[str, Any]) -> dict[str, Any]:
        """Deliver all files, and return what `end` says then."""
        try:
            delivered.all(with_checkpoints=end["outcome"] != SUCCEEDED)
        except (AttemptOverError, ApiAwayError):
            raise
        except (FlarewatchError, OSError) as error:
            _log.error("the outputs cannot be delivered: %s", error)
            reason = end["reason"] or f"the outputs cannot be delivered: {error}"
            return end | {"outcome": FAILED, "reason": reason[:_LONGEST_REASON]}
        return end


class Delivered:
    """What a job made, delivered as outputs of its run; a file that has not changed only once."""

    def __init__(self, api: RunApi, folder: Path) -> None:
        self._api = api
        self._folder = folder
        self._delivered: dict[str, tuple[int, int]] = {}
        self._lock = threading.Lock()

    def all(self, *, with_checkpoints: bool) -> None:
        """Deliver outputs, the checkpoints that somebody may need, log and events."""
        out = self._folder / "out"
        for name, kind in _kinds_of(out).items():
            self._deliver(out / name, re.sub(r"[^\w./-]", "_", name, flags=re.ASCII), kind)
        if with_checkpoints:
            self.checkpoints()
        # Copies: the job still writes to both.
        for path in (self._folder / LOG, self._folder / "journal" / EVENTS):
            if path.exists():
                self._deliver(Path(shutil.copy(path, self._folder / "tmp")), path.name, "log")

    def checkpoints(self, *, patience: float = _END_PATIENCE_SECONDS) -> None:
        """Deliver the checkpoints that are new."""
        for path in sorted((self._folder / "journal" / CHECKPOINTS).glob("*")):
            if not path.name.endswith(".part"):
                name = f"{CHECKPOINTS}/{_output_name(path.name)}"
                self._deliver(path, name, CHECKPOINT, patience=patience)

    @contextmanager
    def checkpoints_in_time(self, *, every_seconds: float) -> Iterator[None]:
        """Deliver new checkpoints now and then until the block ends."""
        ended = threading.Event()
        arguments = (ended, every_seconds)
        thread = threading.Thread(target=self._now_and_then, args=arguments, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _now_and_then(self, ended: threading.Event, every_seconds: float) -> None:
        while not ended.wait(every_seconds):
            # The next time is another chance; whether the attempt is over, the reporter hears.
            with suppress(FlarewatchError, OSError):
                self.checkpoints(patience=0)

    def _deliver(
        self, path: Path, name: str, kind: str, *, patience: float = _END_PATIENCE_SECONDS
    ) -> None:
        with self._lock:
            state = path.stat().st_mtime_ns, path.stat().st_size
            if self._delivered.get(name) == state:
                return
            self._api.deliver(path, name, kind=kind, patience_seconds=patience)
            self._delivered[name] = state


def _kinds_of(out: Path) -> dict[str, str]:
    """Return the kind of each output by its name; of a job that could not begin there is none."""
    if not any(out.iterdir()):
        return {}
    # As above.
    from model_training.jobs.kinds import kinds_of

    return kinds_of(out)


def _output_name(file_name: str) -> str:
    """Write a file name in the letters that names of outputs have."""
    return quote(file_name, safe="").replace("_", "%5F").replace("~", "%7E").replace("%", "_")


def _file_name(output_name: str) -> str:
    return unquote(output_name.rpartition("/")[2].replace("_", "%"))
