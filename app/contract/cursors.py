"""Cursors: where a page of a listing ended, for the client to hand back."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import orjson

from app.contract.problems import Fault, RequestError
from app.contract.times import read_time

Row = TypeVar("Row")


def cut(
    rows: list[Row], limit: int, place: Callable[[Row], tuple[Any, ...]]
) -> tuple[list[Row], str | None]:
    """Cut off the one row that was read beyond a page; the cursor is None where there is none."""
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], _cursor_of(place(rows[limit - 1]))


def _cursor_of(place: tuple[Any, ...]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(place)).decode().rstrip("=")


def place_of(cursor: str | None, *kinds: type) -> Any:
    """Read a cursor as a tuple with a value of each kind, None without one."""
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        values = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        place = [
            read_time(value) if kind is datetime else value
            for kind, value in zip(kinds, values, strict=True)
        ]
    except (binascii.Error, TypeError, ValueError) as error:
        raise _bad_cursor() from error
    if not all(_is_place(v, k) for v, k in zip(place, kinds, strict=True)):
        raise _bad_cursor()
    return tuple(place)


def _is_place(value: Any, kind: type) -> bool:
    """Tell whether a store can compare a value with a column of this kind."""
    if isinstance(value, int):
        return kind is int and abs(value) < 2**63
    return isinstance(value, kind) and (not isinstance(value, str) or value.isascii())


def _bad_cursor() -> RequestError:
    fault = Fault("cursor", "is not one that this API gave; begin again without it")
    return RequestError("the query cannot be used; see errors", faults=[fault])
