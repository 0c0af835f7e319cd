"""The exploration rollup: the forecasts of each day summarised, and sums over any range of days."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from database.engine import reading, transact
from database.exploration.selection import Selection
from database.exploration.statistics import (
    N_BINS,
    Distribution,
    KeywordStatistics,
    Times,
    distribution,
    distribution_ignoring_own_limits,
    record_times,
    statistics,
)
from database.known import known_until
from database.leads.leads import has_leads
from database.predictions.forecasts import forecasting_models
from database.rollup_days import Marks, countable, settle_marks
from database.schema.rollup_tables import (
    exploration_days,
    exploration_lead_days,
    exploration_stale,
)
from database.upsert import Row, upsert
from solar.flares import EVENTS, Event
from solar.sharp import KEYWORDS
from solar.time import Window
from solar.windows import DAY, WINDOWS

_DAY = timedelta(days=1)
# The values of a keyword: their number, the least, the greatest and the sum; a day without any has
# 0, NaN, NaN, 0.
KEYWORD_TYPE = np.dtype([("n", "<u4"), ("minimum", "<f8"), ("maximum", "<f8"), ("total", "<f8")])
COUNT_TYPE = np.dtype("<u4")
_OF_DAY = (
    "day",
    "n",
    "without_forecast",
    *(f"{e.column}_peak" for e in EVENTS),
    "counts",
    "keywords",
)
_OTHER_WINDOWS = tuple(window for window in WINDOWS if window != DAY)

# The days that a view counts itself: those cut by the range's ends and those marked stale. More
# would make it slow; they are in the rollup a little later.
MOST_COUNTED = 4
# A century of days; the limit keeps a wrong range from reading without end.
_MOST_DAYS = 36_600


@dataclass(frozen=True)
class SelectionSummary:
    """The summary of a selection; `times` has one moment per record time, or one per day."""

    distribution: Distribution
    statistics: list[KeywordStatistics]
    times: Times


@dataclass(frozen=True)
class _Part:
    """One day, or a piece of one: `counts` (events, bins), `keywords` (keywords,) as packed."""

    day: date
    n: int
    without_forecast: int
    peaks: tuple[float | None, ...]
    counts: NDArray[np.uint32]
    keywords: NDArray[np.void]


def refresh_exploration(engine: sa.Engine, *, limit_days: int | None = None) -> int:
    """Recompute the stale days, newest first; return how many were.

    Safe to run at any time and several times at once: a day is counted without a lock, and one that
    is marked again meanwhile is counted again by the next refresh.
    """
    done, last = 0, date.max
    while limit_days is None or done < limit_days:
        with reading(engine, seconds=None) as connection:
            marks = _newest_mark(connection, before=last)
            days = countable(connection, list(marks))
            rows = [row for day in days for row in _rows(connection, day)]
            of_leads = [row for day in days for row in _lead_rows(connection, day)]
        if not marks:
            break
        (last,) = marks
        done += transact(engine, partial(_keep, rows=rows, of_leads=of_leads, marks=marks))
    return done


def _day_window(day: date) -> Window:
    """Return the UTC day as a window."""
    start_at = datetime.combine(day, time(), UTC)
    return Window(start_at, start_at + _DAY)


def _newest_mark(connection: sa.Connection, *, before: date) -> Marks:
    table = exploration_stale.c
    query = sa.select(table.day, table.stamp).where(table.day < before).order_by(table.day.desc())
    return {row.day: row.stamp for row in connection.execute(query.limit(1))}


def _keep(
    connection: sa.Connection, *, rows: Sequence[Row], of_leads: Sequence[Row], marks: Marks
) -> int:
    settled = settle_marks(connection, exploration_stale, marks)
    if settled:
        upsert(connection, exploration_days, columns=("model_id", *_OF_DAY), rows=rows)
        columns = ("model_id", "window_name", *_OF_DAY)
        upsert(connection, exploration_lead_days, columns=columns, rows=of_leads)
    return len(settled)


def _rows(connection: sa.Connection, day: date) -> list[Row]:
    rows: list[Row] = []
    for model_id in forecasting_models(connection):
        selection = Selection(model_id, _day_window(day))
        total = distribution(connection, selection)
        if total.n:
            keywords = _pack_keywords(statistics(connection, selection))
            rows.append((model_id, *_of_day(day, total, keywords)))
    return rows


def _lead_rows(connection: sa.Connection, day: date) -> list[Row]:
    """Return a row for each model and window; all windows of a model have the same records."""
    rows: list[Row] = []
    for model_id in forecasting_models(connection):
        if not has_leads(connection, model_id, _day_window(day)):
            continue
        selections = [Selection(model_id, _day_window(day), of=of) for of in _OTHER_WINDOWS]
        keywords = _pack_keywords(statistics(connection, selections[0]))
        for one in selections:
            total = distribution(connection, one)
            rows.append((model_id, one.of.name, *_of_day(day, total, keywords)))
    return rows


def _of_day(day: date, total: Distribution, keywords: NDArray[np.void]) -> Row:
    peaks = (total.peaks[event.name] for event in EVENTS)
    packed = _pack_counts(total).tobytes(), keywords.tobytes()
    return (day.isoformat(), total.n, total.without_forecast, *peaks, *packed)


def _pack_counts(total: Distribution) -> NDArray[np.uint32]:
    """Return the histograms as (events, bins)."""
    return np.array([total.counts[event.name] for event in EVENTS], COUNT_TYPE)


def _pack_keywords(rows: list[KeywordStatistics]) -> NDArray[np.void]:
    """Return the statistics as (keywords,) of dtype `KEYWORD_TYPE`."""
    packed = np.zeros(len(rows), KEYWORD_TYPE)
    for place, row in enumerate(rows):
        least, most, mean = (
            np.nan if v is None else v for v in (row.minimum, row.maximum, row.mean)
        )
        packed[place] = (row.n, least, most, row.n * mean if row.n else 0.0)
    return packed


def summarise_records(
    connection: sa.Connection, selection: Selection, event: Event
) -> SelectionSummary:
    """Add up the records of a bounded selection; `times` has one moment per record time."""
    return SelectionSummary(
        distribution_ignoring_own_limits(connection, selection),
        statistics(connection, selection),
        record_times(connection, selection, event),
    )


def summarise_days(
    connection: sa.Connection, selection: Selection, event: Event
) -> SelectionSummary | None:
    """Add up the days of an unfiltered selection; None while the rollup is behind.

    `times` has one moment per day, and the greatest probability of the event. The days that the
    window cuts are counted from their records, and so are stale days as long as they are few.
    """
    whole, cut = _known_days_of(connection, selection.window)
    stale = _stale(connection, whole)
    if len(cut) + len(stale) > MOST_COUNTED:
        return None
    stored = [part for part in _stored(connection, selection, whole) if part.day not in stale]
    windows = [*cut, *map(_day_window, stale)]
    counted = [_count_part(connection, replace(selection, window=window)) for window in windows]
    parts = [*stored, *(part for part in counted if part.n)]
    return _sum(parts, EVENTS.index(event)) if stored else None


def _known_days_of(
    connection: sa.Connection, window: Window
) -> tuple[tuple[date, date], list[Window]]:
    """Divide as `_days_of`; the day on which knowledge ends is counted from its records."""
    until = known_until(connection)
    begins = None if until is None else _midnight(until)
    if begins is None or begins not in window or begins == window.start_at:
        return _days_of(window)
    whole, cut = _days_of(Window(window.start_at, begins))
    return whole, [*cut, Window(begins, window.end_at)]


def _days_of(window: Window) -> tuple[tuple[date, date], list[Window]]:
    """Divide a window into its whole days [first, last) and the pieces at its ends."""
    first = _midnight(window.start_at)
    first = first if first == window.start_at else first + _DAY
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
    table, of = exploration_days.c, []
    if selection.of != DAY:
        table = exploration_lead_days.c
        of = [table.window_name == selection.of.name]
    peaks = [table[f"{event.column}_peak"] for event in EVENTS]
    rows = connection.execute(
        sa.select(table.day, table.n, table.without_forecast, *peaks, table.counts, table.keywords)
        .where(table.model_id == selection.model_id, *of)
        .where(table.day >= days[0], table.day < days[1])
        .order_by(table.day)
        .limit(_MOST_DAYS)
    )
    return map(_unpacked, rows)


def _unpacked(row: Sequence[Any]) -> _Part:
    day, n, without_forecast, *peaks, counts, keywords = row
    histograms = np.frombuffer(counts, COUNT_TYPE).reshape(len(EVENTS), N_BINS)
    values = np.frombuffer(keywords, KEYWORD_TYPE)
    return _Part(day, n, without_forecast, tuple(peaks), histograms, values)


def _count_part(connection: sa.Connection, selection: Selection) -> _Part:
    total = distribution(connection, selection)
    return _Part(
        selection.window.start_at.date(),
        total.n,
        total.without_forecast,
        tuple(total.peaks[event.name] for event in EVENTS),
        _pack_counts(total),
        _pack_keywords(statistics(connection, selection)),
    )


def _sum(parts: Sequence[_Part], column: int) -> SelectionSummary:
    peaks = np.array([part.peaks for part in parts], np.float64)
    times = Times(
        np.array([part.day for part in parts], "datetime64[us]"),
        np.array([part.n for part in parts], np.int64),
        peaks[:, column],
    )
    counts = np.stack([part.counts for part in parts]).sum(axis=0, dtype=np.int64)
    total = Distribution(
        n=sum(part.n for part in parts),
        without_forecast=sum(part.without_forecast for part in parts),
        counts={event.name: counts[i].tolist() for i, event in enumerate(EVENTS)},
        peaks={event.name: _greatest(peaks[:, i]) for i, event in enumerate(EVENTS)},
    )
    return SelectionSummary(total, _merged(np.stack([part.keywords for part in parts])), times)


def _greatest(values: NDArray[np.float64]) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.max()) if known.size else None


def _merged(days: NDArray[np.void]) -> list[KeywordStatistics]:
    """Add up statistics (days, keywords) of dtype `KEYWORD_TYPE` over the days."""
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
