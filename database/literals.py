"""MySQL literals: how values stand in the text of a statement.

The driver turns each parameter into text one by one, which costs more than the write that
follows. Text and bytes are written in hexadecimal, so that no value can end its literal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from solar.errors import InvalidInputError


def rows_as_text(rows: Iterable[Sequence[Any]]) -> str:
    """Write rows as ``(…),(…)``.

    Raises
    ------
    InvalidInputError
        For NaN and infinity, which SQL cannot name: missing is None.
    """
    text = ",".join(f"({','.join([_LITERALS[type(v)](v) for v in row])})" for row in rows)
    if "nan" in text or "inf" in text:
        raise InvalidInputError("NaN and infinity cannot be stored; a missing value is None")
    return text


def _number(value: float) -> str:
    # Without an exponent it would be a DECIMAL, rounded once more on its way into a DOUBLE.
    text = repr(value)
    return text if "e" in text else f"{text}e0"


def _text(value: str) -> str:
    return f"_utf8mb4 0x{value.encode().hex()}" if value else "''"


def _bytes(value: bytes) -> str:
    return f"0x{value.hex()}" if value else "''"


def _moment(at: datetime) -> str:
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    return f"'{at.replace(tzinfo=None).isoformat(' ', 'microseconds')}'"


_LITERALS: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "NULL",
    bool: lambda value: str(int(value)),
    int: repr,
    float: _number,
    str: _text,
    bytes: _bytes,
    datetime: _moment,
    date: lambda day: f"'{day.isoformat()}'",
}
