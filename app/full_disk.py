"""What a full disk means to the API: it says so, goes on, and recovers by itself."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

from prometheus_client import values

# So long after a write that found no space the API is not ready. A sender tries again within it.
LASTS_SECONDS = 15.0
# More than the measurements of one process take, by the kind of their file.
_MEASUREMENT_BYTES = {"counter": 1 << 16, "histogram": 1 << 20}

_log = logging.getLogger(__name__)


class FullDiskNotice:
    """Remembers for all workers of a server that the store's disk was full a moment ago.

    It is the time of an empty file in the folder that they share, which needs no space. Without
    a folder each process remembers for itself.
    """

    def __init__(self, folder: Path | None) -> None:
        self._file = None if folder is None else folder / "store-was-full"
        self._noted_at = -LASTS_SECONDS

    def note(self) -> None:
        """Remember that a write has found no space."""
        self._noted_at = time.monotonic()
        if self._file is not None:
            try:
                self._file.touch()
                os.utime(self._file, (self._noted_at, self._noted_at))
            except OSError as error:
                _log.warning("other workers do not learn of it: %s", error)

    def is_recent(self) -> bool:
        """Tell whether a write of any worker has found no space lately."""
        noted_at = self._noted_at
        if self._file is not None and self._file.exists():
            noted_at = max(noted_at, self._file.stat().st_mtime)
        return time.monotonic() - noted_at < LASTS_SECONDS


def reserve_measurements(folder: Path) -> None:
    """Reserve the space of this process's measurements before the first of them.

    They are files mapped into memory: a page that finds no space later would end the process.
    Without space now it counts for itself alone, and `/metrics` lacks its share.
    """
    try:
        for kind, size in _MEASUREMENT_BYTES.items():
            with (folder / f"{kind}_{os.getpid()}.db").open("xb") as file:
                os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        _log.warning(
            "/metrics lacks what process %d counts: %s has no space for it (%s); free space there,"
            " then restart the API",
            os.getpid(),
            folder,
            error.strerror,
        )
        values.ValueClass = values.MutexValue
