"""What a selection amounts to: from its records, or over any range from the rollup of days."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from database.exploration.days import (
    COUNT,
    DAY,
    KEYWORD,
    day_window,
    pack_counts,
    pack_keywords,
)
from database.exploration.figures import (
    N_BINS,
    Distribution,
    KeywordStatistics,
    distribution,
    distribution_beside,
    statistics,
)
from database.exploration.selection import Selection
from database.exploration.times import Times, record_times
from database.tables import exploration_days, exploration_stale
from solar.flares import EVENTS, Event
from solar.sharp import KEYWORDS
from solar.time import Window

# Days that are counted on the spot: those cut by the range's ends and those marked stale. More
# would make a view slow; they are in the rollup a little later.
MOST_COUNTED = 4
# A century of days; the limit keeps a wrong range from reading without end.
_MOST_DAYS = 36_600


@dataclass(frozen=True)
class Amounts:
    """What a selection amounts to; `times` has a moment per frame, or one per day."""

    distribution: Distribution
    statistics: list[KeywordStatistics]
    times: Times


@dataclass(frozen=True)
class _Part:
    """One day, or a piece of one: `counts` (events, bins), `keywords` (keywords,) of `KEYWORD`."""

    day: date
    n: int
    without_forecast: int
    peaks: tuple[float | None, ...]
    counts: NDArray[np.uint32]
    keywords: NDArray[np.void]


def records_amounts(connection: sa.Connection, selection: Selection, event: Event) -> Amounts:
    """Add up the records of a bounded selection; `times` has one moment per frame."""
    return Amounts(
        distribution_beside(connection, selection),
        statistics(connection, selection),
        record_times(connection, selection, event),
    )


def days_amounts(connection: sa.Connection, selection: Selection, event: Event) -> Amounts | None:
    """Add up the days of an unfiltered selection; None while the rollup is behind.

    `times` has one moment per day, and the greatest probability of the event.

    The days that the window cuts are counted from their records, and so are stale days as long
    as they are few.
    """
    whole, cut = _days_of(selection.window)
    stale = _stale(connection, whole)
    if len(cut) + len(stale) > MOST_COUNTED:
        return None
    stored = [part for part in _stored(connection, selection, whole) if part.day not in stale]
    windows = [*cut, *map(day_window, stale)]
    counted = [_counted(connection, replace(selection, window=window)) for window in windows]
    parts = [*stored, *(part for part in counted if part.n)]
    return _sum(parts, EVENTS.index(event)) if stored else None


def _days_of(window: Window) -> tuple[tuple[date, date], list[Window]]:
    """Divide a window into its whole days [first, last) and the pieces at its ends."""
    first = _midnight(window.start_at)
    first = first if first == window.start_at else first + DAY
    last = _midnight(window.end_at)
    if first >= last:
        return (first.date(), first.date()), [window]
    pieces = ((window.start_at, first), (last, window.end_at))
    return (first.date(), last.date()), [Window(a, b) for a, b in pieces if a < b]


def _midnight(at: datetime) -> datetime:
    return datetime.combine(at.astimezone(UTC).date(), time(), UTC)


def _stale(connection: sa.Connection, days: tuple[date, date]) -> set[date]:
    day = exploration_stale.c.day
    marked = sa.select(day).where(day >= days[0], day < days[1]).limit(MOST_COUNTED + 1)
    return set(connection.execute(marked).scalars())


def _stored(
    connection: sa.Connection, selection: Selection, days: tuple[date, date]
) -> Iterable[_Part]:
    table = exploration_days.c
    peaks = [table[f"{event.column}_peak"] for event in EVENTS]
    rows = connection.execute(
        sa.select(table.day, table.n, table.without_forecast, *peaks, table.counts, table.keywords)
        .where(table.model_id == selection.model_id, table.day >= days[0], table.day < days[1])
        .order_by(table.day)
        .limit(_MOST_DAYS)
    )  # fmt: skip
    return map(_unpacked, rows)


def _unpacked(row: Sequence[Any]) -> _Part:
    day, n, without_forecast, *peaks, counts, keywords = row
    histograms = np.frombuffer(counts, COUNT).reshape(len(EVENTS), N_BINS)
    values = np.frombuffer(keywords, KEYWORD)
    return _Part(day, n, without_forecast, tuple(peaks), histograms, values)


def _counted(connection: sa.Connection, selection: Selection) -> _Part:
    drawn = distribution(connection, selection)
    return _Part(
        selection.window.start_at.date(),
        drawn.n,
        drawn.without_forecast,
        tuple(drawn.peaks[event.name] for event in EVENTS),
        pack_counts(drawn),
        pack_keywords(statistics(connection, selection)),
    )


def _sum(parts: Sequence[_Part], shown: int) -> Amounts:
    peaks = np.array([part.peaks for part in parts], np.float64)
    times = Times(
        np.array([part.day for part in parts], "datetime64[us]"),
        np.array([part.n for part in parts], np.int64),
        peaks[:, shown],
    )
    counts = np.stack([part.counts for part in parts]).sum(axis=0, dtype=np.int64)
    drawn = Distribution(
        n=sum(part.n for part in parts),
        without_forecast=sum(part.without_forecast for part in parts),
        counts={event.name: counts[i].tolist() for i, event in enumerate(EVENTS)},
        peaks={event.name: _greatest(peaks[:, i]) for i, event in enumerate(EVENTS)},
    )
    return Amounts(drawn, _merged(np.stack([part.keywords for part in parts])), times)


def _greatest(values: NDArray[np.float64]) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.max()) if known.size else None


def _merged(days: NDArray[np.void]) -> list[KeywordStatistics]:
    """Add statistics (days, keywords) of dtype `KEYWORD` up over the days."""
    columns = zip(
        KEYWORDS,
        days["n"].sum(axis=0, dtype=np.int64).tolist(),
        np.fmin.reduce(days["minimum"], axis=0).tolist(),
        np.fmax.reduce(days["maximum"], axis=0).tolist(),
        days["total"].sum(axis=0).tolist(),
        strict=True,
    )
    return [
        KeywordStatistics(keyword, n, least, most, total / n)
        if n
        else KeywordStatistics(keyword, 0, None, None, None)
        for keyword, n, least, most, total in columns
    ]
