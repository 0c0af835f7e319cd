"""The verification rollup: per entrant, event, scope and day, the forecasts against the truth."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

import numpy as np
import sqlalchemy as sa

from database.agencies.forecasts import load_disk_forecasts
from database.engine import reading, transact
from database.flares.assignment import reassign
from database.flares.coverage import covered_windows
from database.flares.flares import flare_history
from database.models import agencies
from database.predictions.forecasts import (
    Forecasts,
    LocatedForecasts,
    forecasting_models,
    load_latencies,
    load_located_forecasts,
)
from database.rollup_days import clear_stale, countable, stale_days
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
from solar.flares import HORIZON
from solar.strata import QUIET_FOR
from solar.time import Window

SCOPES = ("region", "disk")
# The days of one transaction: writers of new marks wait no longer than it takes.
CHUNK_DAYS = 3 * DAYS_PER_BLOCK
_DAY = timedelta(days=1)
# The full-disk forecast at 00:00 uses the last hours of the day before.
_EVENING = timedelta(hours=6)


def refresh(engine: sa.Engine, *, limit_days: int | None = None) -> int:
    """Recompute the stale days, oldest first; return how many were.

    Safe to run at any time and several times at once: each chunk of days is one transaction
    that takes the marks away before it reads, so that a change that arrives meanwhile marks
    its day anew.
    """
    done = 0
    while (limit_days is None or done < limit_days) and _is_behind(engine):
        most = CHUNK_DAYS if limit_days is None else min(CHUNK_DAYS, limit_days - done)
        done += transact(engine, partial(_refresh_chunk, most=most))
    return done


def _is_behind(engine: sa.Engine) -> bool:
    # Read without a writing transaction, for which others would have to wait.
    with reading(engine) as connection:
        return bool(stale_days(connection, 1))


def _refresh_chunk(connection: sa.Connection, *, most: int) -> int:
    lock_rollup(connection)
    stale = stale_days(connection, most)
    # Whole rows of the rollup, so that as few as possible are read and written again.
    end = block_start(day_number(stale[0])) + CHUNK_DAYS * _DAY if stale else None
    days = [day for day in stale if end and day < end]
    if not days:
        return 0
    clear_stale(connection, days)
    countable_days = countable(connection, days)
    if countable_days:
        _count_days(connection, countable_days)
    return len(days)


def _count_days(connection: sa.Connection, days: Sequence[date]) -> None:
    reassign(connection, _window(days, before=QUIET_FOR, after=HORIZON))
    # The assignment has marked the days of the flares that it moved; these are counted now.
    clear_stale(connection, days)
    replace_days(connection, _tables(connection, days), days)


def _window(days: Sequence[date], *, before: timedelta, after: timedelta) -> Window:
    first, last = (datetime.combine(day, time(), UTC) for day in (days[0], days[-1]))
    return Window(first - before, last + _DAY + after)


def _tables(connection: sa.Connection, days: Sequence[date]) -> dict[Key, DayTable]:
    flares = flare_history(connection, _window(days, before=QUIET_FOR, after=HORIZON))
    truth = flares.truth(covered_windows(connection))
    forecasts = _forecasts(connection, _window(days, before=_EVENING, after=timedelta(0)))
    disk_forecasts = _disk_forecasts(
        connection, _window(days, before=timedelta(0), after=timedelta(0))
    )
    if not forecasts and not disk_forecasts:
        return {}
    of_regions = (
        region_tables(forecasts, truth, days, daily=frozenset(disk_forecasts)) if forecasts else {}
    )
    return {
        **of_regions,
        **disk_tables(forecasts, truth, days, disk_forecasts=disk_forecasts),
        **_latency_tables(connection, list(forecasts), days),
    }


def _latency_tables(
    connection: sa.Connection, models: Sequence[str], days: Sequence[date]
) -> dict[Key, DayTable]:
    window = _window(days, before=timedelta(0), after=timedelta(0))
    numbers = [day_number(day) for day in days]
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
