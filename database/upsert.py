"""The one way to write many rows: insert, or update on the natural key, on every dialect."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from database.literals import rows_as_text

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
    The statement goes to the driver as text: SQLAlchemy's processing of every parameter would
    cost more than the write itself.
    """
    for start in range(0, len(rows), ROWS_PER_STATEMENT):
        chunk = rows[start : start + ROWS_PER_STATEMENT]
        if connection.dialect.name == "sqlite":
            statement = _sqlite_statement(table, tuple(columns), tuple(keep))
            connection.exec_driver_sql(statement, [tuple(map(_for_sqlite, row)) for row in chunk])
        else:
            head, tail = _mysql_statement(table, tuple(columns), tuple(keep))
            text = rows_as_text(chunk, numbers=_numbers(table, tuple(columns)))
            connection.exec_driver_sql(f"{head}{text}{tail}")


def _for_sqlite(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
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
    # VALUES(c) is understood by MySQL 8 and MariaDB alike; MySQL's newer row alias is not.
    # A key set to itself is the portable way to say "leave the row as it is".
    # In quotes, for a column may have the name of a word of SQL.
    changes = ", ".join(f"`{name}` = VALUES(`{name}`)" for name in updated or key[:1])
    named = ", ".join(f"`{name}`" for name in columns)
    head = f"INSERT INTO {table.name} ({named}) VALUES "  # noqa: S608  our own names
    return head, f" ON DUPLICATE KEY UPDATE {changes}"


@lru_cache(maxsize=64)
def _numbers(table: sa.Table, columns: tuple[str, ...]) -> frozenset[int]:
    doubles = (isinstance(table.c[name].type, sa.Double) for name in columns)
    return frozenset(place for place, is_double in enumerate(doubles) if is_double)


def _parts(
    table: sa.Table, columns: Sequence[str], keep: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Return the key, and the columns that an existing row takes over."""
    key = sorted(column.name for column in table.primary_key)
    return key, [name for name in columns if name not in key and name not in keep]
