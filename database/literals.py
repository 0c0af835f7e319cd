"""MySQL literals: how columns of values stand in the text of a statement.

The driver turns each parameter into text one by one, which costs more than the write that
follows. Numbers and times are written a whole column at a time. Text and bytes are written in
hexadecimal, so that no value can end its literal.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import groupby, repeat
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from solar.errors import InvalidInputError

_NULL = b"NULL"


def rows_as_text(columns: Sequence[Any], *, n: int) -> list[bytes]:
    """Write n rows, each without the brackets that stand around it.

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
    for are_doubles, group in groupby(columns, _is_double):
        members = list(group)
        parts += [_doubles(members)] if are_doubles else [_literals(own, n) for own in members]
    return list(map(b",".join, zip(*parts, strict=True)))


def _is_double(column: Any) -> bool:
    return isinstance(column, np.ndarray) and column.dtype.kind == "f"


def _doubles(columns: Sequence[NDArray[np.float64]]) -> list[bytes]:
    """Write columns that stand side by side, all of them at once."""
    matrix = np.column_stack(columns).astype(np.float64, copy=False)
    if np.isinf(matrix).any():
        raise _unnamed()
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
        raise _unnamed()
    return repr(value).encode()


def _unnamed() -> InvalidInputError:
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
