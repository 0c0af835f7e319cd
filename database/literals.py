"""MySQL literals: how values stand in the text of a statement.

The driver turns each parameter into text one by one, which costs more than the write that
follows. Text and bytes are written in hexadecimal, so that no value can end its literal.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from solar.errors import InvalidInputError


def rows_as_text(rows: Sequence[Sequence[Any]], *, numbers: Collection[int] = ()) -> str:
    """Write rows as ``(…),(…)``.

    Parameters
    ----------
    numbers : places that hold nothing but floats and None; these are written all at once,
        several times faster than one by one

    Raises
    ------
    InvalidInputError
        For NaN and infinity, which SQL cannot name: missing is None.
    """
    width = len(rows[0])
    others = [place for place in range(width) if place not in numbers]
    pattern = f"({','.join('%r' if place in numbers else '%s' for place in range(width))})"
    text = ",".join([pattern % _with_literals(row, others) for row in rows])
    if "nan" in text or "inf" in text:
        raise InvalidInputError("NaN and infinity cannot be stored; a missing value is None")
    # Neither hexadecimal nor a number holds these letters, so they are missing numbers.
    return text.replace("None", "NULL")


def _with_literals(row: Sequence[Any], places: Sequence[int]) -> tuple[Any, ...]:
    values = list(row)
    for place in places:
        value = values[place]
        values[place] = _LITERALS[type(value)](value)
    return tuple(values)


@lru_cache(maxsize=4096)
def _text(value: str) -> str:
    return f"_utf8mb4 0x{value.encode().hex()}" if value else "''"


def _bytes(value: bytes) -> str:
    return f"0x{value.hex()}" if value else "''"


@lru_cache(maxsize=16_384)
def _moment(at: datetime) -> str:
    return f"'{at.astimezone(UTC).replace(tzinfo=None).isoformat(' ', 'microseconds')}'"


_LITERALS: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "NULL",
    bool: lambda value: str(int(value)),
    int: repr,
    float: repr,
    str: _text,
    bytes: _bytes,
    datetime: _moment,
    date: lambda day: f"'{day.isoformat()}'",
}
