"""The example of the Lab: data sets and runs from a zip, with rows as JSON and files by hash."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa

from database.engine import reading, transact
from database.lab.file_store import FileStore
from database.schema.columns import UtcDateTime
from database.schema.lab_tables import (
    attempts,
    datasets,
    experiments,
    log_chunks,
    outputs,
    recipes,
    runs,
)
from solar.errors import InvalidInputError

TABLES = (datasets, experiments, recipes, runs, attempts, log_chunks, outputs)
ROWS = "rows.json"

Rows = Mapping[str, list[dict[str, Any]]]


def import_example(engine: sa.Engine, store: FileStore, path: Path) -> str:
    """Take an example in, unless a data set or an experiment of it is known; say what came.

    Raises
    ------
    InvalidInputError
        When the file is no example, that of another version, or changed; no row is stored then.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            rows = _parse(archive.read(ROWS))
            with reading(engine) as connection:
                is_known = _is_known(connection, rows)
            if is_known:
                return f"the Lab has the example of {path.name} already"
            # A file is in the store before any row names it.
            for sha256 in files_of(rows):
                store.write(sha256, [archive.read(sha256)])
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read: {error.strerror}") from error
    except (zipfile.BadZipFile, zlib.error, ValueError, KeyError, TypeError) as error:
        raise InvalidInputError(
            f"{path} is no example for this version: {error}; make it anew: make demo-lab"
        ) from error
    transact(engine, lambda connection: _insert(connection, rows))
    return f"{len(rows['datasets'])} data sets and {len(rows['runs'])} runs are in the Lab"


def files_of(rows: Rows) -> set[str]:
    """Return the hashes of the files of data sets and runs."""
    brought = [file for one in rows["datasets"] for file in orjson.loads(one["files"])]
    return {str(file["sha256"]) for file in [*brought, *rows["outputs"]]}


def _parse(content: bytes) -> Rows:
    rows: Rows = orjson.loads(content)
    for table in TABLES:
        for row in rows[table.name]:
            for name, value in row.items():
                row[name] = _value(table.c[name].type, value)
    return rows


def _value(kind: sa.types.TypeEngine[Any], value: Any) -> Any:
    if isinstance(kind, UtcDateTime) and value is not None:
        return datetime.fromisoformat(value)
    # As text a byte is a character: a piece of a log may end within one of UTF-8.
    return value.encode("latin-1") if isinstance(kind, sa.LargeBinary) else value


def _is_known(connection: sa.Connection, rows: Rows) -> bool:
    for table in (datasets, experiments):
        (key,) = table.primary_key.columns
        ids = [row[key.name] for row in rows[table.name]]
        if connection.execute(sa.select(key).where(key.in_(ids)).limit(1)).first():
            return True
    return False


def _insert(connection: sa.Connection, rows: Rows) -> None:
    for table in TABLES:
        if rows[table.name]:
            connection.execute(table.insert(), rows[table.name])
