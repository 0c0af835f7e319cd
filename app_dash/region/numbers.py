"""Region numbers as they are typed: HARP and NOAA numbers, several at once."""

from __future__ import annotations

import re

from solar.errors import InvalidInputError

MOST = 50


def read_numbers(text: str) -> tuple[int, ...]:
    """Read numbers between commas or blanks; ``AR`` and ``HARP`` before them are ignored.

    Raises
    ------
    InvalidInputError
        For anything else, or more than `MOST` numbers.
    """
    parts = re.findall(r"[^\s,;]+", re.sub(r"(?i)\b(noaa|ar|harp)\b", " ", text))
    for part in parts:
        if not re.fullmatch(r"\d{1,7}", part, re.ASCII):
            raise InvalidInputError(
                f"{part!r} is no region number; write HARP or NOAA numbers, as in 3894, 12017"
            )
    if len(parts) > MOST:
        raise InvalidInputError(f"{len(parts)} regions are too many; name at most {MOST}")
    return tuple(int(part) for part in parts)
