"""The count of a sender: how many rows it has sent by its own numbers, and which are missing.

A sender numbers its rows from 1 on. A request of n rows with `sent` = b holds the numbers b - n + 1
to b. Requests may arrive in another order than they were made, and more than once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

# A stretch of row numbers, the first and the last of them.
Stretch = tuple[int, int]
Bools = NDArray[np.bool_]

# More of them fit in their column, also with the largest numbers.
MOST_STRETCHES = 24


@dataclass(frozen=True)
class SentCount:
    """The rows that a sender has sent, by its own count; None when it does not count.

    Parameters
    ----------
    before : how many of the `total` belong to earlier counts, since a sender may lose its state
    missing : the row numbers of the present count below its highest one that have not arrived, in
        ascending order; of more than MOST_STRETCHES stretches only the last are known
    """

    total: int | None
    before: int
    missing: tuple[Stretch, ...] = ()

    @property
    def highest(self) -> int:
        """The highest row number of the present count that has arrived."""
        return (self.total or 0) - self.before


def read_stretches(text: str | None) -> tuple[Stretch, ...]:
    """Read stretches such as ``101-200,301-301``; none where there is no text."""
    pairs = (part.split("-") for part in (text or "").split(",") if part)
    return tuple((int(first), int(last)) for first, last in pairs)


def write_stretches(stretches: tuple[Stretch, ...]) -> str | None:
    """Write stretches as `read_stretches` reads them; None where there are none."""
    return ",".join(f"{first}-{last}" for first, last in stretches) or None


def advance_count(
    known: SentCount, sent: int | None, *, n: int, received: int
) -> tuple[SentCount, Bools]:
    """Advance a sender's own count by a request of n rows; `received` rows arrived before it.

    Returns
    -------
    the new count, and which of the rows (n,) had been sent before: a request whose answer was
    lost is sent again, with the same `sent`, and sometimes longer. Rows above the highest number,
    and those that were missing, are new.
    """
    if sent is None:
        return _without_number(known, n), np.zeros(n, np.bool_)
    known = _present_count(known, sent, n=n, received=received)
    first, highest = sent - n + 1, known.highest
    repeated = np.arange(n) < highest + 1 - first
    for low, high in known.missing:
        repeated[max(0, low - first) : max(0, high + 1 - first)] = False
    missing = _cut(known.missing, first, sent)
    if first > highest + 1:
        missing += ((highest + 1, first - 1),)
    total = known.before + max(highest, sent)
    return SentCount(total, known.before, missing[-MOST_STRETCHES:]), repeated


def advance_unordered_count(
    known: SentCount, sent: int | None, *, n: int, received: int
) -> tuple[SentCount, Bools]:
    """Advance the count of a sender whose rows arrive in any order, each of them once."""
    is_new = np.zeros(n, np.bool_)
    if sent is None:
        return _without_number(known, n), is_new
    if known.total is None:
        known = SentCount(received, received)
    return replace(known, total=known.before + max(known.highest, sent)), is_new


def _without_number(known: SentCount, n: int) -> SentCount:
    """Count the rows of a sender that has stopped counting: it has sent these, no more."""
    if known.total is None:
        return known
    return replace(known, total=known.total + n, before=known.before + n)


def _present_count(known: SentCount, sent: int, *, n: int, received: int) -> SentCount:
    """Return the count that a request belongs to: the known one, or one that begins.

    A first request below the highest number is that of a sender that has lost its state, unless
    some of it is known to be missing: then a later one has overtaken it. When both have arrived,
    nobody can tell the first one repeated from a count that begins anew.
    """
    if known.total is None:
        return SentCount(received, received)
    is_first = sent <= n and sent < known.highest
    if is_first and not any(low <= sent for low, _ in known.missing):
        return SentCount(known.total, known.total)
    return known


def _cut(stretches: tuple[Stretch, ...], first: int, last: int) -> tuple[Stretch, ...]:
    """Return what is left of stretches without the numbers from first to last."""
    left: list[Stretch] = []
    for low, high in stretches:
        left += [(low, min(high, first - 1)), (max(low, last + 1), high)]
    return tuple((low, high) for low, high in left if low <= high)
