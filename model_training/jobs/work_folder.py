"""The folder of a running job: data, outputs and journal, locked while the job lives.

Its log and its events are streams, which the API gets piece by piece. What has arrived is counted
in bytes, so that nothing is lost or doubled when an answer is.
"""

from __future__ import annotations

import codecs
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from model_training.jobs.api import RunApi
from model_training.jobs.settings import WorkerSettings
from solar.errors import InvalidInputError

LOG, EVENTS, END = "log.txt", "events.jsonl", "end.json"
HANDED_BACK = "handed_back"
PIECES_AT_ONCE = 50
_PIECE_BYTES = 64_000
_EACH_BYTE = "question-mark-for-each-byte"
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


def _same_length(error: UnicodeError) -> tuple[str, int]:
    """Put one ? for each byte that is no UTF-8: offsets count bytes."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "?" * (error.end - error.start), error.end


codecs.register_error(_EACH_BYTE, _same_length)


class Stream:
    """A file that grows, and how much of it the API has."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.sent = 0

    @property
    def has_more(self) -> bool:
        """Tell whether the file has more than the API."""
        return self._path.exists() and self._path.stat().st_size > self.sent

    def piece(self, *, most: int = _PIECE_BYTES) -> dict[str, Any]:
        """Return the next piece of at most so many bytes, 4 or more, as text.

        It ends between two characters. A byte that is no UTF-8 becomes a question mark.
        """
        if not self.has_more:
            return {"from_byte": self.sent, "text": ""}
        with self._path.open("rb") as file:
            file.seek(self.sent)
            data = file.read(most)
        text, used = codecs.utf_8_decode(data, _EACH_BYTE, False)
        if not used:
            # Of the last character the rest may never come.
            text = data.decode("utf-8", errors=_EACH_BYTE)
        return {"from_byte": self.sent, "text": text}


class Streams:
    """The log and the events of an attempt."""

    def __init__(self, api: RunApi, folder: Path) -> None:
        self._api = api
        self._log, self._events = Stream(folder / LOG), Stream(folder / "journal" / EVENTS)

    @property
    def has_more(self) -> bool:
        """Tell whether something has not arrived."""
        return self._log.has_more or self._events.has_more

    def send(self, state: dict[str, Any]) -> tuple[str, bool]:
        """Send the next pieces; return the events sent, and whether the job is to stop."""
        log, events = self._log.piece(), self._events.piece()
        answer = self._api.report(state | {"log": log, "events": events})
        self._log.sent, self._events.sent = answer["log_bytes"], answer["event_bytes"]
        return events["text"], answer["stop"]

    def send_rest(self) -> None:
        """Send what has not arrived of a job that writes no more."""
        self.send({})
        for _ in range(PIECES_AT_ONCE):
            if not self.has_more:
                return
            self.send({})
