"""Inputs of runs: files by their hash, fetched from the API once and kept up to a size."""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from model_training.jobs.api import PIECE_BYTES, patiently
from solar.errors import InvalidInputError

# So long an input is asked for while the API is away; the run is lost and restarted later.
_PATIENCE_SECONDS = 600.0


class Fetch(Protocol):
    """Returns the bytes of a file from `start` to before `end`."""

    def __call__(self, sha256: str, *, start: int, end: int) -> bytes: ...


def fetch(sha256: str, size: int, target: Path, read: Fetch) -> None:
    """Fetch a file to a path, in pieces; raises InvalidInputError unless its hash is right."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f"{target.name}.{os.getpid()}.part")
    digest = hashlib.sha256()
    with unfinished.open("wb") as file:
        while (start := file.tell()) < size:
            end = min(size, start + PIECE_BYTES)
            piece = _piece(sha256, start, end, read)
            digest.update(piece)
            file.write(piece)
    if digest.hexdigest() != sha256:
        unfinished.unlink()
        raise InvalidInputError(f"{target.name} arrived with another content than was promised")
    unfinished.replace(target)


def _piece(sha256: str, start: int, end: int, read: Fetch) -> bytes:
    piece = patiently(lambda: read(sha256, start=start, end=end), seconds=_PATIENCE_SECONDS)
    if len(piece) != end - start:
        raise InvalidInputError(f"of file {sha256[:12]}, {len(piece)} bytes came for {end - start}")
    return piece


def inside(folder: Path, name: str) -> Path:
    """Return the path of a name in a folder; raises InvalidInputError when it leads out of it."""
    path = folder / name
    if not name or not path.resolve().is_relative_to(folder.resolve()):
        raise InvalidInputError(f"the file name {name!r} leads out of the folder of the run")
    return path


class InputCache:
    """A folder of files by hash, which several jobs and workers of a machine share.

    A run has hard links of the files that it reads, so that it keeps what is dropped here.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder = folder
        self._most_bytes = most_bytes

    def place(self, sha256: str, size: int, target: Path, read: Fetch) -> None:
        """Let a file appear at a path, read-only."""
        kept = self._folder / sha256
        while not self._link(kept, target):
            fetch(sha256, size, kept, read)
            kept.chmod(0o444)
        self._drop_the_oldest(keep=kept)

    def _link(self, kept: Path, target: Path) -> bool:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        try:
            os.utime(kept)
            _second_name(kept, target)
        except FileNotFoundError:
            # Never fetched, or dropped by another job just now.
            return False
        return True

    def _drop_the_oldest(self, *, keep: Path) -> None:
        # Others may drop files at the same time.
        with suppress(FileNotFoundError):
            files = [path for path in self._folder.iterdir() if path.suffix != ".part"]
            total = 0
            for path in sorted(files, key=lambda path: path.stat().st_mtime, reverse=True):
                total += path.stat().st_size
                if total > self._most_bytes and path != keep:
                    path.unlink()


def _second_name(kept: Path, target: Path) -> None:
    try:
        target.hardlink_to(kept)
    except FileNotFoundError:
        raise
    except OSError:
        # A file system without hard links.
        shutil.copyfile(kept, target)
