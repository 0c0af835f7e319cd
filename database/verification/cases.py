"""The cases of verification: forecasts of all models side by side, with their truth, counted."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from database.predictions.forecasts import Forecasts, Latencies, LocatedForecasts, full_disk
from database.verification.day_table import DAY, Cases, DayTable, count_cases, make_cases
from database.verification.entrants import PERSISTENCE
from database.verification.ten_day_blocks import Key
from solar.columns import Columns
from solar.durations import FORECAST_LATENCY_BINS as LATENCY_BINS
from solar.durations import forecast_latency_bin
from solar.flares import EVENTS, Event
from solar.full_disk import DiskActivity
from solar.histogram import BIN
from solar.strata import ACTIVE, history, longitude_band
from solar.truth import Truth
from solar.windows import DAY as FIRST_DAY
from solar.windows import ForecastWindow

Flags = NDArray[np.bool_]
Tables = dict[Key, DayTable]


@dataclass(frozen=True)
class CaseGrid(Columns):
    """Cases (u,), by time and region, that any model had a forecast for.

    Parameters
    ----------
    probability : by model, (u, events) in the order of `EVENTS`, NaN where none was given
    made : by model, (u,) whether it had the case at all, be it to withhold a probability
    """

    region_id: NDArray[np.int64]
    t: NDArray[np.datetime64]
    probability: Mapping[str, NDArray[np.float64]]
    made: Mapping[str, Flags]

    def given(self, event: Event) -> dict[str, Flags]:
        """Tell by model for which cases (u,) it gave a probability."""
        column = _column(event)
        return {name: ~np.isnan(p[:, column]) for name, p in self.probability.items()}

    def shared(self, event: Event, *, without: Collection[str] = ()) -> Flags:
        """Tell for which cases (u,) every model that forecast at all that day gave one.

        Those named in `without` are ignored.
        """
        given = {name: flags for name, flags in self.given(event).items() if name not in without}
        day = self.t.astype("datetime64[D]").astype(np.int64)
        day -= day.min() if len(day) else 0
        agreed, any_given = np.ones(len(day), bool), np.zeros(len(day), bool)
        for flags in given.values():
            took_part = np.bincount(day, weights=flags) > 0
            agreed &= flags | ~took_part[day]
            any_given |= flags
        return agreed & any_given


@dataclass(frozen=True)
class CaseSet:
    """One event on a grid: the cases (u,) with truth, by model in `cases`, and of persistence.

    `daily` are the models that forecast a region once a day, as agencies do: the cases that all
    share are counted without them, and once more, as `daily` cases, with them.
    """

    grid: CaseGrid
    event: Event
    scope: str
    cases: Mapping[str, Cases]
    persistence: Cases
    daily: frozenset[str] = frozenset()


def align_forecasts(parts: Mapping[str, Forecasts]) -> CaseGrid:
    """Put the forecasts of the models side by side."""
    region_id = np.concatenate([part.region_id for part in parts.values()])
    t = np.concatenate([part.t_rec for part in parts.values()])
    order = np.lexsort((region_id, t))
    region_id, t = region_id[order], t[order]
    is_first = np.ones(len(t), bool)
    is_first[1:] = (region_id[1:] != region_id[:-1]) | (t[1:] != t[:-1])
    place = np.empty(len(t), np.int64)
    place[order] = np.cumsum(is_first) - 1
    ends = np.cumsum([len(part) for part in parts.values()]).tolist()
    n = int(is_first.sum())
    probability, made = {}, {}
    for (name, part), end in zip(parts.items(), ends, strict=True):
        at = place[end - len(part) : end]
        probability[name] = np.full((n, len(EVENTS)), np.nan)
        probability[name][at] = part.probability
        made[name] = np.zeros(n, bool)
        made[name][at] = True
    return CaseGrid(region_id[is_first], t[is_first], probability, made)


def make_case_set(
    grid: CaseGrid, event: Event, *, truth: Truth, scope: str, daily: frozenset[str] = frozenset()
) -> CaseSet:
    """Compare the forecasts of one event with the truth; persistence forecasts every case."""
    region_id = grid.region_id if scope == "region" else None
    if region_id is None:
        observed = truth.of_disk(event, grid.t)
    else:
        observed = truth.of_regions(event, region_id, grid.t)
    column = _column(event)
    cases = {
        name: make_cases(grid.t, p[:, column], observed) for name, p in grid.probability.items()
    }
    before = grid.t - np.timedelta64(event.window.validity)
    flared = truth.any_within(event, before, grid.t, region_id=region_id)
    persistence = make_cases(grid.t, flared.astype(float), observed)
    return CaseSet(grid, event, scope, cases, persistence, daily)


def region_tables(
    forecasts: Mapping[str, LocatedForecasts],
    truth: Truth,
    days: Sequence[date],
    *,
    daily: frozenset[str] = frozenset(),
    window: ForecastWindow = FIRST_DAY,
) -> Tables:
    """Count the cases of single regions by what came within the window of each.

    `daily` names the forecasts of agencies.
    """
    kept = {name: one.take(_is_of(one, days)) for name, one in forecasts.items()}
    grid = align_forecasts(kept)
    bands = longitude_band(_longitudes(grid, kept))
    return dict(_tables("region", grid, truth, bands=bands, daily=daily, window=window))


def disk_tables(
    forecasts: Mapping[str, LocatedForecasts],
    truth: Truth,
    days: Sequence[date],
    *,
    activity: DiskActivity,
    disk_forecasts: Mapping[str, Forecasts] | None = None,
    window: ForecastWindow = FIRST_DAY,
) -> Tables:
    """Count the cases of the whole disk, one each midnight, by what came within the window.

    `disk_forecasts` are those of who forecasts the disk itself, as agencies do; the disk
    forecasts of the others are made of their regions and the `activity` of the disk.
    """
    midnights = np.array(days, "datetime64[us]")
    issued = {
        name: one.take(np.isin(one.t_rec, midnights))
        for name, one in (disk_forecasts or {}).items()
    }
    combined = {
        name: full_disk(one, midnights, activity, window=window)
        for name, one in forecasts.items()
        if name not in issued
    }
    return dict(_tables("disk", align_forecasts({**combined, **issued}), truth, window=window))


def _tables(
    scope: str,
    grid: CaseGrid,
    truth: Truth,
    *,
    bands: NDArray[np.uint8] | None = None,
    daily: frozenset[str] = frozenset(),
    window: ForecastWindow = FIRST_DAY,
) -> Iterator[tuple[Key, DayTable]]:
    region_id = grid.region_id if scope == "region" else None
    for event in (each.within(window) for each in EVENTS):
        case_set = make_case_set(grid, event, truth=truth, scope=scope, daily=daily)
        yield from event_tables(case_set)
        before = history(truth, event, grid.t, region_id=region_id)
        yield from _stratum_tables(case_set, "quiet", before, kept=before != ACTIVE)
        if bands is not None:
            yield from _stratum_tables(case_set, "longitude", bands, kept=np.ones(len(bands), bool))


def event_tables(case_set: CaseSet) -> Iterator[tuple[Key, DayTable]]:
    """Count the cases of one event: all of each model's, and those that all models share."""
    grid, event, scope = case_set.grid, case_set.event, case_set.scope
    persistence = case_set.persistence
    models = [name for name in grid.made if name not in case_set.daily]
    given, shared = grid.given(event), grid.shared(event, without=case_set.daily)
    any_made, any_given = (_any(flags, models, shared) for flags in (grid.made, given))
    of_any = _withheld_unless(any_given, persistence).take(any_made)
    yield Key(PERSISTENCE, event.name, scope), count_cases(of_any)
    yield Key(PERSISTENCE, event.name, scope, "shared"), count_cases(persistence.take(shared))
    for name, made in grid.made.items():
        cases = case_set.cases[name]
        yield Key(name, event.name, scope), count_cases(cases.take(made))
        if name not in case_set.daily:
            in_common = cases.take(shared & given[name])
            yield Key(name, event.name, scope, "shared"), count_cases(in_common)
        beside = _withheld_unless(given[name], persistence).take(made)
        yield Key(name, event.name, scope, "persistence"), count_cases(beside)
    yield from _daily_tables(case_set, given)


def _daily_tables(case_set: CaseSet, given: Mapping[str, Flags]) -> Iterator[tuple[Key, DayTable]]:
    """Count the cases that the models share with those who forecast once a day."""
    daily = [name for name in given if name in case_set.daily]
    if daily:
        shared = case_set.grid.shared(case_set.event)
        shared &= _any(given, daily, shared)
        everyone = {**case_set.cases, PERSISTENCE: case_set.persistence}
        for name, cases in everyone.items():
            kept = cases.take(shared & given.get(name, shared))
            yield Key(name, case_set.event.name, case_set.scope, "daily"), count_cases(kept)


def _stratum_tables(
    case_set: CaseSet, part: str, stratum: NDArray[np.uint8], *, kept: Flags
) -> Iterator[tuple[Key, DayTable]]:
    for name, made in case_set.grid.made.items():
        key, used = Key(name, case_set.event.name, case_set.scope, part), made & kept
        yield key, count_cases(case_set.cases[name].take(used), stratum[used])


def _column(event: Event) -> int:
    return EVENTS.index(event.within(FIRST_DAY))


def _any(flags: Mapping[str, Flags], names: Sequence[str], like: Flags) -> Flags:
    any_of: Flags = np.logical_or.reduce([flags[name] for name in names] or [np.zeros_like(like)])
    return any_of


def _withheld_unless(given: Flags, persistence: Cases) -> Cases:
    """Withhold persistence where the event has no case."""
    return replace(
        persistence,
        probability=np.where(given, persistence.probability, np.nan),
        bin=np.where(given, persistence.bin, -1),
    )


def _is_of(forecasts: Forecasts, days: Sequence[date]) -> Flags:
    return np.isin(forecasts.t_rec.astype("datetime64[D]"), np.array(days, "datetime64[D]"))


def _longitudes(grid: CaseGrid, forecasts: Mapping[str, LocatedForecasts]) -> NDArray[np.float64]:
    """Return the longitude (u,) of each case, from the record of any model."""
    longitude = np.full(len(grid), np.nan)
    for name, one in forecasts.items():
        # The grid is in the order of time and region; the model's own rows are put in it.
        order = np.lexsort((one.region_id, one.t_rec))
        longitude[grid.made[name]] = one.longitude[order]
    return longitude


def latency_table(latencies: Latencies) -> DayTable:
    """Count forecasts by the time from observation to issue."""
    day = latencies.t_rec.astype("datetime64[D]").astype(np.int64)
    cells = day * LATENCY_BINS + forecast_latency_bin(latencies.seconds)
    cell, member = np.unique(cells, return_inverse=True)
    bins = np.zeros(len(cell), BIN)
    bins["bin"], bins["n"] = cell % LATENCY_BINS, np.bincount(member, weights=latencies.n)
    days, starts = np.unique(cell // LATENCY_BINS, return_index=True)
    rows = np.zeros(len(days), DAY)
    rows["day"], rows["bins"] = days, np.diff(np.append(starts, len(cell)))
    if len(days):
        rows["n"] = np.add.reduceat(bins["n"], starts)
    return DayTable(rows, bins)
