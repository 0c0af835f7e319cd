"""The folder of a running job: data, outputs, journal and log, locked while the job lives."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from model_training.jobs.settings import WorkerSettings
from solar.errors import InvalidInputError

# So young a folder may not be locked yet.
_YOUNG_SECONDS = 15.0


def work_folder_of(settings: WorkerSettings, run_id: str, attempt: int) -> Path:
    """Return the folder of the files of an attempt, while it is executed."""
    return settings.work_dir / f"{run_id}.{attempt}"


@contextmanager
def work_folder(settings: WorkerSettings, run_id: str, attempt: int) -> Iterator[Path]:
    """Make the folder of an attempt, locked by this process, and remove it at the end."""
    folder = work_folder_of(settings, run_id, attempt)
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("data", "out", "tmp"):
        (folder / name).mkdir(parents=True)
    with (folder / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        tempfile.tempdir = os.environ["TMPDIR"] = str(folder / "tmp")
        yield folder
        # After a fault it stays: the worker sends the rest of its log, and removes it.
        shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers(settings: WorkerSettings) -> list[str]:
    """Remove the folders of jobs that died with their worker; return their names.

    Raises
    ------
    InvalidInputError
        When the data folder cannot be written to.
    """
    try:
        settings.work_dir.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=settings.work_dir).close()
    except OSError as error:
        raise InvalidInputError(
            f"{settings.work_dir} cannot be written to ({error.strerror}); set FLARE_DATA_DIR to a"
            " folder that this account may write to"
        ) from error
    left = [folder for folder in settings.work_dir.iterdir() if not _is_locked(folder)]
    for folder in left:
        shutil.rmtree(folder, ignore_errors=True)
    return [folder.name for folder in left]


def _is_locked(folder: Path) -> bool:
    try:
        with (folder / "lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        # Half made or half removed: its job is gone, or has only just begun.
        return time.time() - _made_at(folder) < _YOUNG_SECONDS
    return False


def _made_at(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except FileNotFoundError:
        return 0.0
