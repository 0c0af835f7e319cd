"""The archive: a zip of one Parquet file per table, and what each of them must amount to."""

from __future__ import annotations

import hashlib
import json
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pa_parquet

from solar.errors import InvalidInputError

_ABOUT = "about.json"
_CHUNK_BYTES = 1 << 20
_NO_FILE = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)
# Of the header that stands before a member: its length, where the lengths of name and extra are.
_HEADER_BYTES, _LENGTHS = 30, slice(26, 30)


@dataclass(frozen=True)
class Content:
    """What the file of one table amounts to."""

    rows: int
    sha256: str


@dataclass(frozen=True)
class About:
    """What an archive says of itself."""

    revision: str
    made_at: str
    tables: Mapping[str, Content]

    @property
    def rows(self) -> int:
        """The rows of all tables."""
        return sum(content.rows for content in self.tables.values())


class Digest:
    """A member being written, as much of a file as pyarrow needs: it adds up what passes."""

    closed = False

    def __init__(self, member: IO[bytes]) -> None:
        self._member = member
        self._sum = hashlib.sha256()
        self._place = 0

    def write(self, data: bytes) -> int:
        """Write on; `data` may be anything that holds bytes."""
        self._sum.update(data)
        self._place += len(data)
        return self._member.write(data)

    def tell(self) -> int:
        """Return the number of bytes so far."""
        return self._place

    def flush(self) -> None:
        """Do nothing: the archive decides when bytes reach the disk."""

    def sha256(self) -> str:
        """Return the sum of all that was written."""
        return self._sum.hexdigest()


def add_table(archive: zipfile.ZipFile, name: str, write: Callable[[Digest], int]) -> Content:
    """Have `write` fill the file of a table; it answers how many rows it wrote."""
    # Its size is not known before, and may be beyond what a plain zip can say.
    with archive.open(_file(name), "w", force_zip64=True) as member:
        digest = Digest(member)
        rows = write(digest)
    return Content(rows, digest.sha256())


def add_about(archive: zipfile.ZipFile, about: About) -> None:
    """Write what the archive says of itself; the last thing to do."""
    archive.writestr(_ABOUT, json.dumps(asdict(about), indent=1))


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive; whatever shows that it is none, or a broken one, is one clear error."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except _NO_FILE as error:
        raise InvalidInputError(
            f"{path} cannot be read as a backup: {error.strerror}; name a file that"
            " `flarewatch database backup` wrote"
        ) from error
    except (OSError, zipfile.BadZipFile, KeyError, TypeError, ValueError, EOFError,
            pa.ArrowException) as error:  # fmt: skip
        raise InvalidInputError(
            f"{path} cannot be read as a backup: {error}; take another copy of it"
        ) from error


def read_about(archive: zipfile.ZipFile) -> About:
    """Read what an archive says of itself."""
    said = json.loads(archive.read(_ABOUT))
    tables = {name: Content(**content) for name, content in said.get("tables", {}).items()}
    return About(said["revision"], said.get("made_at", ""), tables)


def check(archive: zipfile.ZipFile) -> About:
    """Read every byte of an archive and compare it with what the archive says of itself.

    Raises
    ------
    ValueError
        When a file's sum or its number of rows is another.
    """
    about = read_about(archive)
    for name, content in about.tables.items():
        if _sum_of(archive, name) != content.sha256:
            raise ValueError(f"{_file(name)} was changed after the backup")
        rows = read_table(archive, name).metadata.num_rows
        if rows != content.rows:
            raise ValueError(f"{_file(name)} holds {rows} rows, not {content.rows}")
    return about


def read_table(archive: zipfile.ZipFile, name: str) -> pa_parquet.ParquetFile:
    """Open the file of a table where it lies, without a copy of it."""
    member = archive.getinfo(_file(name))
    with pa.memory_map(str(archive.filename)) as file:
        file.seek(member.header_offset)
        name_bytes, extra_bytes = struct.unpack("<HH", file.read(_HEADER_BYTES)[_LENGTHS])
        file.seek(member.header_offset + _HEADER_BYTES + name_bytes + extra_bytes)
        return pa_parquet.ParquetFile(pa.BufferReader(file.read_buffer(member.file_size)))


def _sum_of(archive: zipfile.ZipFile, name: str) -> str:
    digest = hashlib.sha256()
    with archive.open(_file(name)) as member:
        while chunk := member.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _file(name: str) -> str:
    return f"{name}.parquet"
