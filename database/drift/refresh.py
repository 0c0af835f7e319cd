"""The drift rollup: per model and day, how keywords and probabilities lie in its bins."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from database.drift.layout import Counts, Layout, count_by_day, layout_of
from database.engine import reading, transact
from database.forecasts import load_forecasts
from database.models import list_models
from database.retention.limits import countable
from database.tables import drift_days, drift_stale, observations
from database.upsert import upsert
from solar.flares import event
from solar.sharp import KEYWORDS, LONGITUDE_LIMIT_DEG
from solar.time import Window

COLUMNS = tuple(column.name for column in drift_days.columns)
# So many days are held in memory at once.
CHUNK_DAYS = 10
_DAY_PLACE = COLUMNS.index("day")
_MOST_OUTDATED = 40_000
_DAY = timedelta(days=1)

Floats = NDArray[np.float64]
Layouts = dict[str, Layout]
Row = tuple[object, ...]


@dataclass(frozen=True)
class _Sightings:
    """The records of some days as columns: `day` (n,) from 0 on, `hour` (n,) since 1970."""

    day: Counts
    hour: Counts
    keywords: dict[str, Floats]


def mark_drift(connection: sa.Connection, days: Iterable[date]) -> None:
    """Have the next refresh count these UTC days again."""
    stamp = secrets.randbits(62)
    rows = [(day.isoformat(), stamp) for day in sorted(set(days))]
    upsert(connection, drift_stale, columns=("day", "stamp"), rows=rows)


def refresh_drift(engine: sa.Engine, *, limit_days: int | None = None) -> int:
    """Count the stale days, oldest first; return how many were.

    Safe to run at any time and several times at once, and nothing waits for it: days are counted
    without a lock, and a count is kept only if its day was not marked again meanwhile. While no
    model has a training reference, the marks wait.
    """
    with reading(engine) as connection:
        layouts = _layouts(connection)
        outdated = _outdated(connection, layouts)
    if outdated:
        transact(engine, lambda connection: mark_drift(connection, outdated))
    done = 0
    while layouts and (limit_days is None or done < limit_days):
        most = CHUNK_DAYS if limit_days is None else min(CHUNK_DAYS, limit_days - done)
        counted = _refresh_chunk(engine, layouts, most=most)
        if not counted:
            break
        done += counted
    return done


def _layouts(connection: sa.Connection) -> Layouts:
    layouts = {
        model.model_id: layout_of(model)
        for model in list_models(connection)
        if model.stage != "retired"
    }
    return {model_id: layout for model_id, layout in layouts.items() if layout is not None}


def _outdated(connection: sa.Connection, layouts: Layouts) -> list[date]:
    """Return days that were counted in other bins than a model has by now."""
    table = drift_days.c
    days: list[date] = []
    for model_id, layout in layouts.items():
        others = sa.select(table.day).where(
            table.model_id == model_id, table.layout != layout.digest
        )
        days += connection.execute(others.order_by(table.day).limit(_MOST_OUTDATED)).scalars()
    return countable(connection, days)


def _refresh_chunk(engine: sa.Engine, layouts: Layouts, *, most: int) -> int:
    with reading(engine) as connection:
        marks = _next_marks(connection, most)
        if not marks:
            return 0
        days = countable(connection, list(marks))
        rows = _all_rows(connection, layouts, days) if days else []
    return transact(engine, partial(_keep, rows=rows, marks=marks))


def _all_rows(connection: sa.Connection, layouts: Layouts, days: Sequence[date]) -> list[Row]:
    seen = _sightings(connection, days)
    rows: list[Row] = []
    for model_id, layout in layouts.items():
        rows += _rows(connection, model_id, layout, days=days, seen=seen)
    return rows


def _next_marks(connection: sa.Connection, most: int) -> dict[date, int]:
    """Return the oldest stale day and those that follow it without a gap, with their stamps."""
    query = sa.select(drift_stale.c.day, drift_stale.c.stamp).order_by(drift_stale.c.day)
    stale = connection.execute(query.limit(most)).all()
    return {
        day: stamp for place, (day, stamp) in enumerate(stale) if day - stale[0].day == place * _DAY
    }


def _keep(connection: sa.Connection, *, rows: Sequence[Row], marks: Mapping[date, int]) -> int:
    """Write the counts of those days whose marks are still the ones that were seen."""
    table = drift_stale.c
    kept = {
        day.isoformat()
        for day, stamp in marks.items()
        if connection.execute(
            drift_stale.delete().where(table.day == day, table.stamp == stamp)
        ).rowcount
    }
    fresh = [row for row in rows if row[_DAY_PLACE] in kept]
    upsert(connection, drift_days, columns=COLUMNS, rows=fresh)
    return len(kept)


def _window(days: Sequence[date]) -> Window:
    first = datetime.combine(days[0], time(), UTC)
    return Window(first, first + len(days) * _DAY)


def _sightings(connection: sa.Connection, days: Sequence[date]) -> _Sightings:
    """Read the records that may feed a forecast: those within the limit of longitude."""
    window, table = _window(days), observations.c
    # As the driver gives it: text or naive datetime, both of which numpy understands.
    t_rec = sa.type_coerce(table.t_rec, sa.types.NullType())
    rows = connection.execute(
        sa.select(t_rec, table.lon_fwt, *(table[k.column] for k in KEYWORDS)).where(
            table.t_rec >= window.start_at, table.t_rec < window.end_at
        )
    ).all()
    at = np.array([row[0] for row in rows], "datetime64[us]")
    numbers = np.array([row[1:] for row in rows], float).reshape(len(rows), 1 + len(KEYWORDS))
    is_near = ~(np.abs(numbers[:, 0]) > LONGITUDE_LIMIT_DEG)
    columns = numbers[is_near].T[1:]
    return _Sightings(
        _day_of(at[is_near], days),
        at[is_near].astype("datetime64[h]").astype(np.int64),
        {keyword.name: column for keyword, column in zip(KEYWORDS, columns, strict=True)},
    )


def _day_of(at: NDArray[np.datetime64], days: Sequence[date]) -> Counts:
    first = np.datetime64(days[0], "D")
    place: Counts = (at.astype("datetime64[D]") - first).astype(np.int64)
    return place


def _rows(
    connection: sa.Connection, model_id: str, layout: Layout,
    *, days: Sequence[date], seen: _Sightings,
) -> list[Row]:  # fmt: skip
    forecasts = load_forecasts(connection, model_id, window=_window(days))
    day = _day_of(forecasts.t, days)
    parts = [
        count_by_day(variable, seen.keywords[variable.name], day=seen.day, n_days=len(days))
        if variable.kind == "keyword"
        else count_by_day(variable, forecasts.of(event(variable.name)), day=day, n_days=len(days))
        for variable in layout.variables
    ]
    counts = np.stack(parts, axis=1)
    hours = _hours(seen, len(days))
    return [
        (model_id, one.isoformat(), layout.digest, int(hours[i]), layout.pack(counts[i]))
        for i, one in enumerate(days)
        if counts[i].any()
    ]


def _hours(seen: _Sightings, n_days: int) -> Counts:
    """Tell in how many different hours of each day there are records."""
    _, firsts = np.unique(seen.hour, return_index=True)
    return np.bincount(seen.day[firsts], minlength=n_days)
