"""The disk of a sender: files that are whole or unchanged, also when there is no space left."""

from __future__ import annotations

import errno
import logging
import os
from pathlib import Path
from typing import IO

from solar.errors import FlarewatchError

logger = logging.getLogger(__name__)

_FULL = (errno.ENOSPC, errno.EDQUOT)


class DiskFullError(FlarewatchError):
    """The disk of the sender is full; nothing is lost, and it can go on when there is space."""

    status = 507
    title = "Disk full"


def is_full(error: OSError) -> bool:
    """Tell whether a file could not be written because there is no space."""
    return error.errno in _FULL


def replace_file(path: Path, content: bytes) -> None:
    """Write a file so that a reader finds the old or the new content, whatever happens.

    On a full disk the old content stays: to start again there repeats what the API knows, and a
    sender that stopped for it would not even deliver what fills the disk.
    """
    temporary = path.with_suffix(".tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        if not is_full(error):
            raise
        logger.error("%s stays as it was: %s; free space on that disk", path, error.strerror)


def append_line(file: IO[bytes], line: bytes) -> None:
    """Append a line to an unbuffered file, onto the disk; after an OSError nothing of it is kept.

    A disk that fills accepts the beginning of a line without an error.
    """
    before = file.tell()
    left = memoryview(line)
    try:
        while left:
            left = left[file.write(left) :]
        os.fsync(file.fileno())
    except OSError:
        os.truncate(file.name, before)
        raise
