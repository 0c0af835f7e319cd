"""The day table: the daily counts of one entrant over a range, column by column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from database.daily_counts import DailyCount, Key
from database.tables import verification_days
from solar.bins import sums
from solar.histogram import BIN, dense, from_bytes, to_bytes
from solar.tally import Stacked

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_READ = ("day", "n", "events", "unknown", "withheld", "sum_p2", "sum_po", "bins")
# A century of days; the limit keeps a wrong range from reading without end.
_MOST_DAYS = 36_600


@dataclass(frozen=True)
class DayTable:
    """Daily counts, one row per day that has any, ascending; `day` counts days since 1970.

    `bins` (b,) of dtype `BIN` holds the occupied bins of all days, `bin_row` (b,) the row
    that each belongs to.
    """

    day: Integers
    n: Integers
    events: Integers
    unknown: Integers
    withheld: Integers
    sum_p2: Floats
    sum_po: Floats
    bins: NDArray[np.void]
    bin_row: Integers

    def stacked(self, first: int, last: int) -> Stacked:
        """Lay the days on the calendar from day `first` to `last`, both included."""
        place = self.day - first
        p2, po = (sums(place, part, length=last - first + 1) for part in (self.sum_p2, self.sum_po))
        return dense(place[self.bin_row], self.bins, sum_p2=p2, sum_po=po)


def span(tables: Sequence[DayTable]) -> tuple[int, int]:
    """Return the first and last day of all tables together.

    Days without forecasts at the ends of a range are no quiet days: a bootstrap that drew
    them would widen every interval.
    """
    days = np.concatenate([table.day for table in tables])
    return (int(days.min()), int(days.max())) if days.size else (0, -1)


def load_days(connection: sa.Connection, key: Key, *, first: date, last: date) -> DayTable:
    """Read the stored days from `first` to `last`, both included."""
    return _table(connection.execute(_between(key, _READ, first=first, last=last)).all())


def as_table(days: Sequence[DailyCount]) -> DayTable:
    """Lay daily counts out in columns."""
    return _table(
        [
            (d.day, d.counts.n, d.counts.events, d.unknown, d.withheld, d.counts.sum_p2,
             d.counts.sum_po, to_bytes(d.counts.bins))
            for d in days
        ]
    )  # fmt: skip


def load_cases(
    connection: sa.Connection, key: Key, *, first: date, last: date
) -> tuple[Integers, Floats, Floats]:
    """Read day (k,), cases (k,) and events (k,) without the histograms."""
    rows = connection.execute(_between(key, _READ[:3], first=first, last=last)).all()
    day, n, events = _columns(rows, 3)
    return _day_numbers(day), np.array(n, float), np.array(events, float)


def stored_range(connection: sa.Connection, keys: Sequence[Key]) -> tuple[date, date] | None:
    """Return the first and last stored day of all keys together, None when there is none."""
    table = verification_days.c
    bounds = [
        connection.execute(
            sa.select(sa.func.min(table.day), sa.func.max(table.day)).where(key.matches())
        ).one()
        for key in keys
    ]
    known = [(first, last) for first, last in bounds if first is not None]
    if not known:
        return None
    return min(first for first, _ in known), max(last for _, last in known)


def _between(
    key: Key, names: Sequence[str], *, first: date, last: date
) -> sa.Select[tuple[Any, ...]]:
    table = verification_days.c
    # As the driver gives it: text or date, both of which numpy understands.
    day = sa.type_coerce(table.day, sa.types.NullType())
    return (
        sa.select(day, *(table[name] for name in names[1:]))
        .where(key.matches(), table.day >= first, table.day <= last)
        .order_by(table.day)
        .limit(_MOST_DAYS)
    )


def _table(rows: Sequence[Sequence[Any]]) -> DayTable:
    day, n, events, unknown, withheld, sum_p2, sum_po, bins = _columns(rows, len(_READ))
    lengths = [len(one) // BIN.itemsize for one in bins]
    return DayTable(
        _day_numbers(day),
        n=np.array(n, np.int64),
        events=np.array(events, np.int64),
        unknown=np.array(unknown, np.int64),
        withheld=np.array(withheld, np.int64),
        sum_p2=np.array(sum_p2, float),
        sum_po=np.array(sum_po, float),
        bins=from_bytes(b"".join(bins)),
        bin_row=np.repeat(np.arange(len(rows)), lengths),
    )


def _columns(rows: Sequence[Sequence[Any]], width: int) -> list[tuple[Any, ...]]:
    return list(zip(*rows, strict=True)) or [()] * width


def _day_numbers(days: Sequence[Any]) -> Integers:
    return np.array(days, "datetime64[D]").astype(np.int64)
