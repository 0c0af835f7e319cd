"""The verification rollup: per entrant, event, scope and day, how forecasts met the truth."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

import numpy as np
import sqlalchemy as sa

from database.agencies.disk_forecasts import load_disk_forecasts
from database.engine import reading, transact
from database.flares.assignment import reassign
from database.flares.coverage import covered_windows
from database.flares.flare import flare_history
from database.forecasts import (
    Forecasts,
    Issues,
    forecasting_models,
    load_issues,
    load_latencies,
)
from database.models import agencies
from database.retention.limits import countable
from database.verification.day_table import DayTable
from database.verification.dekads import DAYS, Key, first_day, number, replace_days, take_turn
from database.verification.parts import disk_tables, latency_table, region_tables
from database.verification.stale_days import stale_days, unmark
from solar.flares import HORIZON
from solar.strata import QUIET_FOR
from solar.time import Window

SCOPES = ("region", "disk")
# A transaction's worth of days: what is marked again meanwhile waits no longer than this takes.
CHUNK_DAYS = 3 * DAYS
_DAY = timedelta(days=1)
# The full-disk forecast at 00:00 stands on the last hours of the day before.
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
    # Asked without a transaction that writes, for which others would have to wait.
    with reading(engine) as connection:
        return bool(stale_days(connection, 1))


def _refresh_chunk(connection: sa.Connection, *, most: int) -> int:
    take_turn(connection)
    stale = stale_days(connection, most)
    # Whole rows of the rollup, so that as few as possible are read and written again.
    end = first_day(number(stale[0])) + CHUNK_DAYS * _DAY if stale else None
    days = [day for day in stale if end and day < end]
    if not days:
        return 0
    unmark(connection, days)
    counted = countable(connection, days)
    if counted:
        _count(connection, counted)
    return len(days)


def _count(connection: sa.Connection, days: Sequence[date]) -> None:
    reassign(connection, _window(days, before=QUIET_FOR, after=HORIZON))
    # The assignment has marked the days of the flares it moved; these are about to be done.
    unmark(connection, days)
    replace_days(connection, _tables(connection, days), days)


def _window(days: Sequence[date], *, before: timedelta, after: timedelta) -> Window:
    first, last = (datetime.combine(day, time(), UTC) for day in (days[0], days[-1]))
    return Window(first - before, last + _DAY + after)


def _tables(connection: sa.Connection, days: Sequence[date]) -> dict[Key, DayTable]:
    flares = flare_history(connection, _window(days, before=QUIET_FOR, after=HORIZON))
    truth = flares.truth(covered_windows(connection))
    issues = _issues(connection, _window(days, before=_EVENING, after=timedelta(0)))
    spoken = _spoken(connection, _window(days, before=timedelta(0), after=timedelta(0)))
    if not issues and not spoken:
        return {}
    of_regions = region_tables(issues, truth, days, daily=frozenset(spoken)) if issues else {}
    return {
        **of_regions,
        **disk_tables(issues, truth, days, spoken=spoken),
        **_latency_tables(connection, list(issues), days),
    }


def _latency_tables(
    connection: sa.Connection, models: Sequence[str], days: Sequence[date]
) -> dict[Key, DayTable]:
    window = _window(days, before=timedelta(0), after=timedelta(0))
    numbers = [number(day) for day in days]
    found = {
        Key(model_id, "", "", "latency"): latency_table(
            load_latencies(connection, model_id, window=window)
        )
        for model_id in models
    }
    return {key: table.where(np.isin(table.day, numbers)) for key, table in found.items()}


def _spoken(connection: sa.Connection, window: Window) -> dict[str, Forecasts]:
    """Return by agency what it says of the disk, be it nothing."""
    return {
        model_id: load_disk_forecasts(connection, model_id, window=window)
        for model_id in sorted(agencies(connection))
    }


def _issues(connection: sa.Connection, window: Window) -> dict[str, Issues]:
    models = forecasting_models(connection)
    return {model_id: load_issues(connection, model_id, window=window) for model_id in models}
