"""The backup: the whole store in one zip of Parquet files, free of any database's dialect."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pa_parquet
import sqlalchemy as sa

from database.engine import reading, transact
from database.migrations import head, revision
from database.schema.column_types import UtcDateTime
from database.tables import metadata
from database.upsert import upsert
from solar.errors import InvalidInputError

_ABOUT = "about.json"
_ROWS_PER_BATCH = 50_000


def backup(engine: sa.Engine, path: Path) -> int:
    """Write every table as it stands at one moment; return the number of rows.

    An existing file is refused rather than replaced.
    """
    if path.exists():
        raise InvalidInputError(f"{path} exists already; choose another name or remove it")
    partial = path.with_name(path.name + ".partial")
    with reading(engine) as connection, tempfile.TemporaryDirectory() as folder:
        if engine.dialect.name != "sqlite":
            # One snapshot for all tables; SQLite's transactions are that anyway.
            connection.execution_options(isolation_level="REPEATABLE READ")
        rows = _write_archive(connection, partial, folder=Path(folder))
    partial.rename(path)
    return rows


def _write_archive(connection: sa.Connection, path: Path, *, folder: Path) -> int:
    rows = 0
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(_ABOUT, json.dumps({"revision": revision(connection)}))
        for table in metadata.sorted_tables:
            file = folder / f"{table.name}.parquet"
            rows += _write_table(connection, table, file)
            archive.write(file, file.name)
            file.unlink()
    return rows


def _write_table(connection: sa.Connection, table: sa.Table, file: Path) -> int:
    schema = pa.schema([(column.name, _arrow_type(column.type)) for column in table.columns])
    rows = 0
    result = connection.execution_options(yield_per=_ROWS_PER_BATCH).execute(sa.select(table))
    with pa_parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for chunk in result.partitions():
            columns = list(zip(*chunk, strict=True))
            arrays = [pa.array(c, field.type) for c, field in zip(columns, schema, strict=True)]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
            rows += len(chunk)
    return rows


def _arrow_type(kind: sa.types.TypeEngine[Any]) -> pa.DataType:
    if isinstance(kind, UtcDateTime):
        return pa.timestamp("us", "UTC")
    for sql_type, arrow_type in (
        (sa.Date, pa.date32()),
        (sa.LargeBinary, pa.binary()),
        (sa.Integer, pa.int64()),
        (sa.Float, pa.float64()),
        (sa.String, pa.string()),
    ):
        if isinstance(kind, sql_type):
            return arrow_type
    raise AssertionError(f"no Parquet type for {kind!r}")


def restore(engine: sa.Engine, path: Path) -> int:
    """Fill an empty store, all or nothing; return the number of rows.

    Raises
    ------
    InvalidInputError
        When the store holds rows already, when the file is no backup, or when it was made
        with another schema.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_schema(archive, path)
            return transact(engine, lambda connection: _restore_all(connection, archive))
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, pa.ArrowException) as error:
        raise InvalidInputError(f"{path} cannot be read as a backup: {error}") from error


def _check_schema(archive: zipfile.ZipFile, path: Path) -> None:
    made_with = json.loads(archive.read(_ABOUT))["revision"]
    if made_with != head():
        raise InvalidInputError(
            f"{path} was made with schema {made_with}, this version works with {head()};"
            " restore it with the version that made it, then upgrade"
        )


def _restore_all(connection: sa.Connection, archive: zipfile.ZipFile) -> int:
    for table in metadata.sorted_tables:
        if connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first():
            raise InvalidInputError(
                f"the store is not empty ({table.name} has rows); restore into a new one"
            )
    return sum(_restore_table(connection, archive, table) for table in metadata.sorted_tables)


def _restore_table(connection: sa.Connection, archive: zipfile.ZipFile, table: sa.Table) -> int:
    columns = [column.name for column in table.columns]
    rows = 0
    with archive.open(f"{table.name}.parquet") as file:
        for batch in pa_parquet.ParquetFile(file).iter_batches(_ROWS_PER_BATCH, columns=columns):
            upsert(connection, table, columns=columns, rows=list(_rows(batch, columns)))
            rows += batch.num_rows
    return rows


def _rows(batch: pa.RecordBatch, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    lists = [batch.column(name).to_pylist() for name in columns]
    # Dates go as text, which every driver takes; pyarrow's dates are plain `date`.
    texts = [
        [v.isoformat() for v in values] if values and type(values[0]) is date else values
        for values in lists
    ]
    return zip(*texts, strict=True)
