"""The archive of a backup: a zip of one Parquet file per table, with the sums of all of them.

The Parquet types are free of any dialect, so that a backup of one database fills another.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Annotated, Any

import pyarrow as pa
import pyarrow.parquet as pa_parquet
import sqlalchemy as sa
from pydantic import Field, TypeAdapter, ValidationError

from database.schema.columns import UtcDateTime
from database.schema.tables import metadata
from solar.errors import InvalidInputError

# Tables of the store that no backup holds, and that a restore leaves as they are.
NOT_SAVED = ("sessions", "invitations", "login_failures")

_INFO_FILE = "about.json"
# Ours has some 150 bytes a table.
_MOST_INFO_BYTES = 1 << 20
_ENCRYPTED = 0x1
_CHUNK_BYTES = 1 << 20
_NO_FILE = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)
# The header before a member: its length, and the place of the lengths of name and extra field.
_HEADER_BYTES, _LENGTHS = 30, slice(26, 30)
_PARQUET_TYPES = (
    (UtcDateTime, pa.timestamp("us", "UTC")),
    (sa.Date, pa.date32()),
    (sa.LargeBinary, pa.binary()),
    (sa.Integer, pa.int64()),
    (sa.Float, pa.float64()),
    (sa.String, pa.string()),
)


# What others may have written is printed and stored, so it is short and of plain letters.
_Label = Annotated[str, Field(pattern=r"^[ -~]{0,40}$")]
_TableName = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")]


@dataclass(frozen=True)
class TableInfo:
    """The number of rows and the checksum of the file of one table."""

    rows: Annotated[int, Field(ge=0, strict=True)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


@dataclass(frozen=True)
class BackupInfo:
    """The description that an archive contains: its schema, its time and its tables."""

    revision: _Label
    made_at: _Label
    tables: Mapping[_TableName, TableInfo]

    @property
    def rows(self) -> int:
        """The rows of all tables."""
        return sum(info.rows for info in self.tables.values())


_INFO = TypeAdapter(BackupInfo)


def saved_tables() -> list[sa.Table]:
    """Return the tables that a backup holds, each behind those that it refers to."""
    return [table for table in metadata.sorted_tables if table.name not in NOT_SAVED]


class HashingWriter:
    """A file to write a member of the archive, with the methods that pyarrow needs, and its sum."""

    closed = False

    def __init__(self, member: IO[bytes]) -> None:
        self._member = member
        self._sum = hashlib.sha256()
        self._place = 0

    def write(self, data: bytes) -> int:
        """Write `data`, which may be any bytes-like object."""
        self._sum.update(data)
        self._place += len(data)
        return self._member.write(data)

    def tell(self) -> int:
        """Return the number of bytes so far."""
        return self._place

    def flush(self) -> None:
        """Do nothing: the archive decides when bytes reach the disk."""

    def sha256(self) -> str:
        """Return the SHA-256 of all that was written."""
        return self._sum.hexdigest()


def add_table(
    archive: zipfile.ZipFile, name: str, write: Callable[[HashingWriter], int]
) -> TableInfo:
    """Write the file of a table by `write`, which returns the number of its rows."""
    # Its size is not known before, and may be beyond the limit of a plain zip.
    with archive.open(_file(name), "w", force_zip64=True) as member:
        writer = HashingWriter(member)
        rows = write(writer)
    return TableInfo(rows, writer.sha256())


def write_info(archive: zipfile.ZipFile, info: BackupInfo) -> None:
    """Write the description of the archive, as its last member."""
    archive.writestr(_INFO_FILE, json.dumps(asdict(info), indent=1))


@contextmanager
def open_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive; a file that is none, or a broken one, raises one clear error."""
    try:
        with zipfile.ZipFile(path) as archive:
            _refuse_other_members(archive)
            yield archive
    except _NO_FILE as error:
        raise InvalidInputError(
            f"{path} cannot be read as a backup: {error.strerror}; name a file that"
            " `flarewatch database backup` wrote"
        ) from error
    except (
        OSError,
        zipfile.BadZipFile,
        KeyError,
        TypeError,
        ValueError,
        EOFError,
        NotImplementedError,
        pa.ArrowException,
    ) as error:
        raise InvalidInputError(
            f"{path} cannot be read as a backup: {_first_line(error)}; take another copy of it"
        ) from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _refuse_other_members(archive: zipfile.ZipFile) -> None:
    for member in archive.infolist():
        # A backup is not packed, since a packed file may unpack to any size.
        if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & _ENCRYPTED:
            raise ValueError(f"{member.filename!r} in it is packed or encrypted")


def read_info(archive: zipfile.ZipFile) -> BackupInfo:
    """Read the description of an archive.

    Raises
    ------
    ValueError
        When it is longer than any description, or not of the form of one.
    """
    with archive.open(_INFO_FILE) as member:
        text = member.read(_MOST_INFO_BYTES + 1)
    if len(text) > _MOST_INFO_BYTES:
        raise ValueError(f"{_INFO_FILE} in it is longer than {_MOST_INFO_BYTES} bytes")
    try:
        return _INFO.validate_json(text)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in fault["loc"] if part != "[key]")[:80]
        raise ValueError(f"{_INFO_FILE} in it, {place or 'all of it'}: {fault['msg']}") from None


def check_archive(archive: zipfile.ZipFile) -> BackupInfo:
    """Read every byte of an archive and compare it with the description.

    Raises
    ------
    ValueError
        When the sum of a file or its number of rows differs.
    """
    described = read_info(archive)
    for name, info in described.tables.items():
        if _sum_of(archive, name) != info.sha256:
            raise ValueError(f"{_file(name)} was changed after the backup")
        rows = read_table(archive, name).metadata.num_rows
        if rows != info.rows:
            raise ValueError(f"{_file(name)} holds {rows} rows, not {info.rows}")
    return described


def refuse_other_content(archive: zipfile.ZipFile, described: BackupInfo) -> None:
    """Compare tables, columns and missing values with those of the store, before any is written.

    Raises
    ------
    ValueError
        When the archive was not written by a backup of this schema.
    """
    for table in saved_tables():
        if table.name not in described.tables:
            raise ValueError(f"{_file(table.name)} is missing")
        file, schema = read_table(archive, table.name), parquet_schema(table)
        columns = {field.name: field.type for field in file.schema_arrow}
        if columns != {field.name: field.type for field in schema}:
            raise ValueError(f"{_file(table.name)} holds columns that are not the table's")


def read_table(archive: zipfile.ZipFile, name: str) -> pa_parquet.ParquetFile:
    """Open the file of a table inside the archive, without a copy of it."""
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


def parquet_schema(table: sa.Table) -> pa.Schema:
    """Return the Parquet schema of a table."""
    return pa.schema([(column.name, _parquet_type(column.type)) for column in table.columns])


def _parquet_type(sql: sa.types.TypeEngine[Any]) -> pa.DataType:
    for sql_type, kind in _PARQUET_TYPES:
        if isinstance(sql, sql_type):
            return kind
    raise AssertionError(f"no Parquet type for {sql!r}")


def to_batch(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.RecordBatch:
    """Turn rows, as the driver gives them, into columns."""
    columns = zip(*rows, strict=True)
    arrays = [_array(list(c), field.type) for c, field in zip(columns, schema, strict=True)]
    return pa.record_batch(arrays, schema=schema)


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(kind):
        # Text or naive, depending on the driver; without a zone both are UTC.
        return _plain(values, pa.timestamp("us")).cast(kind)
    return _plain(values, kind) if pa.types.is_date(kind) else pa.array(values, kind)


def _plain(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    first = next((value for value in values if value is not None), None)
    return pa.array(values).cast(kind) if isinstance(first, str) else pa.array(values, kind)


def to_columns(batch: pa.RecordBatch) -> dict[str, Any]:
    """Turn a batch into columns as `database.upsert.upsert_columns` takes them."""
    return {name: _values(batch.column(name)) for name in batch.schema.names}


def _values(column: pa.Array) -> Any:
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("us")).to_numpy(zero_copy_only=False)
    if pa.types.is_date(column.type):
        # As text, which every driver takes.
        return column.cast(pa.string()).to_pylist()
    if pa.types.is_floating(column.type) or (
        pa.types.is_integer(column.type) and not column.null_count
    ):
        return column.to_numpy(zero_copy_only=False)
    return column.to_pylist()
