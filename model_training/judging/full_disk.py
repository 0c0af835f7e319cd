"""The full disk judged: its forecast for each day beside what agencies issued."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from model_training.data.dataset import Dataset
from model_training.data.files import existing, numbers, read_table
from model_training.features import FlareHistory, Floats
from model_training.fitting.disk_activity import activity_of
from model_training.judging.evidence import Evidence
from solar.errors import InvalidInputError
from solar.flares import event as event_named
from solar.full_disk import disk_activity, disk_aggregates, mean_in_log_odds
from solar.probability import full_disk
from solar.truth import reaches

_DAY = np.timedelta64(1, "D")
_INSTANT = np.timedelta64(1, "us")
# A forecast of a region counts for the disk so long.
DISK_MEMORY = timedelta(hours=6)
# The forecasts of both centres that came out after this hour are updates of the day before.
_LATEST_ISSUE_HOUR = 3
_CENTRES = {"SWPC": "SWPC_fcast.txt", "Met Office": "IFF_fcast.txt"}
_FORECAST_BY_CENTRES = ("M1.0", "X1.0")
_SYSTEMS = "leka2019_17systems_daily_{}_2016_2017.parquet"
_FORECAST_BY_SYSTEMS = {"M1.0": "M1", "C1.0": "C1"}
_VALID, _OBSERVED = "VALID_DATE", "rlz."


@dataclass(frozen=True)
class DiskDays:
    """(n,) UTC days in rising order and the probability of an event on the disk in each."""

    day: NDArray[np.datetime64]
    probability: Floats


def disk_days(cases: Dataset, probability: Floats, *, memory: timedelta = DISK_MEMORY) -> DiskDays:
    """Put the regions at 00 UT together: 1 - prod(1 - p), for every day that has any.

    Of each region the newest forecast of the last six hours counts, as in the store; a `memory`
    of a day is for rows that lie a day apart.
    """
    given = np.flatnonzero(~np.isnan(probability))
    given = given[np.argsort(cases.t_rec[given], kind="stable")[::-1]]
    day = (cases.t_rec[given] + _DAY - _INSTANT).astype("datetime64[D]")
    near = day - cases.t_rec[given] < np.timedelta64(memory)
    given, day = given[near], day[near]
    keys = np.rec.fromarrays([day.astype(np.int64), cases.region_id[given]])
    newest = np.unique(keys, return_index=True)[1]
    given, day = given[newest], day[newest]
    days = np.unique(day)
    products = [full_disk(probability[given[day == one]]) for one in days]
    return DiskDays(days, np.array(products, float))


@dataclass(frozen=True)
class Agencies:
    """What agencies issued for the full disk, by name, and what then came if the source tells."""

    forecasts: dict[str, DiskDays]
    outcome: DiskDays | None = None

    @property
    def days(self) -> NDArray[np.datetime64]:
        """The days on which all of them issued a forecast, (n,)."""
        first, *others = (one.day for one in self.forecasts.values())
        for days in others:
            first = np.intersect1d(first, days)
        return first


def flared(days: NDArray[np.datetime64], flares: FlareHistory, event: str) -> Floats:
    """Tell for each UTC day whether a flare of the class peaked in it, wherever on the disk."""
    strong = reaches(flares.flux, event_named(event).peak_flux_w_m2)
    return np.isin(days, flares.peak_at[strong].astype("datetime64[D]")).astype(float)


def evidence_of_disk(
    event: str, regions: DiskDays, *, flares: FlareHistory, agencies: Agencies
) -> Evidence:
    """Compare disk forecasts with those of agencies on the days that all of them cover.

    A day between the first and the last of the `regions` that has none counts as one without
    active regions: their product is 0, and the recent flares speak alone.
    """
    days = agencies.days
    if regions.day.size:
        days = days[(days >= regions.day[0]) & (days <= regions.day[-1])]
    aggregate = disk_aggregates().get(event)
    if not days.size or aggregate is None:
        why = "the agencies issued no forecast on any of these days"
        raise InvalidInputError(why if aggregate else f"{event} has too few days to be fitted on")
    counts = activity_of(flares).counts(days.astype("datetime64[us]"))
    product, activity = _on(regions, days), disk_activity(event, counts)
    together = mean_in_log_odds(product, activity)
    calibrated = np.where(np.isnan(product), activity, together)
    history = {
        f"climatology-{span}d": _trailing_rate(days, flares, event, span) for span in (120, 365)
    }
    others = {name: _on(one, days) for name, one in agencies.forecasts.items()}
    observed = agencies.outcome
    return Evidence(
        part="test",
        event=event,
        region_id=np.zeros(len(days), np.int64),
        t_rec=days.astype("datetime64[us]"),
        outcome=flared(days, flares, event) if observed is None else _on(observed, days),
        raw=np.nan_to_num(product),
        calibrated=calibrated,
        entrants={"product of regions": np.nan_to_num(product), "recent flares": activity}
        | others
        | history
        | {"persistence": flared(days - _DAY, flares, event)},
        threshold=aggregate.threshold,
        n_unknown=0,
    )


def read_agencies(folder: Path, event: str, names: Sequence[str] = ()) -> Agencies:
    """Read what agencies issued at the begin of each day, for the day.

    The folder holds the forecasts of SWPC and the Met Office or those of 17 systems; of these
    the ones `names` tells, else those that left out no day.
    Sources: Murray et al. 2017, doi 10.1002/2016SW001579; percent, blank-separated.
    Leka et al. 2019, doi 10.3847/1538-4365/ab2e12; a system without a forecast has -1 or NaN.
    """
    if (folder / _SYSTEMS.format("M1")).is_file():
        agencies = _read_systems(folder, event, names)
    elif event in _FORECAST_BY_CENTRES:
        found = {name: _read_agency(folder / file, event) for name, file in _CENTRES.items()}
        agencies = Agencies(found)
    else:
        raise InvalidInputError(f"the agencies forecast M1.0 and X1.0, not {event}")
    if unknown := sorted(set(names) - set(agencies.forecasts)):
        raise InvalidInputError(
            f"no forecasts of {', '.join(unknown)}; there are {', '.join(agencies.forecasts)}"
        )
    chosen = {name: agencies.forecasts[name] for name in names or agencies.forecasts}
    return Agencies(chosen, agencies.outcome)


def _read_systems(folder: Path, event: str, names: Sequence[str]) -> Agencies:
    if event not in _FORECAST_BY_SYSTEMS:
        raise InvalidInputError(f"these systems forecast M1.0 and C1.0, not {event}")
    file = _SYSTEMS.format(_FORECAST_BY_SYSTEMS[event])
    table = read_table(existing(folder, file))
    day = pd.to_datetime(table[_VALID]).to_numpy("datetime64[D]")
    columns = {name: numbers(table, name, file=file) for name in table.columns if name != _VALID}
    found = {
        name: DiskDays(day[column >= 0], column[column >= 0])
        for name, column in columns.items()
        if (column >= 0).any()
    }
    (outcome,) = (found.pop(name) for name in list(found) if name.startswith(_OBSERVED))
    complete = {name: one for name, one in found.items() if len(one.day) == len(day)}
    return Agencies(found if names else complete, outcome)


def _read_agency(path: Path, event: str) -> DiskDays:
    if not path.is_file():
        raise InvalidInputError(
            f"no {path.name} in {path.parent.name}; name the folder with --data"
        )
    issued: dict[np.datetime64, float] = {}
    for line in path.read_text("utf-8").splitlines():
        year, month, day, hour, _, *percent = line.split()
        if percent and int(hour) < _LATEST_ISSUE_HOUR:
            column = len(percent) // 2 if event == "X1.0" else 0
            issued.setdefault(np.datetime64(f"{year}-{month}-{day}"), float(percent[column]) / 100)
    days = np.array(sorted(issued), "datetime64[D]")
    return DiskDays(days, np.array([issued[day] for day in days]))


def _on(disk_days: DiskDays, days: NDArray[np.datetime64]) -> Floats:
    """Return the probability on each of the days, NaN where there is none."""
    probability = np.full(len(days), np.nan)
    _, at, of = np.intersect1d(days, disk_days.day, return_indices=True)
    probability[at] = disk_days.probability[of]
    return probability


def _trailing_rate(
    days: NDArray[np.datetime64], flares: FlareHistory, event: str, span: int
) -> Floats:
    before = days[:, None] - np.arange(1, span + 1) * _DAY
    rate: Floats = flared(before.ravel(), flares, event).reshape(before.shape).mean(axis=1)
    return rate
