"""The one way to write many rows: insert, or update on the natural key, on every dialect."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, sqlite

from database.column_types import UtcDateTime

# One executemany is one packet, and MariaDB closes the connection beyond 16 MB.
ROWS_PER_STATEMENT = 1_000

Row = Sequence[Any]


def upsert(
    connection: sa.Connection,
    table: sa.Table,
    *,
    columns: Sequence[str],
    rows: Sequence[Row],
    keep: Sequence[str] = (),
) -> None:
    """Write `rows`, each in the order of `columns`; a row with a known key replaces the old.

    Parameters
    ----------
    columns : in the order of the table, and with its primary key
    rows : values as Python numbers, strings, None and aware datetimes; NaN and infinity
        must have been turned into None or refused before
    keep : columns that an existing row retains

    Notes
    -----
    The statement goes to the driver as text and tuples: SQLAlchemy's processing of every
    parameter would cost more than the write itself.
    """
    if not rows:
        return
    statement, times = _statement(connection.dialect.name, table, tuple(columns), tuple(keep))
    convert = _as_text if connection.dialect.name == "sqlite" else _as_naive
    for start in range(0, len(rows), ROWS_PER_STATEMENT):
        chunk = [
            _converted(row, times, convert) for row in rows[start : start + ROWS_PER_STATEMENT]
        ]
        connection.exec_driver_sql(statement, chunk)


def _converted(
    row: Row, times: tuple[int, ...], convert: Callable[[datetime], object]
) -> tuple[Any, ...]:
    values = list(row)
    for index in times:
        if values[index] is not None:
            values[index] = convert(values[index])
    return tuple(values)


def _as_naive(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(tzinfo=None)


def _as_text(at: datetime) -> str:
    return _as_naive(at).isoformat(" ", "microseconds")


@lru_cache(maxsize=64)
def _statement(
    dialect: str, table: sa.Table, columns: tuple[str, ...], keep: tuple[str, ...]
) -> tuple[str, tuple[int, ...]]:
    key = {column.name for column in table.primary_key}
    updated = [name for name in columns if name not in key and name not in keep]
    times = tuple(
        i for i, name in enumerate(columns) if isinstance(table.c[name].type, UtcDateTime)
    )
    if dialect == "sqlite":
        return _sqlite_statement(table, columns, sorted(key), updated), times
    return _mysql_statement(table, columns, sorted(key), updated), times


def _sqlite_statement(
    table: sa.Table, columns: Sequence[str], key: Sequence[str], updated: Sequence[str]
) -> str:
    insert = sqlite.insert(table)
    values: dict[str, Any] = {name: sa.bindparam(name) for name in columns}
    changes = {name: insert.excluded[name] for name in updated}
    statement = insert.values(values)
    resolved = (
        statement.on_conflict_do_update(index_elements=list(key), set_=changes)
        if changes
        else statement.on_conflict_do_nothing(index_elements=list(key))
    )
    return _text(resolved, sqlite.dialect(paramstyle="qmark"), columns)


def _mysql_statement(
    table: sa.Table, columns: Sequence[str], key: Sequence[str], updated: Sequence[str]
) -> str:
    insert = mysql.insert(table)
    values: dict[str, Any] = {name: sa.bindparam(name) for name in columns}
    # VALUES(c) is understood by MySQL 8 and MariaDB alike; MySQL's newer row alias is not.
    # A key set to itself is the portable way to say "leave the row as it is".
    names = updated or key[:1]
    changes = {name: sa.func.values(table.c[name]) for name in names}
    statement = insert.values(values).on_duplicate_key_update(changes)
    return _text(statement, mysql.dialect(paramstyle="format"), columns)


def _text(statement: sa.Insert, dialect: sa.Dialect, columns: Sequence[str]) -> str:
    compiled = statement.compile(dialect=dialect, column_keys=list(columns))
    if list(compiled.positiontup or ()) != list(columns):
        raise AssertionError("the statement's parameters are not in the order of the columns")
    return str(compiled)
