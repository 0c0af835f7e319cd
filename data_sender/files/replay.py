"""A replay: observations from files, in the order in which they were made."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from data_sender.files.flare_list import read_flares
from data_sender.files.ordered_file import LARGE_ROWS, ordered_file, pieces
from data_sender.files.swan import is_instance, read_instance
from data_sender.files.table_rows import SHARP_LAYOUT, Layout, read_rows
from data_sender.files.tables import is_table, reading
from data_sender.position import Position
from data_sender.rows import Rows, concatenate
from data_sender.source import Chunk, FlareReport
from solar.errors import InvalidInputError

logger = logging.getLogger(__name__)


class Replay:
    """The rows of files and folders, sorted by event time across all of them.

    The rows are held in memory as columns: 200 bytes a row, 40 MB for 200,000. A large parquet
    file that is in the order of time already is read piece by piece instead.
    """

    def __init__(
        self, paths: Sequence[Path], *, flares: Path | None = None, layout: Layout = SHARP_LAYOUT,
        large: int = LARGE_ROWS,
    ) -> None:  # fmt: skip
        self._paths = [file for path in paths for file in _files(path)]
        self._flares_path = flares
        self._flares = read_flares(flares) if flares else ()
        self._layout = layout
        for path in self._paths:
            layout.check(path)
        self._ordered = ordered_file(self._paths, layout, large=large)
        self._rows: Rows | None = None
        if self._ordered is None:
            self._rows = concatenate([_read(path, layout) for path in self._paths]).sorted()
            logger.info("%d rows in %d file(s)", len(self._rows), len(self._paths))
        else:
            logger.info("%s is in the order of time; it is read piece by piece", self._ordered)

    @cached_property
    def fingerprint(self) -> str:
        """The hash of the files' content in order and of what their columns mean.

        The names and places of the files do not matter.
        """
        digest = hashlib.sha256()
        flares = [self._flares_path] if self._flares_path else []
        for path in (*self._paths, *flares):
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        digest.update(self._layout.identity())
        return digest.hexdigest()

    @property
    def flare_source(self) -> str | None:
        """The name of the flare file, as far as the contract can write it."""
        if self._flares_path is None:
            return None
        return re.sub(r"[^A-Za-z0-9_.:-]", "-", self._flares_path.name)[:40]

    @property
    def runs_on(self) -> bool:
        """Whether flares may tell the truth of the last rows."""
        return bool(self._flares)

    @property
    def covers_from(self) -> np.datetime64 | None:
        """The start of the first flare: before it the list says nothing."""
        if not self._flares:
            return None
        return min(flare.started_at for flare in self._flares)

    def chunks(self, position: Position) -> Iterator[Chunk]:
        """Give the rows and the flares after a position, the flares with the first of the rows."""
        flares, passed = self._flares_after(position), 0
        # Who counts no rows begins at a time, before which nothing needs to be read.
        for rows in self._pieces(None if position.rows else position.through):
            if passed + len(rows) > position.rows:
                yield Chunk(rows.take(slice(max(0, position.rows - passed), None)), flares)
                flares = ()
            passed += len(rows)
        if flares:
            yield Chunk(rows.take(slice(len(rows), None)), flares)

    def _pieces(self, after: np.datetime64 | None) -> Iterator[Rows]:
        if self._rows is not None:
            yield self._rows
        if self._ordered is not None:
            yield from pieces(self._ordered, self._layout, after=after)

    def _flares_after(self, position: Position) -> tuple[FlareReport, ...]:
        through = position.through
        if through is None:
            return self._flares
        return tuple(flare for flare in self._flares if flare.ended_at > through)


def _files(path: Path) -> list[Path]:
    """List the tables at a path; a folder of SWAN-SF instances gives these alone."""
    with reading(path):
        if not path.is_dir():
            path.open("rb").close()
            return [path]
        tables = sorted(file for file in path.rglob("*") if file.is_file() and is_table(file))
        if not tables:
            raise InvalidInputError("the folder holds no parquet or CSV file")
    instances = [file for file in tables if is_instance(file)]
    if instances and len(instances) < len(tables):
        logger.warning(
            "%s: %d file(s) beside the SWAN-SF instances are left out",
            path, len(tables) - len(instances),
        )  # fmt: skip
    return instances or tables


def _read(path: Path, layout: Layout) -> Rows:
    return read_instance(path, layout) if is_instance(path) else read_rows(path, layout)
