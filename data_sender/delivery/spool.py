"""The spool: posts that are not delivered yet, on disk, in order."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson

from data_sender.disk import append_line, replace_file
from solar.errors import FlarewatchError

SEGMENT_BYTES = 8 * 2**20
DEFAULT_LIMIT_BYTES = 2**30
# The field of a body that holds its items, where it is not the name of the call.
ITEM_FIELDS = {"xray-flux": "flux", "region-reports": "reports", "agency-forecasts": "forecasts"}


class SpoolFullError(FlarewatchError):
    """The spool is full; the rows stay in their source until it drains."""

    status = 507
    title = "Spool full"


@dataclass(frozen=True)
class Post:
    """One call of the API: `items` observations or flares below the contract's `kind`."""

    kind: str
    items: Sequence[dict[str, Any]]
    extra: dict[str, Any]

    @property
    def path(self) -> str:
        """The path of the call."""
        return f"/api/v1/{self.kind}"

    def body(self) -> bytes:
        """The JSON body of the call."""
        return orjson.dumps({**self.extra, ITEM_FIELDS.get(self.kind, self.kind): list(self.items)})


class Spool:
    """Append-only segment files of one post per line, and a pointer to the first undelivered.

    A post is on disk (fsync) when `append` returns. What a crash left unfinished at the end of a
    segment was never acknowledged and is cut away; a pointer that a crash left behind repeats
    posts, which the API recognises.
    """

    def __init__(self, folder: Path, *, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes
        self._head_path = folder / "head.json"
        self._file: IO[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self._last_number, self._head_offset = self._read_head()
        for path in self._segments()[-1:]:
            _cut_torn_end(path)
        self._drop_delivered()

    @property
    def is_empty(self) -> bool:
        """Whether everything is delivered."""
        return self.size_bytes() == 0

    def size_bytes(self) -> int:
        """Return how many bytes wait for delivery."""
        return sum(path.stat().st_size for path in self._segments()) - self._head_offset

    def append(self, post: Post) -> None:
        """Add a post to the end; after SpoolFullError nothing of it is kept."""
        line = orjson.dumps([post.kind, list(post.items), post.extra]) + b"\n"
        if self.size_bytes() + len(line) > self._limit_bytes:
            raise SpoolFullError(
                f"the spool {self._folder} has reached {self._limit_bytes / 2**20:.0f} MiB;"
                " reading pauses until the API takes rows again (--spool-limit-mb raises the limit)"
            )
        try:
            append_line(self._writable(), line)
        except OSError as error:
            raise SpoolFullError(
                f"the spool {self._folder} cannot grow: {error.strerror}; free space on that disk"
            ) from error

    def first(self) -> Post | None:
        """Return the oldest undelivered post; None when the spool is empty."""
        line = self._first_line()
        return Post(*orjson.loads(line)) if line else None

    def discard_first(self) -> None:
        """Remove the oldest post, which is delivered."""
        self._head_offset += len(self._first_line())
        replace_file(
            self._head_path,
            orjson.dumps({"segment": self._number_of_first(), "offset": self._head_offset}),
        )
        self._drop_delivered()

    def close(self) -> None:
        """Close the file that is written to."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _segments(self) -> list[Path]:
        return sorted(self._folder.glob("*.jsonl"))

    def _first_line(self) -> bytes:
        segments = self._segments()
        if not segments:
            return b""
        with segments[0].open("rb") as file:
            file.seek(self._head_offset)
            return file.readline()

    def _number_of_first(self) -> int:
        segments = self._segments()
        return int(segments[0].stem) if segments else 0

    def _read_head(self) -> tuple[int, int]:
        """Return the highest segment number ever used, and the offset in the first segment."""
        last = max((int(path.stem) for path in self._segments()), default=0)
        try:
            head = orjson.loads(self._head_path.read_bytes())
        except (FileNotFoundError, orjson.JSONDecodeError):
            return last, 0
        # A pointer into a segment that is gone: that segment was delivered whole.
        is_current = head["segment"] == self._number_of_first()
        return max(last, head["segment"]), head["offset"] if is_current else 0

    def _drop_delivered(self) -> None:
        segments = self._segments()
        while segments and self._head_offset >= segments[0].stat().st_size:
            self.close()
            segments.pop(0).unlink()
            self._head_offset = 0

    def _writable(self) -> IO[bytes]:
        if self._file is None or self._file.tell() >= SEGMENT_BYTES:
            self.close()
            # A number is never used twice: the pointer on disk may still name the old segment.
            self._last_number += 1
            # Unbuffered, so that a failed write leaves nothing behind that a later one would flush.
            self._file = (self._folder / f"{self._last_number:08d}.jsonl").open("ab", buffering=0)
        return self._file


def _cut_torn_end(path: Path) -> None:
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(path, whole)
