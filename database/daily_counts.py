"""Daily counts: the cases of one entrant, event and scope on one UTC day of issue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from database.tables import verification_days
from solar.histogram import DayCounts, from_cases, to_bytes
from solar.truth import EVENT, UNKNOWN

COLUMNS = tuple(column.name for column in verification_days.columns)


@dataclass(frozen=True)
class DailyCount:
    """One day: `counts` of the forecasts with known truth, and how many could not be scored.

    `unknown` forecasts have no truth (yet), `withheld` ones no probability.
    """

    day: date
    unknown: int
    withheld: int
    counts: DayCounts


@dataclass(frozen=True)
class Key:
    """Whose forecasts of what: entrant or model, event and scope."""

    model_id: str
    event: str
    scope: str

    def matches(self) -> sa.ColumnElement[bool]:
        """Return the condition on the rollup's key."""
        return sa.and_(*(verification_days.c[name] == value for name, value in vars(self).items()))


def count_days(
    t: NDArray[np.datetime64], probability: NDArray[np.float64], truth: NDArray[np.int8]
) -> list[DailyCount]:
    """Count (n,) cases by day; NaN probability is withheld, whatever the truth."""
    order = np.argsort(t, kind="stable")
    days = t[order].astype("datetime64[D]")
    starts = np.flatnonzero(np.diff(days, prepend=np.datetime64("0001-01-01")).astype(bool))
    members = np.split(order, starts[1:]) if len(starts) else []
    return [
        _count(day, probability[rows], truth[rows])
        for day, rows in zip(days[starts].tolist(), members, strict=True)
    ]


def _count(day: date, probability: NDArray[np.float64], truth: NDArray[np.int8]) -> DailyCount:
    is_given, is_known = ~np.isnan(probability), truth != UNKNOWN
    scored = is_given & is_known
    return DailyCount(
        day,
        unknown=int(np.count_nonzero(is_given & ~is_known)),
        withheld=int(np.count_nonzero(~is_given)),
        counts=from_cases(probability[scored], truth[scored] == EVENT),
    )


def row_of(day: DailyCount, key: Key) -> tuple[object, ...]:
    """Return the rollup row of a day, in the order of `COLUMNS`."""
    counts = day.counts
    return (
        key.model_id, key.event, key.scope, day.day.isoformat(), counts.n, counts.events,
        day.unknown, day.withheld, counts.sum_p2, counts.sum_po, to_bytes(counts.bins),
    )  # fmt: skip
