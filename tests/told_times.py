"""The times that a text tells of, in ISO 8601 or as pages write them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
ISO = re.compile(
    r"\b(20\d\d-[01]\d-[0-3]\d)(?:(?:T|%20| )([0-2]\d(?::|%3A)[0-5]\d(?:(?::|%3A)\d\d)?))?"
)
WRITTEN = re.compile(rf"\b(\d{{1,2}}) ({'|'.join(MONTHS)})(?: (20\d\d))?(?:,? (\d\d:\d\d))?")


def times(text: str, *, year: int) -> Iterator[datetime]:
    """Yield every time in a text; one without a year is in `year`."""
    for day, clock in ISO.findall(text):
        yield datetime.fromisoformat(f"{day}T{clock.replace('%3A', ':') or '00:00'}+00:00")
    for day, month, written, clock in WRITTEN.findall(text):
        hour, minute = (clock or "00:00").split(":")
        at = datetime(int(written or year), MONTHS.index(month) + 1, int(day), tzinfo=UTC)
        yield at + timedelta(hours=int(hour), minutes=int(minute))
