"""Injected faults: the damage that a tester adds to a source, and its signs in the store."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal, get_args

from solar.errors import InvalidInputError
from solar.time import isoformat

Kind = Literal[
    "gap",
    "late",
    "duplicate",
    "disorder",
    "corrupt",
    "quality",
    "missing-keywords",
    "silence",
    "xrs-gap",
    "satellite-switch",
    "flare-list-delay",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
LONGEST = timedelta(days=31)
LARGEST_SEED = 2**31 - 1


@dataclass(frozen=True)
class Amount:
    """What the amount of a kind means, its limits, and what it is where a file gives none."""

    meaning: str
    least: float
    most: float
    usual: float
    is_whole: bool = False


_SHARE_OF_ROWS = Amount("share of the rows", 0.0, 1.0, 1.0)
_MINUTES = Amount("minutes", 1.0, 1440.0, 60.0)
# Kinds that are not named have no amount.
AMOUNTS: Mapping[Kind, Amount] = {
    "gap": _SHARE_OF_ROWS,
    "late": _MINUTES,
    "duplicate": Amount("copies of each row", 1.0, 10.0, 1.0, is_whole=True),
    "disorder": _MINUTES,
    "corrupt": _SHARE_OF_ROWS,
    "quality": _SHARE_OF_ROWS,
    "missing-keywords": Amount("share of the keywords of each row", 0.0, 1.0, 0.5),
    "xrs-gap": Amount("share of the minutes", 0.0, 1.0, 1.0),
    "flare-list-delay": _MINUTES,
}
# The kinds that may be those of one region alone.
OF_REGIONS: frozenset[Kind] = frozenset(
    {"gap", "late", "duplicate", "disorder", "corrupt", "quality", "missing-keywords"}
)


@dataclass(frozen=True)
class InjectedFault:
    """One fault in a window of event time [start_at, end_at).

    `region` is the HARPNUM of the only region that it concerns, or the NOAA number of one that
    has no HARP. `amount` means what `AMOUNTS` says of the kind, and is None where it has none.
    """

    kind: Kind
    start_at: datetime
    end_at: datetime
    region: int | None = None
    amount: float | None = None
    seed: int = 1

    @property
    def fault_id(self) -> str:
        """Identify the fault by what it does, the same from every sender."""
        span = f"{isoformat(self.start_at)} {isoformat(self.end_at)}"
        told = f"{self.kind} {span} {self.region} {self.amount} {self.seed}"
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    @property
    def delay(self) -> timedelta:
        """How much later than at its own time something of it is sent at most."""
        if self.kind == "silence":
            return self.end_at - self.start_at
        is_late = self.kind in ("late", "disorder", "flare-list-delay")
        return timedelta(minutes=self.amount or 0.0) if is_late else timedelta()


def checked_fault(fault: InjectedFault) -> InjectedFault:
    """Return a fault that can be injected, with the usual amount where it had none.

    Raises
    ------
    InvalidInputError
        With the name of the field that is wrong, and what it may be.
    """
    if fault.kind not in KINDS:
        raise InvalidInputError(f"kind: {fault.kind!r} is none; choose one of {', '.join(KINDS)}")
    if not timedelta() < fault.end_at - fault.start_at <= LONGEST:
        raise InvalidInputError(f"to: must be after from, by at most {LONGEST.days} days")
    if fault.region is not None and (fault.region < 1 or fault.kind not in OF_REGIONS):
        raise InvalidInputError(
            f"region: {fault.kind} concerns the whole source; leave it out"
            if fault.kind not in OF_REGIONS
            else f"region: {fault.region} is no HARPNUM or NOAA number"
        )
    if not 0 <= fault.seed <= LARGEST_SEED:
        raise InvalidInputError(f"seed: must be from 0 to {LARGEST_SEED}")
    amount = _checked_amount(fault)
    return InjectedFault(fault.kind, fault.start_at, fault.end_at, fault.region, amount, fault.seed)


def _checked_amount(fault: InjectedFault) -> float | None:
    rule, amount = AMOUNTS.get(fault.kind), fault.amount
    if rule is None:
        if amount is not None:
            raise InvalidInputError(f"amount: {fault.kind} has none; leave it out")
        return None
    if amount is None:
        return rule.usual
    is_within = math.isfinite(amount) and amount > 0 and rule.least <= amount <= rule.most
    if not is_within or (rule.is_whole and amount != int(amount)):
        least = f"from {rule.least:g} to" if rule.least else "above 0 and at most"
        raise InvalidInputError(
            f"amount: the {rule.meaning}, {'a whole number ' if rule.is_whole else ''}{least}"
            f" {rule.most:g}"
        )
    return float(amount)


def stale_at(
    arrivals: Iterable[tuple[datetime, datetime]], *, stale_after: timedelta, now: datetime
) -> list[datetime]:
    """Return when the data became or were still stale, by when each time of record arrived.

    Parameters
    ----------
    arrivals : the time of arrival and that of the record, both of the Sun, in any order
    stale_after : the greatest age of the newest record that is not stale
    """
    ordered = sorted(arrivals)
    begun: list[datetime] = []
    newest: datetime | None = None
    followed_at = [*(arrived_at for arrived_at, _ in ordered), now][1:]
    for (arrived_at, t_rec), next_at in zip(ordered, followed_at, strict=True):
        newest = t_rec if newest is None else max(newest, t_rec)
        at = max(arrived_at, newest + stale_after)
        if at < next_at:
            begun.append(at)
    return begun


def late_records(records: Iterable[tuple[int, datetime, datetime]], *, until: datetime) -> int:
    """Count the records before a time that came after a newer one of their region.

    Parameters
    ----------
    records : region, time of the record, and when it was received
    """
    n, earliest = 0, dict[int, datetime]()
    for region_id, t_rec, received_at in sorted(
        records, key=lambda record: record[1], reverse=True
    ):
        first = earliest.setdefault(region_id, received_at)
        n += t_rec < until and received_at > first
        earliest[region_id] = min(first, received_at)
    return n


def gap_noted_at(
    times: Sequence[datetime], fault: InjectedFault, *, longest_step: timedelta
) -> list[datetime]:
    """Return the end of the first gap in the records of a region that touches a fault, if any."""
    ends = (
        following
        for last, following in pairwise(times)
        if following - last > longest_step and following > fault.start_at and last < fault.end_at
    )
    first = next(ends, None)
    return [] if first is None else [first]


def allotted(total: int, expected: Mapping[str, int]) -> dict[str, int]:
    """Share a count among faults in their order, to each what it is expected to have caused."""
    shares: dict[str, int] = {}
    for fault_id, most in expected.items():
        shares[fault_id] = min(total, most)
        total -= shares[fault_id]
    return shares
