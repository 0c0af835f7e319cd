"""Times as they are sent: read as UTC, or refused with a reason."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from app.contract.problems import described
from solar.errors import InvalidInputError
from solar.time import parse_time

# UTC with whole leap seconds begins in 1972; a time beyond 2200 is a slip.
EARLIEST_AT = datetime(1972, 1, 1, tzinfo=UTC)
LATEST_AT = datetime(2200, 1, 1, tzinfo=UTC)
_UTC_FORM = (
    r"^(19[7-9]|20\d|21\d)\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
    r"T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$"
)
_TAI_FORM = r"^\d{4}\.\d{2}\.\d{2}_\d{2}:\d{2}:\d{2}_TAI$"
# No spelling of a time is longer; longer text is neither cached nor shown in full.
_LONGEST = 64
# A plus sign in a URL arrives as a space.
_LOST_PLUS = re.compile(r"(T[\d:.]+) (\d\d:\d\d)")


def read_time(value: object) -> datetime:
    """Read a time for pydantic, which reports a ValueError at its place."""
    if isinstance(value, datetime):
        return _within_limits(value, value.isoformat())
    if not isinstance(value, str):
        raise ValueError(f"is {described(value)}; expected a time such as 2014-03-01T00:00:00Z")
    if len(value) > _LONGEST:
        raise ValueError(
            f"{value[:_LONGEST]!r}... is not a time; it goes on for {len(value):,} characters"
        )
    return _read(_LOST_PLUS.sub(r"\1+\2", value))


# The records of one moment share their time, so a batch has few different ones.
@lru_cache(maxsize=8192)
def _read(text: str) -> datetime:
    try:
        at = parse_time(text)
    except InvalidInputError as error:
        raise ValueError(str(error)) from error
    return _within_limits(at, text)


def _within_limits(at: datetime, text: str) -> datetime:
    if not EARLIEST_AT <= at < LATEST_AT:
        raise ValueError(f"{text!r} lies outside 1972 to 2199")
    return at


Time = Annotated[
    datetime,
    BeforeValidator(read_time),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string", "pattern": p} for p in (_UTC_FORM, _TAI_FORM)],
            "description": "UTC with Z or an offset, or JSOC's TAI label",
            "examples": ["2014-03-01T00:00:00Z", "2014.03.01_00:00:00_TAI"],
        }
    ),
]
