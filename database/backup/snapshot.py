"""The snapshot: the whole store at one moment, written into one archive while others write."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pa_parquet
import sqlalchemy as sa

from database.backup.archive import (
    BackupInfo,
    HashingWriter,
    TableInfo,
    add_table,
    check_archive,
    open_archive,
    parquet_schema,
    saved_tables,
    to_batch,
    write_info,
)
from database.engine import allow_idling, reading
from database.migrations import revision
from solar.errors import FlarewatchError, InvalidInputError

ROWS_PER_PAGE = 20_000
_OWNER_ONLY = 0o600

Row = Sequence[Any]
Page = Sequence[Row]


def backup(engine: sa.Engine, path: Path, *, rows_per_page: int = ROWS_PER_PAGE) -> int:
    """Write every table as it is at one moment; return the number of rows.

    The file `path` appears when the archive is complete, on the disk, and has been read once more.
    An existing file is refused rather than replaced. `rows_per_page` are in memory at once, and
    become one row group.

    Raises
    ------
    InvalidInputError
        When the file exists already, or cannot be written.
    """
    try:
        if path.exists():
            raise InvalidInputError(f"{path} exists already; choose another name or remove it")
        return _write_checked(engine, path, rows_per_page)
    except OSError as error:
        raise InvalidInputError(
            f"{path} cannot be written: {error.strerror}; choose another folder or name"
        ) from error


def _write_checked(engine: sa.Engine, path: Path, rows_per_page: int) -> int:
    partial_file = path.with_name(path.name + ".partial")
    try:
        _write(engine, partial_file, rows_per_page)
        with open_archive(partial_file) as archive:
            rows = check_archive(archive).rows
        partial_file.rename(path)
    finally:
        # Without its folder there is no file to remove.
        with suppress(OSError):
            partial_file.unlink()
    return rows


def _write(engine: sa.Engine, path: Path, rows_per_page: int) -> None:
    with _private(path) as file:
        with (
            zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive,
            reading(engine, seconds=None) as store,
        ):
            _begin_snapshot(store)
            tables = {
                table.name: _add(archive, store, table, rows_per_page) for table in saved_tables()
            }
            made_at = datetime.now(UTC).isoformat()
            write_info(archive, BackupInfo(revision(store) or "", made_at, tables))
        file.flush()
        os.fsync(file.fileno())


def _private(path: Path) -> IO[bytes]:
    """Open a new file that only its owner may read, whatever the umask says."""
    # What another process left under this name may belong to somebody, or lead elsewhere.
    path.unlink(missing_ok=True)
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    os.fchmod(number, _OWNER_ONLY)
    return os.fdopen(number, "wb")


def _begin_snapshot(connection: sa.Connection) -> None:
    """Make every later query of the connection see the store as it is now."""
    if connection.dialect.name != "sqlite":
        connection.execution_options(isolation_level="REPEATABLE READ")
        allow_idling(connection)
        connection.exec_driver_sql("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        return
    # In SQLite the first query of a transaction fixes what all of them see.
    connection.exec_driver_sql("SELECT COUNT(*) FROM sqlite_master")


def _add(
    archive: zipfile.ZipFile, connection: sa.Connection, table: sa.Table, rows_per_page: int
) -> TableInfo:
    pages = partial(_pages, connection, table, rows_per_page)
    content = add_table(archive, table.name, partial(_write_rows, pages, parquet_schema(table)))
    counted = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
    if counted != content.rows:
        raise FlarewatchError(
            f"{table.name} has {counted} rows but {content.rows} were read;"
            " make the backup again, and report this"
        )
    return content


def _write_rows(pages: Callable[[], Iterable[Page]], schema: pa.Schema, file: HashingWriter) -> int:
    rows = 0
    with pa_parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for page in pages():
            writer.write_batch(to_batch(page, schema))
            rows += len(page)
    return rows


def _pages(connection: sa.Connection, table: sa.Table, rows_per_page: int) -> Iterator[Page]:
    # Page by page along the key: MySQL's driver would keep the whole answer to one query in memory.
    columns = [sa.type_coerce(column, sa.types.NullType()) for column in table.columns]
    key = list(table.primary_key.columns)
    places = [list(table.columns).index(column) for column in key]
    query = sa.select(*columns).order_by(*key).limit(rows_per_page)
    page = connection.execute(query).all()
    while page:
        yield page
        last = [page[-1][place] for place in places]
        following = query.where(_is_after(key, last))
        page = connection.execute(following).all() if len(page) == rows_per_page else []


def _is_after(key: Sequence[sa.Column[Any]], last: Row) -> sa.ColumnElement[bool]:
    """Compare column by column, because MySQL finds no range for a comparison of whole rows."""
    column = sa.type_coerce(key[0], sa.types.NullType())
    beyond: sa.ColumnElement[bool] = column > last[0]
    if len(key) == 1:
        return beyond
    return sa.or_(beyond, sa.and_(column == last[0], _is_after(key[1:], last[1:])))
