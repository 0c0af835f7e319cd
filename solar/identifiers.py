"""Identifiers: ULIDs, which sort by the time at which they were made."""

from __future__ import annotations

import re
import secrets
from datetime import datetime

_FORM = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 26


def new_id(now: datetime) -> str:
    """Return a ULID of 26 characters: 48 bits of milliseconds, then 80 random ones.

    Source: the specification of ULID (Crockford's base 32, the highest digit first).
    """
    number = (int(now.timestamp() * 1000) << 80) | secrets.randbits(80)
    return "".join(_DIGITS[number >> 5 * place & 31] for place in reversed(range(LENGTH)))


def is_id(text: str) -> bool:
    """Tell whether a text can be an identifier; MySQL compares it with nothing else."""
    return _FORM.fullmatch(text) is not None
