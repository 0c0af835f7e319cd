"""Positions: how far a sender has come in each of its sources, kept through every kind of end."""

from __future__ import annotations

import fcntl
import itertools
import logging
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
import orjson
from numpy.typing import NDArray

from data_sender.disk import DiskFullError, is_full, replace_file
from solar.errors import InvalidInputError
from solar.time import isoformat, parse_time, to_datetime, to_datetime64

logger = logging.getLogger(__name__)


class NameInUseError(InvalidInputError):
    """Another process sends under this name."""


@dataclass(frozen=True)
class Position:
    """How many rows of a source are delivered or spooled, and up to which event time.

    Rows of the same time may follow, after the `at_through` that have been sent; `covered_to` is
    the time up to which the API knows that no flare is missing. The next `batch` rows are on their
    way in parts, of which a crash may leave some behind; 0 if they are not, or go as one post.
    """

    rows: int = 0
    through: np.datetime64 | None = None
    covered_to: np.datetime64 | None = None
    at_through: int = 0
    batch: int = 0

    def after(self, times: NDArray[np.datetime64]) -> Position:
        """Return the position behind rows of these times (n,), NaT where they have none."""
        through = np.fmax.reduce(times)
        if np.isnat(through):
            return replace(self, rows=self.rows + len(times))
        before = self.at_through if through == self.through else 0
        at_through = before + int((times == through).sum())
        return replace(self, rows=self.rows + len(times), through=through, at_through=at_through)

    def covered(self, covered_to: np.datetime64 | None) -> Position:
        """Return the same position with the flares published up to a time."""
        return replace(self, covered_to=covered_to)


def claim(folder: Path) -> IO[bytes]:
    """Lock a sender's folder for this process, for as long as the returned file is open.

    Raises
    ------
    NameInUseError
        When another process sends under the same name.
    DiskFullError, InvalidInputError
        When the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("ab")
    except OSError as error:
        if is_full(error):
            raise DiskFullError(
                f"{folder} cannot be written: {error.strerror}; free space on that disk"
            ) from error
        raise InvalidInputError(
            f"{folder} cannot be written: {error.strerror}; set FLARE_DATA_DIR to another folder"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise NameInUseError(
            f"another process sends as {folder.name!r} ({folder}); stop it or choose --sender"
        ) from error
    return lock


def claim_free(parent: Path, name: str) -> tuple[str, IO[bytes]]:
    """Claim the first of the names NAME-1, NAME-2, ... under which no process sends."""
    for number in itertools.count(1):
        with suppress(NameInUseError):
            return f"{name}-{number}", claim(parent / f"{name}-{number}")
    raise AssertionError("unreachable: there is always another number")


class PositionFile:
    """The positions of one sender (``position.json``) and what it has handed over in all.

    `sequence` counts the batches and `sent` the rows of all sources since the sender first
    started; both move with the position, so that a batch that a crash repeats carries the
    same numbers again.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self._path = folder / "position.json"
        self._fingerprint = fingerprint
        self._state = _load(self._path)
        self.sequence: int = self._state["sequence"]
        self.sent: int = self._state["sent"]

    def read(self) -> Position:
        """Return the position in the present source; the beginning when there is none."""
        entry = self._state["sources"].get(self._fingerprint)
        if entry is None:
            return Position()
        through, covered_to = _time(entry["through"]), _time(entry.get("covered_to"))
        at_through, batch = entry.get("at_through", 0), entry.get("batch", 0)
        return Position(entry["rows"], through, covered_to, at_through, batch)

    def forget(self) -> None:
        """Start the present source over."""
        self._state["sources"].pop(self._fingerprint, None)

    def write(self, position: Position) -> None:
        """Save a position; call it only for what is delivered or spooled."""
        self._state["sources"][self._fingerprint] = {
            "rows": position.rows,
            "through": _label(position.through),
            "covered_to": _label(position.covered_to),
            "at_through": position.at_through,
            "batch": position.batch,
        }
        self.save_count()

    def save_count(self) -> None:
        """Save how much was handed over, by which the API sees whether all of it arrived."""
        self._state |= {"sequence": self.sequence, "sent": self.sent}
        replace_file(self._path, orjson.dumps(self._state, option=orjson.OPT_INDENT_2))


def _time(label: str | None) -> np.datetime64 | None:
    return None if label is None else to_datetime64(parse_time(label))


def _label(at: np.datetime64 | None) -> str | None:
    return None if at is None else isoformat(to_datetime(at))


def _load(path: Path) -> dict[str, Any]:
    empty: dict[str, Any] = {"sequence": 0, "sent": 0, "sources": {}}
    if not path.exists():
        return empty
    try:
        state: dict[str, Any] = orjson.loads(path.read_bytes())
        # Earlier versions did not count their rows; what they had sent, the API knows.
        counts = {"sequence": int(state["sequence"]), "sent": int(state.get("sent", 0))}
        return {**counts, "sources": dict(state["sources"])}
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        # Sending twice is harmless, since the API knows its rows; not sending is not.
        logger.warning("%s cannot be read (%s): starting over", path, error)
        return empty
