"""The comparison: the days of a model and of those it is compared with, on the same cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from database.flares.coverage import covered_windows
from database.flares.flares import flare_days, flare_history
from database.known import known_until
from database.leads.leads import load_lead_forecasts
from database.models import agencies
from database.predictions.forecasts import Forecasts, load_forecasts
from database.schema.tables import flare_list_version
from database.verification.cases import align_forecasts, event_tables, make_case_set
from database.verification.day_table import EMPTY, DayTable
from database.verification.days import known_days
from database.verification.entrants import (
    CLIMATOLOGY_DAYS,
    ENTRANTS,
    PERSISTENCE,
    DailyCases,
    climatology,
    prior_rate,
)
from database.verification.rollup import models_of
from database.verification.ten_day_blocks import Key
from database.version_cache import VersionCache, read_version
from solar.flares import Event
from solar.histogram import BIN, LOWEST_BIN, bin_of
from solar.time import Window
from solar.truth import Truth, least_flux
from solar.windows import DAY as FIRST_DAY

_DAY = timedelta(days=1)
_MEMORY = timedelta(days=max(CLIMATOLOGY_DAYS.values()) + 1)
_EARLIEST, _LATEST = date(1970, 1, 3), date(2200, 1, 1)
# A rival that forecast less of the model's days than this would leave too few shared cases.
_LEAST_SHARE_OF_DAYS = 0.5
# Windows of one length share the days of the disk, whoever asks. Ten years take 90 kB.
_disk_days: VersionCache[tuple[sa.URL, datetime | None, Window, timedelta, float], DailyCases] = (
    VersionCache(most=16)
)


@dataclass(frozen=True)
class SkillQuery:
    """The event, the scope and the days of issue `first` to `last`, both included.

    With a `region_id` the cases are those of that region alone; with `is_shared` those on
    which every model gave a probability.
    """

    event: Event
    scope: str
    first: date | None
    last: date | None
    region_id: int | None = None
    is_shared: bool = False

    def key(self, model_id: str, part: str) -> Key:
        """Return the key of a model's days in the rollup."""
        return Key(model_id, self.event.name, self.scope, part)

    def window(self, *, margin: timedelta = timedelta(0)) -> Window:
        """Return the stretch of the days, widened at both ends; all of time without days."""
        days = (self.first or _EARLIEST, (self.last or _LATEST) + _DAY)
        start, end = (datetime.combine(day, time(), UTC) for day in days)
        return Window(start - margin, end + margin)


def score_cases(connection: sa.Connection, query: SkillQuery, model_id: str) -> dict[str, DayTable]:
    """Return the days of the model first, then of persistence and, on shared cases, its rivals.

    An entrant in the place of the model is scored on the cases of the served models.
    """
    load = _loader(connection, query)
    model = PERSISTENCE if model_id in ENTRANTS else model_id
    if query.is_shared:
        outside = agencies(connection)
        models = models_of(connection, query.event.window)
        rivals = sorted({*models, *outside} - {model})
        # An agency forecasts a region once a day, so that only these cases are shared with it.
        part = "daily" if model in outside and query.scope == "region" else "shared"
        parts = {name: load(name, part) for name in (model, PERSISTENCE, *rivals)}
        return _on_common_days(parts, model)
    if model == PERSISTENCE:
        return {PERSISTENCE: load(PERSISTENCE, "own")}
    return {model: load(model, "own"), PERSISTENCE: load(model, PERSISTENCE)}


def with_climatology(
    connection: sa.Connection, query: SkillQuery, tables: Mapping[str, DayTable], model_id: str
) -> dict[str, DayTable]:
    """Add the climatologies to the result of `score_cases`: model, then entrants, then rivals."""
    of_model, *_ = tables.values()
    past = _past(connection, query)
    prior = prior_rate(query.event, query.scope)
    all_tables = {
        name: _climatology_days(of_model, past, span_days=span_days, prior=prior)
        for name, span_days in CLIMATOLOGY_DAYS.items()
    } | dict(tables)
    return {name: all_tables[name] for name in dict.fromkeys((model_id, *ENTRANTS, *tables))}


def _loader(connection: sa.Connection, query: SkillQuery) -> Callable[[str, str], DayTable]:
    """Return a function that reads a part of a model's cases: from the rollup, or counted anew."""
    if query.region_id is None:
        return lambda name, part: known_days(
            connection, query.key(name, part), first=query.first, last=query.last
        )
    tables = _region_tables(connection, query)
    return lambda name, part: tables.get(query.key(name, part), EMPTY)


def _region_tables(connection: sa.Connection, query: SkillQuery) -> dict[Key, DayTable]:
    forecasts = {
        name: _forecasts_of_region(connection, query, name)
        for name in models_of(connection, query.event.window)
    }
    if not any(len(one.t_rec) for one in forecasts.values()):
        return {}
    grid = align_forecasts(forecasts)
    days = (grid.t[0].item().date(), grid.t[-1].item().date())
    flare_window = replace(query, first=days[0], last=days[1]).window(
        margin=query.event.window.closes_after
    )
    weakest = least_flux(query.event.peak_flux_w_m2)
    flares = flare_history(connection, flare_window, min_flux=weakest)
    truth = flares.truth(covered_windows(connection))
    daily = agencies(connection)
    return dict(
        event_tables(make_case_set(grid, query.event, truth=truth, scope="region", daily=daily))
    )


def _forecasts_of_region(connection: sa.Connection, query: SkillQuery, name: str) -> Forecasts:
    of, window, region_id = query.event.window, query.window(), query.region_id
    if of == FIRST_DAY:
        return load_forecasts(connection, name, window=window, region_id=region_id)
    return load_lead_forecasts(connection, name, of=of, window=window, region_id=region_id)


def _on_common_days(parts: Mapping[str, DayTable], model: str) -> dict[str, DayTable]:
    """Keep those who forecast most of the model's days, and the days of all of them."""
    days = np.unique(parts[model].day)
    kept = {
        name: table
        for name, table in parts.items()
        if name in (model, PERSISTENCE)
        or np.isin(days, table.day).sum() >= max(1, _LEAST_SHARE_OF_DAYS * len(days))
    }
    for table in kept.values():
        days = days[np.isin(days, table.day)]
    return {name: table.where(np.isin(table.day, days)) for name, table in kept.items()}


def _past(connection: sa.Connection, query: SkillQuery) -> DailyCases:
    """Return the cases that climatology learns from, ending before the range does."""
    if query.scope == "disk":
        version = read_version(connection, flare_list_version)
        length, flux = query.event.window.validity, query.event.peak_flux_w_m2
        name = (connection.engine.url, known_until(connection), query.window(), length, flux)
        past = _disk_days.get(name, version=version)
        if past is None:
            past = _days_of_the_disk(connection, query)
            _disk_days.put(name, past, version=version)
        return past
    # The last case of a day closes that much after its end, and so many days later it is history.
    later = -(-query.event.window.closes_after // _DAY) - 1
    first, last = (query.first or _EARLIEST) - _MEMORY - later * _DAY, query.last
    key = query.key(PERSISTENCE, "own")
    table = known_days(connection, key, first=first, last=last, with_bins=False)
    n, events = (table.days[name].astype(float) for name in ("n", "events"))
    return DailyCases(table.day + later, n, events)


def _days_of_the_disk(connection: sa.Connection, query: SkillQuery) -> DailyCases:
    """Take every day that the flare list covers as a case, forecast or not.

    The case of a day has the length of the event's window, without the latency: it begins with
    the day, or earlier where it would close after it, so that it was closed when the next began.
    """
    window, length = query.window(), query.event.window.validity
    window = Window(window.start_at - _MEMORY, window.end_at)
    first, end = (np.datetime64(at.date()) for at in (window.start_at, window.end_at))
    midnights: NDArray[np.datetime64] = np.arange(first, end).astype("datetime64[us]")
    start = midnights - np.timedelta64(max(length - _DAY, timedelta(0)))
    # Ten years are read in few rows: a case is of whole days, or of the hours one begins with.
    flared = flare_days(
        connection,
        Window(window.start_at - length, window.end_at),
        min_flux=least_flux(query.event.peak_flux_w_m2),
        hours=min(length, _DAY) // timedelta(hours=1),
    )
    days = midnights.astype("datetime64[D]")
    events = np.isin(days, flared)
    for earlier in range(1, length // _DAY):
        events |= np.isin(days - earlier, flared)
    no_flares = np.zeros(0, "datetime64[us]"), np.zeros(0), np.zeros(0, np.int64)
    truth = Truth(*no_flares, covered_windows(connection))
    is_known = truth.is_complete_between(start, start + np.timedelta64(length))
    return DailyCases(
        days[is_known].astype(np.int64), np.ones(is_known.sum()), events[is_known].astype(float)
    )


def _climatology_days(
    table: DayTable, past: DailyCases, *, span_days: int, prior: float
) -> DayTable:
    """Give each day's cases the climatology known when the day began: one bin a day."""
    p = climatology(table.day, past, span_days=span_days, prior=prior)
    days, scored = table.days.copy(), table.days["n"] > 0
    days["sum_p2"], days["sum_po"] = table.days["n"] * p * p, table.days["events"] * p
    days["bins"] = scored
    bins = np.zeros(np.count_nonzero(scored), BIN)
    bins["bin"], bins["sum_p"] = bin_of(p[scored]) + LOWEST_BIN, (p * table.days["n"])[scored]
    for name in ("n", "events"):
        bins[name] = table.days[name][scored]
    return DayTable(days, bins)
