"""The verification rollup: per entrant, event, scope and day, the forecasts against the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

import numpy as np
import sqlalchemy as sa

from database.agencies.forecasts import load_disk_forecasts, load_window_forecasts
from database.engine import reading, transact
from database.flares.assignment import reassign
from database.flares.coverage import covered_windows
from database.flares.flares import disk_activity, flare_history
from database.leads.leads import load_lead_forecasts
from database.models import agencies, list_models
from database.predictions.forecasts import (
    Forecasts,
    LocatedForecasts,
    forecasting_models,
    load_latencies,
    load_located_forecasts,
)
from database.rollup_days import Marks, countable, settle_marks, stale_marks
from database.schema.rollup_tables import verification_stale
from database.verification.cases import disk_tables, latency_table, region_tables
from database.verification.day_table import DayTable
from database.verification.ten_day_blocks import (
    DAYS_PER_BLOCK,
    Key,
    block_start,
    day_number,
    lock_rollup,
    replace_days,
)
from solar.flares import EVENTS
from solar.full_disk import DiskActivity
from solar.strata import QUIET_FOR
from solar.time import Window
from solar.truth import Truth
from solar.windows import DAY, WINDOWS, ForecastWindow

SCOPES = ("region", "disk")
# At most so many days are in memory at once.
CHUNK_DAYS = 3 * DAYS_PER_BLOCK
_DAY = timedelta(days=1)
_LAST_CLOSES = max(window.closes_after for window in WINDOWS)
# The full-disk forecast at 00:00 uses the last hours of the day before.
_EVENING = timedelta(hours=6)


def refresh(engine: sa.Engine, *, limit_days: int | None = None) -> int:
    """Recompute the stale days, oldest first; return how many were.

    Safe to run at any time and several times at once: days are counted without a lock, and those
    that are marked again meanwhile are counted again by the next refresh.
    """
    done, last = 0, None
    while limit_days is None or done < limit_days:
        most = CHUNK_DAYS if limit_days is None else min(CHUNK_DAYS, limit_days - done)
        days = _next_days(engine, most, after=last)
        if not days:
            break
        done, last = done + _refresh_days(engine, days), days[-1]
    return done


def _next_days(engine: sa.Engine, most: int, *, after: date | None) -> list[date]:
    with reading(engine) as connection:
        stale = list(stale_marks(connection, verification_stale, most, after=after))
    # Whole rows of the rollup, so that as few as possible are read and written again.
    end = block_start(day_number(stale[0])) + CHUNK_DAYS * _DAY if stale else None
    return [day for day in stale if end and day < end]


def _refresh_days(engine: sa.Engine, days: Sequence[date]) -> int:
    around = _window(days, before=QUIET_FOR, after=_LAST_CLOSES)
    # Days of flares that it moves have new marks, which are read after it.
    transact(engine, lambda connection: reassign(connection, around))
    with reading(engine, seconds=None) as connection:
        stale = stale_marks(connection, verification_stale, CHUNK_DAYS, after=days[0] - _DAY)
        marks = {day: stamp for day, stamp in stale.items() if day <= days[-1]}
        counted = countable(connection, list(marks))
        tables = count_days(connection, counted) if counted else {}
    return transact(engine, partial(_keep, tables=tables, counted=counted, marks=marks))


def _keep(
    connection: sa.Connection,
    *,
    tables: Mapping[Key, DayTable],
    counted: Sequence[date],
    marks: Marks,
) -> int:
    lock_rollup(connection)
    settled = settle_marks(connection, verification_stale, marks)
    if days := [day for day in counted if day in settled]:
        numbers = [day_number(day) for day in days]
        kept = {key: table.where(np.isin(table.day, numbers)) for key, table in tables.items()}
        replace_days(connection, kept, days)
    return len(settled)


def _window(days: Sequence[date], *, before: timedelta, after: timedelta) -> Window:
    first, last = (datetime.combine(day, time(), UTC) for day in (days[0], days[-1]))
    return Window(first - before, last + _DAY + after)


def count_days(connection: sa.Connection, days: Sequence[date]) -> dict[Key, DayTable]:
    """Count the cases of consecutive days by what the store knows."""
    flares = flare_history(connection, _window(days, before=QUIET_FOR, after=_LAST_CLOSES))
    truth = flares.truth(covered_windows(connection))
    forecasts = _forecasts(connection, _with_evening(days))
    disk_forecasts = _disk_forecasts(connection, _issued(days))
    activity = disk_activity(connection, _issued(days))
    if not forecasts and not disk_forecasts:
        return {}
    of_regions = (
        region_tables(forecasts, truth, days, daily=frozenset(disk_forecasts)) if forecasts else {}
    )
    return {
        **of_regions,
        **disk_tables(forecasts, truth, days, activity=activity, disk_forecasts=disk_forecasts),
        **_other_windows(connection, truth, activity, days),
        **_latency_tables(connection, list(forecasts), days),
    }


def _other_windows(
    connection: sa.Connection, truth: Truth, activity: DiskActivity, days: Sequence[date]
) -> dict[Key, DayTable]:
    """Count the forecasts for windows other than 24 h: of models, and of agencies for the disk."""
    of_agencies = load_window_forecasts(connection, _issued(days))
    models = window_models(connection)
    tables: dict[Key, DayTable] = {}
    for window in (each for each in WINDOWS if each in of_agencies or each in models):
        forecasts = {
            model_id: load_lead_forecasts(
                connection, model_id, of=window, window=_with_evening(days)
            )
            for model_id in models.get(window, ())
        }
        issued = of_agencies.get(window, {})
        if forecasts:
            tables |= region_tables(forecasts, truth, days, window=window)
        tables |= disk_tables(
            forecasts, truth, days, activity=activity, disk_forecasts=issued, window=window
        )
    return tables


def window_models(connection: sa.Connection) -> dict[ForecastWindow, list[str]]:
    """Return the models that forecast an event within each window other than 24 h."""
    models = sorted(list_models(connection), key=lambda model: model.model_id)
    by_window = {
        window: [
            model.model_id
            for model in models
            if any(event.within(window).name in model.thresholds for event in EVENTS)
        ]
        for window in WINDOWS
        if window != DAY
    }
    return {window: names for window, names in by_window.items() if names}


def models_of(connection: sa.Connection, window: ForecastWindow) -> list[str]:
    """Return the models whose forecasts for a window are counted."""
    if window == DAY:
        return forecasting_models(connection)
    return window_models(connection).get(window, [])


def _issued(days: Sequence[date]) -> Window:
    return _window(days, before=timedelta(0), after=timedelta(0))


def _with_evening(days: Sequence[date]) -> Window:
    return _window(days, before=_EVENING, after=timedelta(0))


def _latency_tables(
    connection: sa.Connection, models: Sequence[str], days: Sequence[date]
) -> dict[Key, DayTable]:
    window, numbers = _issued(days), [day_number(day) for day in days]
    tables = {
        Key(model_id, "", "", "latency"): latency_table(
            load_latencies(connection, model_id, window=window)
        )
        for model_id in models
    }
    return {key: table.where(np.isin(table.day, numbers)) for key, table in tables.items()}


def _disk_forecasts(connection: sa.Connection, window: Window) -> dict[str, Forecasts]:
    """Return the disk forecasts of each agency, also of one that has none."""
    return {
        model_id: load_disk_forecasts(connection, model_id, window=window)
        for model_id in sorted(agencies(connection))
    }


def _forecasts(connection: sa.Connection, window: Window) -> dict[str, LocatedForecasts]:
    models = forecasting_models(connection)
    return {
        model_id: load_located_forecasts(connection, model_id, window=window) for model_id in models
    }
