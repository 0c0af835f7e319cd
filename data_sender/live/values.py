"""Values as agencies write them: numbers as text, words for nothing, times without a zone."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Any

from solar.errors import InvalidInputError
from solar.time import parse_time

# JSOC's words, SWPC's, and the numbers that stand for nothing at either.
_NOTHING = frozenset(
    {"", "missing", "nan", "-nan", "none", "null", "unk", "unknown", "n/a", "invalid keylink"}
)
_SENTINELS = frozenset({-2147483648.0, -99999.0, -100000.0, -9999.9})
_JSOC_TIME = re.compile(r"(\d{4})\.(\d{2})\.(\d{2})_(.+?)(_UTC|Z)?")


def is_nothing(value: Any) -> bool:
    """Tell whether a value says that there is none."""
    return value is None or (isinstance(value, str) and value.strip().lower() in _NOTHING)


def number(value: Any) -> float:
    """Read a number; NaN for nothing.

    Raises
    ------
    ValueError
        For what is neither a number nor a word for nothing.
    """
    if is_nothing(value):
        return math.nan
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"{value!r} is no number")
    found = float(value)
    return math.nan if found in _SENTINELS or math.isinf(found) else found


def quality(value: Any) -> float:
    """Read a QUALITY, 32 bits in hexadecimal or decimal, also as a signed number."""
    if is_nothing(value):
        return math.nan
    return float(int(str(value).strip(), 0) & 0xFFFFFFFF)


def percent(value: Any) -> float | None:
    """Read a probability in percent, a number or a text such as ``05``, as a share of 1."""
    try:
        found = number(value)
    except ValueError:
        return None
    return found / 100 if 0 <= found <= 100 else None


def utc(value: Any) -> datetime:
    """Read a time that is UTC, whether it says so or not.

    Raises
    ------
    InvalidInputError
        For what is not a time.
    """
    text = str(value).strip()
    jsoc = _JSOC_TIME.fullmatch(text)
    if jsoc and not text.endswith("_TAI"):
        year, month, day, clock = jsoc.groups()[:4]
        text = f"{year}-{month}-{day}T{clock}"
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return parse_time(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def utc_or_none(value: Any) -> datetime | None:
    """Read a time as `utc` does, None for what is none."""
    if is_nothing(value):
        return None
    try:
        return utc(value)
    except InvalidInputError:
        return None
