"""The one way to write many rows: insert, or update on the natural key, on every dialect.

MySQL's driver turns each parameter into text one by one, which costs more than the write that
follows. So here numbers and times are written as SQL literals, a whole column at a time. Text and
bytes are written in hexadecimal, so that no value can end its literal.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import groupby, repeat
from typing import Any

import numpy as np
import orjson
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.dialects import mysql, sqlite

from database.round_trips import write
from solar.errors import InvalidInputError

ROWS_PER_STATEMENT = 1_000
# A statement is one packet, and MariaDB closes the connection beyond 16 MB.
_BYTES_PER_STATEMENT = 8_000_000
_NULL = b"NULL"

Row = Sequence[Any]


def upsert(
    connection: sa.Connection,
    table: sa.Table,
    *,
    columns: Sequence[str],
    rows: Sequence[Row],
    keep: Sequence[str] = (),
) -> None:
    """Write a few rows, each in the order of `columns`; otherwise as `upsert_columns` does.

    A row holds Python numbers, text, bytes and times with a zone; None is missing.
    """
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        values = [tuple(map(_value_for_sqlite, row)) for row in rows]
        connection.exec_driver_sql(_sqlite_statement(table, tuple(columns), tuple(keep)), values)
        return
    texts = [b",".join([_LITERALS[type(value)](value) for value in row]) for row in rows]
    _write_texts(connection, table, texts, columns=tuple(columns), keep=tuple(keep))


def upsert_columns(
    connection: sa.Connection,
    table: sa.Table,
    *,
    columns: Mapping[str, Any],
    keep: Sequence[str] = (),
) -> None:
    """Write rows given as columns; a row with a known key replaces the old one.

    Parameters
    ----------
    columns : by name, in the order of the table and with its primary key: n values each, as
        `database.upsert.rows_as_text` takes them, or one value that all rows share
    keep : columns that an existing row retains

    Notes
    -----
    The statement goes to the driver as text: SQLAlchemy's processing of every parameter would
    cost more than the write itself.
    """
    names, values = tuple(columns), list(columns.values())
    n = max((len(column) for column in values if _is_long(column)), default=1)
    if n == 0:
        return
    if connection.dialect.name == "sqlite":
        rows = list(zip(*(_for_sqlite(column, n) for column in values), strict=True))
        connection.exec_driver_sql(_sqlite_statement(table, names, tuple(keep)), rows)
        return
    _write_texts(connection, table, rows_as_text(values, n=n), columns=names, keep=tuple(keep))


def _write_texts(
    connection: sa.Connection,
    table: sa.Table,
    rows: list[bytes],
    *,
    columns: tuple[str, ...],
    keep: tuple[str, ...],
) -> None:
    head, tail = _mysql_statement(table, columns, keep)
    for rows_text in _chunks(rows):
        write(connection, f"{head}({rows_text.decode()}){tail}")


def _is_long(column: Any) -> bool:
    return isinstance(column, np.ndarray | list | tuple)


def _chunks(rows: list[bytes]) -> Iterator[bytes]:
    """Join rows to texts that one statement can carry."""
    for start in range(0, len(rows), ROWS_PER_STATEMENT):
        yield from _split(rows[start : start + ROWS_PER_STATEMENT])


def _split(rows: list[bytes]) -> Iterator[bytes]:
    text = b"),(".join(rows)
    if len(text) <= _BYTES_PER_STATEMENT or len(rows) == 1:
        yield text
    else:
        middle = len(rows) // 2
        yield from _split(rows[:middle])
        yield from _split(rows[middle:])


def _for_sqlite(column: Any, n: int) -> Iterator[Any]:
    """Return the values as SQLite stores them; its driver stores NaN as NULL by itself."""
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
    key, updated = _key_and_updated(table, columns, keep)
    insert = sqlite.insert(table)
    values: dict[str, Any] = {name: sa.bindparam(name) for name in columns}
    statement = insert.values(values)
    changes = {name: insert.excluded[name] for name in updated}
    with_conflict = (
        statement.on_conflict_do_update(index_elements=key, set_=changes)
        if changes
        else statement.on_conflict_do_nothing(index_elements=key)
    )
    compiled = with_conflict.compile(
        dialect=sqlite.dialect(paramstyle="qmark"), column_keys=list(columns)
    )
    if list(compiled.positiontup or ()) != list(columns):
        raise AssertionError("the columns are not in the order of the table")
    return str(compiled)


@lru_cache(maxsize=64)
def _mysql_statement(
    table: sa.Table, columns: tuple[str, ...], keep: tuple[str, ...]
) -> tuple[str, str]:
    """Return the text before and after the rows."""
    key, updated = _key_and_updated(table, columns, keep)
    insert = mysql.insert(table)
    # A key set to itself is the portable way to say "leave the row as it is".
    changes = {name: insert.inserted[name] for name in updated or key[:1]}
    # Without a server the dialect writes VALUES(c), which MySQL 8 and MariaDB both understand; the
    # newer row alias is MySQL's alone.
    compiled = insert.on_duplicate_key_update(changes).compile(
        dialect=mysql.dialect(paramstyle="format"), column_keys=list(columns)
    )
    row = f"({', '.join(['%s'] * len(columns))})"
    head, _, tail = str(compiled).partition(row)
    return head, tail


def _key_and_updated(
    table: sa.Table, columns: Sequence[str], keep: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Return the key, and the columns that are updated in an existing row."""
    key = sorted(column.name for column in table.primary_key)
    return key, [name for name in columns if name not in key and name not in keep]


def rows_as_text(columns: Sequence[Any], *, n: int) -> list[bytes]:
    """Write n rows as MySQL literals, each without its brackets.

    Parameters
    ----------
    columns : an array (n,), in which NaN and NaT are missing, or n values as Python numbers,
        text, bytes and times with a zone, in which None is missing, or one value for all rows

    Raises
    ------
    InvalidInputError
        For what SQL cannot name: infinity, and NaN outside an array.
    """
    parts: list[Iterable[bytes]] = []
    for is_double, group in groupby(columns, _is_double):
        members = list(group)
        parts += [_doubles(members)] if is_double else [_literals(column, n) for column in members]
    return list(map(b",".join, zip(*parts, strict=True)))


def _is_double(column: Any) -> bool:
    return isinstance(column, np.ndarray) and column.dtype.kind == "f"


def _doubles(columns: Sequence[NDArray[np.float64]]) -> list[bytes]:
    """Write adjacent columns, all of them at once."""
    matrix = np.column_stack(columns).astype(np.float64, copy=False)
    if np.isinf(matrix).any():
        raise _not_finite()
    # Every double reads back as itself, and NaN is written as null, which SQL understands.
    return _json(matrix)[2:-2].split(b"],[")


def _literals(column: Any, n: int) -> Iterable[bytes]:
    if isinstance(column, np.ndarray):
        if column.dtype.kind in "iu":
            return _json(column)[1:-1].split(b",")
        if column.dtype.kind == "M":
            return _moments(column.astype("datetime64[us]"))
        column = column.tolist()
    if isinstance(column, list | tuple):
        return [_LITERALS[type(value)](value) for value in column]
    return repeat(_LITERALS[type(column)](column), n)


def _moments(column: NDArray[np.datetime64]) -> list[bytes]:
    is_missing = np.isnat(column)
    known = np.where(is_missing, np.datetime64(0, "us"), column)
    texts = _json(known)[1:-1].replace(b'"', b"'").split(b",")
    for place in np.flatnonzero(is_missing).tolist():
        texts[place] = _NULL
    return texts


def _json(values: NDArray[Any]) -> bytes:
    return orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)


def _number(value: float) -> bytes:
    if not math.isfinite(value):
        raise _not_finite()
    return repr(value).encode()


def _not_finite() -> InvalidInputError:
    return InvalidInputError("NaN and infinity cannot be stored; a missing value is None")


@lru_cache(maxsize=4096)
def _text(value: str) -> bytes:
    return f"_utf8mb4 0x{value.encode().hex()}".encode() if value else b"''"


def _bytes(value: bytes) -> bytes:
    return f"0x{value.hex()}".encode() if value else b"''"


@lru_cache(maxsize=16_384)
def _moment(at: datetime) -> bytes:
    return f"'{at.astimezone(UTC).replace(tzinfo=None).isoformat(' ', 'microseconds')}'".encode()


_LITERALS: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda _: _NULL,
    bool: lambda value: b"%d" % value,
    int: lambda value: b"%d" % value,
    float: _number,
    str: _text,
    bytes: _bytes,
    datetime: _moment,
    date: lambda day: f"'{day.isoformat()}'".encode(),
}
