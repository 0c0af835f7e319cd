"""The one way to write many rows: insert, or update on the natural key, on every dialect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from itertools import repeat
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, sqlite

from database.driver import AS_IT_IS, takes_several
from database.literals import rows_as_text

ROWS_PER_STATEMENT = 1_000
# A statement is one packet, and MariaDB closes the connection beyond 16 MB.
_BYTES_PER_STATEMENT = 8_000_000

# A longer statement does not wait for others: the way is little of what it costs.
_LITTLE = 64_000
_WAITING = "waiting statements"

Row = Sequence[Any]


def upsert(
    connection: sa.Connection,
    table: sa.Table,
    *,
    columns: Sequence[str],
    rows: Sequence[Row],
    keep: Sequence[str] = (),
) -> None:
    """Write `rows`, each in the order of `columns`: `upsert_columns` for who has few rows."""
    if rows:
        named = dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True))
        upsert_columns(connection, table, columns=named, keep=keep)


def upsert_columns(
    connection: sa.Connection,
    table: sa.Table,
    *,
    columns: Mapping[str, Any],
    keep: Sequence[str] = (),
) -> None:
    """Write rows that are given as columns; a row with a known key replaces the old.

    Parameters
    ----------
    columns : by name, in the order of the table and with its primary key: n values each, as
        `database.literals.rows_as_text` takes them, or one value that all rows share
    keep : columns that an existing row retains

    Notes
    -----
    The statement goes to the driver as text: SQLAlchemy's processing of every parameter would
    cost more than the write itself.
    """
    names, values = tuple(columns), list(columns.values())
    n = max((len(column) for column in values if _is_long(column)), default=1)
    if connection.dialect.name == "sqlite":
        statement = _sqlite_statement(table, names, tuple(keep))
        rows = list(zip(*(_for_sqlite(column, n) for column in values), strict=True))
        if rows:
            connection.exec_driver_sql(statement, rows)
        return
    head, tail = _mysql_statement(table, names, tuple(keep))
    for rows_text in _chunks(rows_as_text(values, n=n) if n else []):
        _send(connection, f"{head}({rows_text.decode()}){tail}")


@contextmanager
def together(connection: sa.Connection) -> Iterator[None]:
    """Send what a block writes in one go at its end, which saves the way there and back of each.

    Nothing is read in the block. An embedded store has no way to save, and the slower part of
    the driver takes one statement at a time.
    """
    waiting: list[str] = []
    connection.info[_WAITING] = waiting
    try:
        yield
    finally:
        del connection.info[_WAITING]
    if waiting:
        _send(connection, ";".join(waiting))


def _send(connection: sa.Connection, statement: str) -> None:
    waiting = connection.info.get(_WAITING)
    if waiting is None or len(statement) > _LITTLE or not takes_several():
        connection.exec_driver_sql(statement, execution_options={AS_IT_IS: True})
    else:
        waiting.append(statement)


def _is_long(column: Any) -> bool:
    return isinstance(column, np.ndarray | list | tuple)


def _chunks(rows: list[bytes]) -> Iterator[bytes]:
    """Join rows to what one statement can carry."""
    for start in range(0, len(rows), ROWS_PER_STATEMENT):
        yield from _parts_of(rows[start : start + ROWS_PER_STATEMENT])


def _parts_of(rows: list[bytes]) -> Iterator[bytes]:
    text = b"),(".join(rows)
    if len(text) <= _BYTES_PER_STATEMENT or len(rows) == 1:
        yield text
    else:
        middle = len(rows) // 2
        yield from _parts_of(rows[:middle])
        yield from _parts_of(rows[middle:])


def _for_sqlite(column: Any, n: int) -> Iterator[Any]:
    """Give the values as SQLite holds them; its driver stores NaN as NULL by itself."""
    if not _is_long(column):
        return repeat(_value_for_sqlite(column), n)
    values = column.tolist() if isinstance(column, np.ndarray) else column
    return map(_value_for_sqlite, values)


def _value_for_sqlite(value: object) -> object:
    if isinstance(value, datetime):
        naive = value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
        return naive.isoformat(" ", "microseconds")
    return value


@lru_cache(maxsize=64)
def _sqlite_statement(table: sa.Table, columns: tuple[str, ...], keep: tuple[str, ...]) -> str:
    key, updated = _parts(table, columns, keep)
    insert = sqlite.insert(table)
    values: dict[str, Any] = {name: sa.bindparam(name) for name in columns}
    statement = insert.values(values)
    changes = {name: insert.excluded[name] for name in updated}
    resolved = (
        statement.on_conflict_do_update(index_elements=key, set_=changes)
        if changes
        else statement.on_conflict_do_nothing(index_elements=key)
    )
    compiled = resolved.compile(
        dialect=sqlite.dialect(paramstyle="qmark"), column_keys=list(columns)
    )
    if list(compiled.positiontup or ()) != list(columns):
        raise AssertionError("the columns are not in the order of the table")
    return str(compiled)


@lru_cache(maxsize=64)
def _mysql_statement(
    table: sa.Table, columns: tuple[str, ...], keep: tuple[str, ...]
) -> tuple[str, str]:
    """Return what stands before and after the rows."""
    key, updated = _parts(table, columns, keep)
    insert = mysql.insert(table)
    # A key set to itself is the portable way to say "leave the row as it is".
    changes = {name: insert.inserted[name] for name in updated or key[:1]}
    # A dialect that knows no server says VALUES(c), which MySQL 8 and MariaDB both understand;
    # MySQL's newer row alias is its own.
    compiled = insert.on_duplicate_key_update(changes).compile(
        dialect=mysql.dialect(paramstyle="format"), column_keys=list(columns)
    )
    row = f"({', '.join(['%s'] * len(columns))})"
    head, _, tail = str(compiled).partition(row)
    return head, tail


def _parts(
    table: sa.Table, columns: Sequence[str], keep: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Return the key, and the columns that an existing row takes over."""
    key = sorted(column.name for column in table.primary_key)
    return key, [name for name in columns if name not in key and name not in keep]
