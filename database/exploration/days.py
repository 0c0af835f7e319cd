"""The exploration rollup: what the forecasts of each day amount to, and its upkeep."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from database.engine import transact
from database.exploration.figures import Distribution, KeywordStatistics, distribution, statistics
from database.exploration.selection import Selection
from database.forecasts import forecasting_models
from database.retention.limits import countable
from database.tables import exploration_days, exploration_stale
from database.upsert import Row, upsert
from solar.flares import EVENTS
from solar.time import Window

DAY = timedelta(days=1)
# How many values of a keyword there were, the least, the greatest and their sum; a day without
# any has 0, NaN, NaN, 0.
KEYWORD = np.dtype([("n", "<u4"), ("minimum", "<f8"), ("maximum", "<f8"), ("total", "<f8")])
COUNT = np.dtype("<u4")
COLUMNS = ("model_id", "day", "n", "without_forecast", *(f"{e.column}_peak" for e in EVENTS),
           "counts", "keywords")  # fmt: skip


def mark_exploration(connection: sa.Connection, days: Iterable[date]) -> None:
    """Have the next refresh recompute these UTC days, whose forecasts are new."""
    rows = [(day.isoformat(),) for day in sorted(set(days))]
    upsert(connection, exploration_stale, columns=("day",), rows=rows)


def refresh_exploration(engine: sa.Engine, *, limit_days: int | None = None) -> int:
    """Recompute the stale days, newest first; return how many were.

    Safe to run at any time and several times at once: a day is one transaction that takes its
    mark away before it reads, so that a record that arrives meanwhile marks the day anew.
    """
    done = 0
    while limit_days is None or done < limit_days:
        if not transact(engine, _refresh_newest):
            break
        done += 1
    return done


def day_window(day: date) -> Window:
    """Return the UTC day as a window."""
    start_at = datetime.combine(day, time(), UTC)
    return Window(start_at, start_at + DAY)


def _refresh_newest(connection: sa.Connection) -> bool:
    day = connection.execute(sa.select(sa.func.max(exploration_stale.c.day))).scalar()
    if day is None:
        return False
    connection.execute(exploration_stale.delete().where(exploration_stale.c.day == day))
    if not countable(connection, [day]):
        return True
    found = map(partial(_row, connection, day), forecasting_models(connection))
    upsert(connection, exploration_days, columns=COLUMNS, rows=[row for row in found if row])
    return True


def _row(connection: sa.Connection, day: date, model_id: str) -> Row | None:
    selection = Selection(model_id, day_window(day))
    drawn = distribution(connection, selection)
    if not drawn.n:
        return None
    packed = pack_counts(drawn).tobytes()
    values = pack_keywords(statistics(connection, selection)).tobytes()
    peaks = (drawn.peaks[event.name] for event in EVENTS)
    return (model_id, day.isoformat(), drawn.n, drawn.without_forecast, *peaks, packed, values)


def pack_counts(drawn: Distribution) -> NDArray[np.uint32]:
    """Return the histograms as (events, bins)."""
    return np.array([drawn.counts[event.name] for event in EVENTS], COUNT)


def pack_keywords(rows: list[KeywordStatistics]) -> NDArray[np.void]:
    """Return the statistics as (keywords,) of dtype `KEYWORD`."""
    packed = np.zeros(len(rows), KEYWORD)
    for place, row in enumerate(rows):
        absent = np.nan
        least, most, mean = (
            absent if v is None else v for v in (row.minimum, row.maximum, row.mean)
        )
        packed[place] = (row.n, least, most, row.n * mean if row.n else 0.0)
    return packed
