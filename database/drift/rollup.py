"""The drift rollup: per model and day, the values counted in the bins of the training set.

The layout of a model names the values that are counted, and their bins.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, partial
from typing import Any, Literal

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from database.engine import reading, transact
from database.models import ModelRow, list_models
from database.predictions.forecasts import load_forecasts
from database.rollup_days import Marks, countable, mark_drift, settle_marks, stale_marks
from database.schema.rollup_tables import drift_days, drift_stale
from database.schema.tables import observations
from database.upsert import upsert
from solar.drift import BINS, Reference
from solar.flares import EVENTS, event
from solar.sharp import BY_NAME, KEYWORDS, LONGITUDE_LIMIT_DEG
from solar.time import Window

Counts = NDArray[np.int64]
Kind = Literal["keyword", "prediction"]
Floats = NDArray[np.float64]
Layouts = dict[str, "Layout"]
Row = tuple[object, ...]

COLUMNS = tuple(column.name for column in drift_days.columns)
# At most so many days are in memory at once.
CHUNK_DAYS = 10
_DAY_PLACE = COLUMNS.index("day")
_MOST_OUTDATED = 40_000
_DAY = timedelta(days=1)

# As stored: ten bins and the missing values, for each variable in the order of the layout.
_STORED = np.dtype("<u4")
_WIDTH = BINS + 1


@dataclass(frozen=True)
class Variable:
    """One value that is counted: a keyword, or the calibrated probability of an event.

    `missing_share` is that of the training set, None where it does not apply.
    """

    name: str
    kind: Kind
    edges: tuple[float, ...]
    shares: tuple[float, ...]
    missing_share: float | None


@dataclass(frozen=True)
class Layout:
    """The variables of a model, and the number of training cases of their shares."""

    variables: tuple[Variable, ...]
    n: int

    @cached_property
    def digest(self) -> str:
        """Sixteen letters that change with names and edges."""
        text = json.dumps([[v.name, v.kind, v.edges] for v in self.variables])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def reference(self) -> Reference:
        """The shares (v, 10) of the training set."""
        shares = np.array([v.shares for v in self.variables], float)
        return Reference(shares.reshape(-1, BINS), self.n)

    def pack(self, counts: Counts) -> bytes:
        """Write the counts (v, 11) of a day."""
        return counts.astype(_STORED).tobytes()

    def unpack(self, packed: Sequence[bytes]) -> Counts:
        """Read the counts (d, v, 11) of days."""
        joined = np.frombuffer(b"".join(packed), _STORED).astype(np.int64)
        return joined.reshape(len(packed), len(self.variables), _WIDTH)


def count_by_day(
    variable: Variable, values: NDArray[np.float64], *, day: Counts, n_days: int
) -> Counts:
    """Count values (n,) of the days (n,) below `n_days` as (n_days, 11), NaN as missing."""
    place = np.where(np.isnan(values), BINS, np.searchsorted(variable.edges, values))
    cells = np.bincount(day * _WIDTH + place, minlength=n_days * _WIDTH)
    return cells.reshape(n_days, _WIDTH)


def layout_of(model: ModelRow) -> Layout | None:
    """Return the layout of a model, None when its manifest has no training reference.

    Features from the flare list are computed and not stored, so that they are left out.
    """
    reference = model.manifest.get("reference")
    if not reference:
        return None
    keywords = [
        _variable(name, "keyword", part)
        for name, part in reference["features"].items()
        if name in BY_NAME and part["edges"]
    ]
    events = [
        _variable(event.name, "prediction", reference["predictions"][event.name])
        for event in EVENTS
        if reference["predictions"].get(event.name, {}).get("edges")
    ]
    return Layout(tuple(keywords + events), int(reference["n"])) if keywords or events else None


def _variable(name: str, kind: Kind, part: dict[str, Any]) -> Variable:
    return Variable(
        name, kind, tuple(part["edges"]), tuple(part["shares"]), part.get("missing_share")
    )


@dataclass(frozen=True)
class _Records:
    """The records of some days as columns: `day` (n,) from 0 on, `hour` (n,) since 1970."""

    day: Counts
    hour: Counts
    keywords: dict[str, Floats]


def refresh_drift(engine: sa.Engine, *, limit_days: int | None = None) -> int:
    """Count the stale days, oldest first; return how many were.

    Safe to run at any time and several times at once: days are counted without a lock, and those
    that are marked again meanwhile are counted again by the next refresh. While no model has a
    training reference, the marks wait.
    """
    with reading(engine, seconds=None) as connection:
        layouts = _layouts(connection)
        outdated = _outdated(connection, layouts)
    if outdated:
        transact(engine, lambda connection: mark_drift(connection, outdated))
    done, last = 0, None
    while layouts and (limit_days is None or done < limit_days):
        most = CHUNK_DAYS if limit_days is None else min(CHUNK_DAYS, limit_days - done)
        with reading(engine, seconds=None) as connection:
            marks = _next_marks(connection, most, after=last)
            days = countable(connection, list(marks))
            rows = _all_rows(connection, layouts, days) if days else []
        if not marks:
            break
        done, last = done + transact(engine, partial(_keep, rows=rows, marks=marks)), max(marks)
    return done


def _layouts(connection: sa.Connection) -> Layouts:
    layouts = {
        model.model_id: layout_of(model)
        for model in list_models(connection)
        if model.stage != "retired"
    }
    return {model_id: layout for model_id, layout in layouts.items() if layout is not None}


def _outdated(connection: sa.Connection, layouts: Layouts) -> list[date]:
    """Return days that were counted in other bins than those of the model today."""
    table = drift_days.c
    days: list[date] = []
    for model_id, layout in layouts.items():
        others = sa.select(table.day).where(
            table.model_id == model_id, table.layout != layout.digest
        )
        days += connection.execute(others.order_by(table.day).limit(_MOST_OUTDATED)).scalars()
    return countable(connection, days)


def _all_rows(connection: sa.Connection, layouts: Layouts, days: Sequence[date]) -> list[Row]:
    records = _load_records(connection, days)
    rows: list[Row] = []
    for model_id, layout in layouts.items():
        rows += _rows(connection, model_id, layout, days=days, records=records)
    return rows


def _next_marks(connection: sa.Connection, most: int, *, after: date | None) -> Marks:
    """Return the marks of the oldest stale day and those that follow it without a gap."""
    stale = stale_marks(connection, drift_stale, most, after=after)
    return {
        day: stamp
        for place, (day, stamp) in enumerate(stale.items())
        if day - min(stale) == place * _DAY
    }


def _keep(connection: sa.Connection, *, rows: Sequence[Row], marks: Marks) -> int:
    settled = settle_marks(connection, drift_stale, marks)
    names = {day.isoformat() for day in settled}
    kept = [row for row in rows if row[_DAY_PLACE] in names]
    upsert(connection, drift_days, columns=COLUMNS, rows=kept)
    return len(settled)


def _window(days: Sequence[date]) -> Window:
    first = datetime.combine(days[0], time(), UTC)
    return Window(first, first + len(days) * _DAY)


def _load_records(connection: sa.Connection, days: Sequence[date]) -> _Records:
    """Read the records that may be forecast from: those within the limit of longitude."""
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
    return _Records(
        _day_of(at[is_near], days),
        at[is_near].astype("datetime64[h]").astype(np.int64),
        {keyword.name: column for keyword, column in zip(KEYWORDS, columns, strict=True)},
    )


def _day_of(at: NDArray[np.datetime64], days: Sequence[date]) -> Counts:
    first = np.datetime64(days[0], "D")
    place: Counts = (at.astype("datetime64[D]") - first).astype(np.int64)
    return place


def _rows(
    connection: sa.Connection,
    model_id: str,
    layout: Layout,
    *,
    days: Sequence[date],
    records: _Records,
) -> list[Row]:
    forecasts = load_forecasts(connection, model_id, window=_window(days))
    day = _day_of(forecasts.t_rec, days)
    parts = [
        count_by_day(variable, records.keywords[variable.name], day=records.day, n_days=len(days))
        if variable.kind == "keyword"
        else count_by_day(variable, forecasts.of(event(variable.name)), day=day, n_days=len(days))
        for variable in layout.variables
    ]
    counts = np.stack(parts, axis=1)
    hours = _hours(records, len(days))
    return [
        (model_id, one.isoformat(), layout.digest, int(hours[i]), layout.pack(counts[i]))
        for i, one in enumerate(days)
        if counts[i].any()
    ]


def _hours(records: _Records, n_days: int) -> Counts:
    """Count the hours of each day that have records."""
    _, firsts = np.unique(records.hour, return_index=True)
    return np.bincount(records.day[firsts], minlength=n_days)
