"""Limits: what a file of training data may promise and hold, found out before it is read.

Headers and member lists say how much a file unpacks to, and compressed text is unpacked piece by
piece, so that nothing here takes more memory than a piece. Where they lie,
`analysis.unknown_data` reads the file in a process with bounded memory and time.
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, NoReturn

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from model_training.limited import ProcessLimits
from solar.errors import InvalidInputError

_GIB = 2**30
_PIECE = 2**20
_NUMBER_BYTES = 8
# Numbers that hardly vary are packed a thousandfold, which harms nobody as long as they are few.
_HARMLESS_BYTES = 64 * 2**20
_LONGEST_MESSAGE = 300
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_ARCHIVES = (".zip", ".npz", ".gz", ".bz2", ".xz", ".zst", ".tar", ".tgz", ".7z")
# What libraries raise at files that are damaged or made to harm.
UNREADABLE = (
    pa.ArrowException,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RecursionError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
_PROCESS = ProcessLimits(cpu_seconds=600, wall_seconds=900)


@dataclass(frozen=True)
class Limits:
    """The most that one file may hold.

    Parameters
    ----------
    unpacked_bytes : in memory, and of all members of an archive together
    members : of an archive
    ratio : of unpacked to packed bytes, beyond a size that harms nobody
    columns : of a table
    line_bytes : of one line of text
    process : of the process that reads a file which nobody vouches for
    """

    unpacked_bytes: int = 8 * _GIB
    members: int = 1000
    ratio: float = 200
    columns: int = 10_000
    line_bytes: int = 2**20
    process: ProcessLimits = _PROCESS


def _of_this_machine() -> Limits:
    """Return the limits of one's own files: no more than the machine has memory for."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Limits(unpacked_bytes=max(memory, 8 * _GIB))


OWN = _of_this_machine()


def one_line(error: BaseException) -> str:
    """Return what a library says, on one line of bounded length."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _LONGEST_MESSAGE else text[:_LONGEST_MESSAGE] + "…"


def refuse_oversized(path: Path, limits: Limits = OWN) -> None:
    """Refuse a file that promises or unpacks to more than the limits; by its name it is
    Parquet, .npz, .zip, .npy, or text with or without .gz.

    Raises
    ------
    InvalidInputError
        Naming what is too large, or that the file is damaged.
    """
    kind = path.suffix.lower()
    check = {
        ".parquet": _check_parquet,
        ".npz": _check_arrays,
        ".zip": _check_archive,
        ".npy": _check_array_file,
    }.get(kind, _check_text)
    try:
        check(path, limits)
    except UNREADABLE as error:
        raise InvalidInputError(f"{path.name} cannot be read: {one_line(error)}") from error


def _refuse(path: Path, fault: str) -> NoReturn:
    raise InvalidInputError(f"{path.name} {fault}")


def _refuse_size(path: Path, size: int, what: str, limits: Limits) -> None:
    if size > limits.unpacked_bytes:
        _refuse(
            path,
            f"{what}, {_gib(size)} GiB in memory, and at most {_gib(limits.unpacked_bytes)} GiB are"
            " read; cut it into smaller files",
        )


def _gib(size: int) -> str:
    return f"{size / _GIB:,.1f}" if size < 2**63 else f"more than {2**63 // _GIB:,}"


def _check_parquet(path: Path, limits: Limits) -> None:
    about = parquet.read_metadata(path)
    rows, columns = about.num_rows, about.num_columns
    if columns > limits.columns:
        _refuse(path, f"has {columns:,} columns, and at most {limits.columns:,} are read")
    promised = max(
        rows * columns * _NUMBER_BYTES,
        sum(about.row_group(place).total_byte_size for place in range(about.num_row_groups)),
    )
    _refuse_size(path, promised, f"promises {rows:,} rows of {columns:,} columns", limits)


def _check_arrays(path: Path, limits: Limits) -> None:
    with zipfile.ZipFile(path) as archive:
        _check_members(path, archive, limits)
        for member in archive.infolist():
            with archive.open(member) as file:
                _check_header(path, file, member.filename, size=member.file_size, limits=limits)


def _check_archive(path: Path, limits: Limits) -> None:
    with zipfile.ZipFile(path) as archive:
        _check_members(path, archive, limits)


def _check_members(path: Path, archive: zipfile.ZipFile, limits: Limits) -> None:
    members = archive.infolist()
    if len(members) > limits.members:
        _refuse(path, f"has {len(members):,} members, and at most {limits.members:,} are read")
    unpacked = sum(member.file_size for member in members)
    _refuse_size(path, unpacked, f"unpacks its {len(members)} members", limits)
    _refuse_ratio(path, unpacked, sum(member.compress_size for member in members), limits)
    for member in members:
        _check_member(path, member)


def _check_member(path: Path, member: zipfile.ZipInfo) -> None:
    name = member.filename
    inside = PurePosixPath(name.replace("\\", "/"))
    if inside.is_absolute() or ".." in inside.parts or ":" in name or not name.isprintable():
        _refuse(path, f"has a member {name[:80]!r}, which leads out of its folder; pack it anew")
    if inside.suffix.lower() in _ARCHIVES:
        _refuse(path, f"has an archive in it, {name[:80]!r}; unpack it first")
    if member.flag_bits & 1:
        _refuse(path, f"has a member {name[:80]!r} that is encrypted; pack it without a password")


def _refuse_ratio(path: Path, unpacked: int, packed: int, limits: Limits) -> None:
    if unpacked > max(_HARMLESS_BYTES, limits.ratio * packed):
        _refuse(
            path,
            f"unpacks to more than {limits.ratio:g} times its size; pack it anew without such"
            " repetition",
        )


def _check_array_file(path: Path, limits: Limits) -> None:
    with path.open("rb") as file:
        _check_header(path, file, path.name, size=path.stat().st_size, limits=limits)


def _check_header(path: Path, file: IO[bytes], name: str, *, size: int, limits: Limits) -> None:
    """Compare the shape that the header of an array promises with the bytes that follow."""
    version = np.lib.format.read_magic(file)
    if version not in _HEADERS:
        raise ValueError(f"{name[:80]!r} is an array of format {version}; save it with np.savez")
    shape, _, dtype = _HEADERS[version](file)
    if dtype.hasobject:
        # The reader itself says what to do about it.
        return
    promised = math.prod(shape) * dtype.itemsize
    what = f"promises {name[:80]!r} of shape {' x '.join(map(str, shape))[:80]}"
    _refuse_size(path, promised, what, limits)
    if not 0 <= promised <= size - file.tell():
        _refuse(path, f"{what} and holds {size - file.tell():,} bytes of it; copy the file again")


def _check_text(path: Path, limits: Limits) -> None:
    size = path.stat().st_size
    is_packed = path.suffix.lower() == ".gz"
    if not is_packed and size <= limits.line_bytes:
        return
    with gzip.open(path) if is_packed else path.open("rb") as file:
        unpacked = line = 0
        while piece := file.read(_PIECE):
            unpacked += len(piece)
            _refuse_size(path, unpacked, "unpacks", limits)
            _refuse_ratio(path, unpacked, size, limits)
            first, last = piece.find(b"\n"), piece.rfind(b"\n")
            line += len(piece) if first < 0 else first
            if line > limits.line_bytes:
                _refuse(path, f"has a line longer than {limits.line_bytes:,} bytes; it is no table")
            line = line if last < 0 else len(piece) - last - 1
