"""Values and records as agencies write them, checked and read.

Numbers come as text, several words stand for a missing value, and times have no zone.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from data_sender.sources.live.feed import FeedFormatError
from solar.errors import InvalidInputError
from solar.time import parse_time

logger = logging.getLogger(__name__)

Record = dict[str, Any]
Parsed = TypeVar("Parsed")

# The words and numbers that mark a missing value at JSOC and SWPC.
_MISSING = frozenset(
    {"", "missing", "nan", "-nan", "none", "null", "unk", "unknown", "n/a", "invalid keylink"}
)
_SENTINELS = frozenset({-2147483648.0, -99999.0, -100000.0, -9999.9})
_JSOC_TIME = re.compile(r"(\d{4})\.(\d{2})\.(\d{2})_(.+?)(_UTC|Z)?")


def is_missing(value: Any) -> bool:
    """Tell whether a value marks a missing one."""
    return value is None or (isinstance(value, str) and value.strip().lower() in _MISSING)


def number(value: Any) -> float:
    """Read a number; NaN where it is missing.

    Raises
    ------
    ValueError
        For what is neither a number nor a mark of a missing value.
    """
    if is_missing(value):
        return math.nan
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"{value!r} is no number")
    parsed = float(value)
    return math.nan if parsed in _SENTINELS or math.isinf(parsed) else parsed


def quality(value: Any) -> float:
    """Read a QUALITY, 32 bits in hexadecimal or decimal, also as a signed number."""
    if is_missing(value):
        return math.nan
    return float(int(str(value).strip(), 0) & 0xFFFFFFFF)


def percent(value: Any) -> float | None:
    """Read a probability in percent, a number or a text such as ``05``, as a share of 1."""
    try:
        parsed = number(value)
    except ValueError:
        return None
    return parsed / 100 if 0 <= parsed <= 100 else None


def utc(value: Any) -> datetime:
    """Read a time that is UTC, with a zone or without.

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
    """Read a time as `utc` does; None for anything else."""
    if is_missing(value):
        return None
    try:
        return utc(value)
    except InvalidInputError:
        return None


def checked_records(content: Any, name: str, *, needed: tuple[str, ...]) -> list[Record]:
    """Return the records of a feed; an empty list is an outage, not an error.

    Raises
    ------
    FeedFormatError
        When it is not a list of objects, or none of them has one of the `needed` fields.
    """
    if not isinstance(content, list) or not all(isinstance(one, dict) for one in content):
        raise FeedFormatError(f"{name} is no list of objects: {repr(content)[:120]}")
    if content:
        lacking = [field for field in needed if not any(field in one for one in content)]
        if lacking:
            known = ", ".join(sorted(content[0]))[:200]
            raise FeedFormatError(f"{name} lacks {', '.join(lacking)}; its records have {known}")
    return content


def read_records(
    records: list[Record], reader: Callable[[Record], Parsed | None], name: str
) -> list[Parsed]:
    """Read the records one by one; one that cannot be read is logged and left out.

    Raises
    ------
    FeedFormatError
        When not a single one can be read.
    """
    parsed: list[Parsed] = []
    failed: list[str] = []
    for record in records:
        try:
            value = reader(record)
        except (InvalidInputError, KeyError, TypeError, ValueError) as error:
            failed.append(f"{type(error).__name__}: {error}")
        else:
            if value is not None:
                parsed.append(value)
    if failed and len(failed) == len(records):
        raise FeedFormatError(f"no record of {name} can be read: {failed[0]}")
    if failed:
        logger.warning("%d records of %s cannot be read: %s", len(failed), name, failed[0])
    return parsed
