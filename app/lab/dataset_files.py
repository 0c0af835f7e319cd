"""The files of a data set: checked before anything reads them, then kept by their hash.

The first bytes decide what a file is, not its name. Tables and arrays are read by a worker, never
here.
"""

from __future__ import annotations

import io
import os
import pickletools
import re
import shlex
import shutil
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path, PurePosixPath

from database.lab.datasets import MOST_FILES, DataFile
from database.lab.file_store import FileStore
from database.schema.lab_tables import LONGEST_FILE_NAME
from solar.errors import InvalidInputError

MOST_UNPACKED_BYTES = 8 * 2**30
MOST_TIMES_UNPACKED = 200
# Numbers that hardly vary are packed a thousandfold, which harms nobody as long as they are few.
_HARMLESS_BYTES = 64 * 2**20
# A list of a thousand members is shorter.
_LONGEST_READ = 2**20
_HEAD_BYTES = 4096
_ARCHIVES = (".zip", ".npz", ".gz", ".bz2", ".xz", ".zst", ".tar", ".tgz", ".7z")
_PARQUET, _ARRAY, _HDF5 = b"PAR1", b"\x93NUMPY", b"\x89HDF\r\n\x1a\n"
_ZIP, _GZIP = b"PK\x03\x04", b"\x1f\x8b"
# So many steps of a pickle in a row are no text by chance.
_STEPS = 20
_OBJECTS = re.compile(rb"'\|?O\d*'")
_NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_LATER_PICKLE = re.compile(rb"\x80[\x00-\x0f]")
# What some programs that pack archives add.
_LITTER = ("__MACOSX", ".DS_Store", "Thumbs.db")


def check_file_name(name: str) -> None:
    """Refuse a name that is no relative path with printable characters.

    Raises
    ------
    InvalidInputError
        With what a name is to be like.
    """
    parts = name.split("/")
    is_path = all(part.strip() == part and part not in ("", ".", "..") for part in parts)
    is_short = len(name) <= LONGEST_FILE_NAME and all(_fits(part) for part in parts)
    if not is_path or not is_short or not name.isprintable() or "\\" in name or name[1:2] == ":":
        raise InvalidInputError(
            f"{name[:80]!r} is no name for a file of a data set: 1 to {LONGEST_FILE_NAME} printable"
            " characters, folders with / between, none of them empty or .."
        )


def _fits(part: str) -> bool:
    """Tell whether a file system takes a name."""
    return len(part.encode(errors="replace")) <= 255


def check_file(path: Path, name: str) -> None:
    """Refuse a file that can run code when it is read, or that is of no kind that is read.

    Raises
    ------
    InvalidInputError
        With the way to convert it.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        file.seek(max(0, size - 1))
        last = file.read(1)
    check_head(head, name, last=last, size=size)
    if head.startswith(_GZIP):
        # No more of it than is looked at is unpacked.
        try:
            inside = zlib.decompressobj(31).decompress(head, _HEAD_BYTES)
        except zlib.error as error:
            raise InvalidInputError(f"{name} is damaged: {error}; pack it again") from error
        check_head(inside, name, last=b"", size=size)
        if inside.startswith((_ZIP, _GZIP)):
            raise InvalidInputError(f"{name} is packed twice; unpack it once")


def check_head(head: bytes, name: str, *, last: bytes, size: int) -> None:
    """Refuse a file by its first bytes and its last one; raises InvalidInputError."""
    if _is_pickle(head, last, size):
        raise _runs_code(name, "a pickle", "pd.DataFrame(pd.read_pickle({0!r}))")
    if head.startswith(_HDF5):
        raise _runs_code(name, "an HDF5 file", "pd.read_hdf({0!r})")
    if head.startswith(_ARRAY) and _OBJECTS.search(head):
        raise _runs_code(
            name, "an array of objects", "pd.DataFrame(np.load({0!r}, allow_pickle=True))"
        )
    is_binary = not head.startswith((_PARQUET, _ARRAY, _ZIP, _GZIP)) and _NO_TEXT.search(head)
    if is_binary or not head:
        raise InvalidInputError(
            f"{name} is {'no file that is read here' if head else 'empty'}; send parquet, CSV or"
            " TSV in UTF-8, .npz, or a zip of these"
        )


def _is_pickle(head: bytes, last: bytes, size: int) -> bool:
    """Tell a pickle, as joblib writes it too; those of the first protocols end with a full stop."""
    if _LATER_PICKLE.match(head):
        return True
    if last != b".":
        return False
    try:
        # Lists what a pickle would do and does none of it.
        steps = list(islice(pickletools.genops(head), _STEPS))
    except ValueError:
        return False
    step, _, position = steps[-1]
    return len(steps) > 1 and (step.name != "STOP" or position == size - 1)


def _runs_code(name: str, what: str, reader: str) -> InvalidInputError:
    short = PurePosixPath(name).name
    code = (
        f"import numpy as np, pandas as pd; {reader.format(short)}"
        f".to_parquet({PurePosixPath(short).stem + '.parquet'!r})"
    )
    return InvalidInputError(
        f"{name} is {what}, which can run code when read and is never opened here; where you trust"
        f" the file, convert it with: python -c {shlex.quote(code)}"
    )


class _Bounded(io.FileIO):
    """A file of which nobody reads more at a time than a list of members may have."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read; raises InvalidInputError for more than the bound."""
        if size is None or size < 0:
            size = _LONGEST_READ
        if size > _LONGEST_READ:
            raise InvalidInputError(f"the archive lists more than {MOST_FILES:,} members")
        return super().read(size)


@contextmanager
def open_archive(path: Path, name: str) -> Iterator[zipfile.ZipFile | None]:
    """Open an archive whose list of members is sound; None for a file that is no zip.

    Raises
    ------
    InvalidInputError
        When it is damaged, or one of its members may do harm.
    """
    with _Bounded(path) as file:
        is_zip = file.read(len(_ZIP)) == _ZIP
        yield _checked_archive(file, name) if is_zip else None


def _checked_archive(file: _Bounded, name: str) -> zipfile.ZipFile:
    try:
        archive = zipfile.ZipFile(file)
        _check_members(archive, name, packed=os.fstat(file.fileno()).st_size)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError) as error:
        raise InvalidInputError(f"{name} is damaged: {error}; pack it again") from error
    return archive


def _check_members(archive: zipfile.ZipFile, name: str, *, packed: int) -> None:
    members = archive.infolist()
    unpacked = sum(member.file_size for member in members)
    fault = next((fault for member in members if (fault := _fault(member))), None)
    if len(members) > MOST_FILES:
        fault = f"has {len(members):,} members, and at most {MOST_FILES:,} are read"
    elif unpacked > MOST_UNPACKED_BYTES:
        fault = f"unpacks to {unpacked:,} bytes, and at most {MOST_UNPACKED_BYTES:,} are read"
    elif unpacked > max(_HARMLESS_BYTES, MOST_TIMES_UNPACKED * packed):
        fault = f"unpacks to more than {MOST_TIMES_UNPACKED} times its size"
    if fault is not None:
        raise InvalidInputError(f"{name} {fault}; pack it anew without that")


def _fault(member: zipfile.ZipInfo) -> str | None:
    """Return why a member is refused, None where it is not."""
    shown = repr(member.filename[:80])
    try:
        check_file_name(member.filename.removesuffix("/"))
    except InvalidInputError:
        return f"has a member {shown}, whose name leads out of the archive or is none"
    if stat.S_ISLNK(member.external_attr >> 16):
        return f"has a link in it, {shown}"
    if member.flag_bits & 1:
        return f"has a member {shown} that is encrypted"
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return f"has a member {shown} that is packed in an unusual way"
    if PurePosixPath(member.filename).suffix.lower() in _ARCHIVES:
        return f"has an archive in it, {shown}"
    return None


def is_arrays(archive: zipfile.ZipFile) -> bool:
    """Tell whether an archive is a file of arrays (.npz), which stays as it is.

    Raises
    ------
    InvalidInputError
        When one of the arrays holds objects.
    """
    members = archive.infolist()
    if not members or not all(member.filename.endswith(".npy") for member in members):
        return False
    for member in members:
        with archive.open(member) as file:
            check_head(file.read(_HEAD_BYTES), member.filename, last=b"", size=member.file_size)
    return True


def unpacked_members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the members that become files of the data set."""
    return [
        member
        for member in archive.infolist()
        if not member.is_dir() and not set(member.filename.split("/")) & set(_LITTER)
    ]


def unpack(store: FileStore, archive: zipfile.ZipFile, key: str, name: str) -> list[DataFile]:
    """Put the members of an archive into the store, one after the other.

    Raises
    ------
    InvalidInputError
        When one is damaged or refused.
    """
    files = []
    for number, member in enumerate(unpacked_members(archive)):
        place = store.incoming(f"{key}-{number}")
        try:
            with archive.open(member) as source, place.open("wb") as target:
                shutil.copyfileobj(source, target, _LONGEST_READ)
                target.flush()
                os.fsync(target.fileno())
            check_file(place, member.filename)
            if archive_like(place):
                raise InvalidInputError(f"{name} has an archive in it, {member.filename!r}")
            digest = store.keep(place.name)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise InvalidInputError(f"{name} is damaged: {error}; pack it again") from error
        finally:
            store.discard(place.name)
        files.append(DataFile(member.filename, digest, member.file_size))
    return files


def archive_like(path: Path) -> bool:
    """Tell whether a file is packed, whatever its name."""
    with path.open("rb") as file:
        return file.read(4).startswith((_ZIP, _GZIP))


def refuse_clashes(names: Iterable[str]) -> None:
    """Refuse files of which two would lie at one place, none, or too many.

    Raises
    ------
    InvalidInputError
        Naming the first that lies where another does.
    """
    ordered = list(names)
    if not 0 < len(ordered) <= MOST_FILES:
        raise InvalidInputError(
            f"the data set has {len(ordered):,} files; it may have 1 to {MOST_FILES:,}"
        )
    folders = {str(parent) for name in ordered for parent in PurePosixPath(name).parents}
    for name, times in Counter(ordered).items():
        if times > 1 or name in folders:
            raise InvalidInputError(f"two files of the data set are called {name!r}; rename one")
