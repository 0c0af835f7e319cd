"""The verification rollup: per entrant, event, scope and day, how forecasts met the truth."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from database.assignment import reassign
from database.coverage import covered_windows
from database.daily_counts import COLUMNS, Key, count_days, row_of
from database.engine import transact
from database.entrants import PERSISTENCE
from database.flares import flare_history
from database.forecasts import Forecasts, forecasting_models, full_disk, load_forecasts, union
from database.stale_days import stale_days, unmark
from database.tables import verification_days
from database.upsert import upsert
from solar.flares import EVENTS, HORIZON, Event
from solar.time import Window
from solar.truth import Truth

SCOPES = ("region", "disk")
# A transaction's worth of days: what is marked again meanwhile waits no longer than this takes.
CHUNK_DAYS = 30
_DAY = timedelta(days=1)
_HORIZON = np.timedelta64(HORIZON)

Rows = list[tuple[object, ...]]


def refresh(engine: sa.Engine, *, limit_days: int | None = None) -> int:
    """Recompute the stale days, oldest first; return how many were.

    Safe to run at any time and several times at once: each chunk of days is one transaction
    that takes the marks away before it reads, so that a change that arrives meanwhile marks
    its day anew.
    """
    done = 0
    while limit_days is None or done < limit_days:
        most = CHUNK_DAYS if limit_days is None else min(CHUNK_DAYS, limit_days - done)
        refreshed = transact(engine, partial(_refresh_chunk, most=most))
        if not refreshed:
            break
        done += refreshed
    return done


def _refresh_chunk(connection: sa.Connection, *, most: int) -> int:
    stale = stale_days(connection, most)
    days = [day for day in stale if day - stale[0] < timedelta(days=CHUNK_DAYS)]
    if not days:
        return 0
    unmark(connection, days)
    reassign(connection, _window(days, before=_DAY, after=HORIZON))
    # The assignment has marked the days of the flares it moved; these are about to be done.
    unmark(connection, days)
    upsert(connection, verification_days, columns=COLUMNS, rows=_rows(connection, days))
    return len(days)


def _window(days: Sequence[date], *, before: timedelta, after: timedelta) -> Window:
    first, last = (datetime.combine(day, time(), UTC) for day in (days[0], days[-1]))
    return Window(first - before, last + _DAY + after)


def _rows(connection: sa.Connection, days: Sequence[date]) -> Rows:
    flares = flare_history(connection, _window(days, before=HORIZON, after=HORIZON))
    truth = flares.truth(covered_windows(connection))
    stretch = _window(days, before=timedelta(hours=6), after=timedelta(0))
    loaded = {
        model_id: load_forecasts(connection, model_id, window=stretch)
        for model_id in forecasting_models(connection)
    }
    rows: Rows = []
    for scope in SCOPES:
        entrants = {name: _in_scope(scope, found, days) for name, found in loaded.items()}
        if entrants:
            entrants[PERSISTENCE] = persistence(scope, union(list(entrants.values())), truth)
        for name, forecasts in entrants.items():
            rows += _entrant_rows(name, scope, forecasts=forecasts, truth=truth)
    return rows


def _in_scope(scope: str, forecasts: Forecasts, days: Sequence[date]) -> Forecasts:
    starts = np.array(days, "datetime64[us]")
    if scope == "disk":
        return full_disk(forecasts, starts)
    return forecasts.where(np.isin(forecasts.t.astype("datetime64[D]"), starts))


def persistence(scope: str, cases: Forecasts, truth: Truth) -> Forecasts:
    """Forecast what the 24 h up to each case had: 1 if such a flare peaked in them, else 0.

    NaN in the probabilities of `cases` stays NaN: there is no case for that event.
    """
    region_id = cases.region_id if scope == "region" else None
    came = [
        truth.any_within(event, cases.t - _HORIZON, cases.t, region_id=region_id)
        for event in EVENTS
    ]
    said = np.stack(came, axis=1).astype(float)
    return Forecasts(cases.region_id, cases.t, np.where(np.isnan(cases.probability), np.nan, said))


def truth_of(scope: str, event: Event, forecasts: Forecasts, truth: Truth) -> NDArray[np.int8]:
    """Return the truth of each forecast in its scope."""
    if scope == "disk":
        return truth.of_disk(event, forecasts.t)
    return truth.of_regions(event, forecasts.region_id, forecasts.t)


def _entrant_rows(name: str, scope: str, *, forecasts: Forecasts, truth: Truth) -> Rows:
    return [
        row_of(day, Key(name, event.name, scope))
        for event in EVENTS
        for day in count_days(
            forecasts.t, forecasts.of(event), truth_of(scope, event, forecasts, truth)
        )
    ]
