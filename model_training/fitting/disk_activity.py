"""The fit of the activity regressions: flares anywhere on the disk, by those of the days before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from model_training.data.files import existing, numbers, read_table, require, times
from model_training.data.flares import read_flares, truth_of
from model_training.features import FlareHistory, Floats
from model_training.fitting import decisions
from solar.flares import TARGETS, Event
from solar.full_disk import COUNTED, REACH_DAYS, DiskActivity, DiskAggregate
from solar.truth import EVENT
from solar.windows import DAY

REGION_DAYS = "training/mcintosh_ar_days.csv.gz"
FLARES = "flares/goes_flares.parquet"
# With fewer days of either outcome the weights cannot be estimated.
MIN_DAYS = 5
# Beyond them the fit depends on the machine.
DECIMALS = 4
# The share of days over which the score of a threshold is averaged.
_SPAN = 0.05

_FIRST, _LIST_BEGINS, _END = (np.datetime64(f"{year}-01-01") for year in (1999, 2010, 2014))
_DAY, _REACH = np.timedelta64(1, "D"), np.timedelta64(REACH_DAYS, "D")
_HALF_HOUR = np.timedelta64(30, "m")
_ISSUED = "AR issue_date"
# Columns with the number of flares of at least a class in the 24 h after the issue.
_COUNTS = {"C1.0": "C+", "M1.0": "M+", "X1.0": "X+"}


@dataclass(frozen=True)
class Days:
    """Cases of one event: the `counts` (n, 7) before each day and its `outcome` (n,) 1 or 0."""

    counts: Floats
    outcome: Floats

    def and_also(self, other: Days) -> Days:
        """Put the cases of two stretches together."""
        counts = np.concatenate([self.counts, other.counts])
        return Days(counts, np.concatenate([self.outcome, other.outcome]))


def activity_of(flares: FlareHistory) -> DiskActivity:
    """Return the activity of the disk by a flare list, complete from its first to its last peak."""
    known_at = flares.peak_at if flares.known_at is None else flares.known_at
    return DiskActivity(flares.peak_at, known_at, flares.flux, truth_of(flares).covered)


def fit_activity(folder: Path) -> dict[str, DiskAggregate]:
    """Fit the regression of each event and window on the days of 1999 to 2013.

    Until 2009 days are counted from the region-days of McIntosh, which know whole days and the
    classes C, M and X; from 2010 on from the flare list.
    """
    by_day = _flares_by_day(folder)
    flares = read_flares(existing(folder, FLARES), known_from="end")
    fitted = {}
    for target in TARGETS:
        cases, words = days_of_list(flares, target), "2010 to 2013"
        if target.goes_class in by_day and target.window.validity >= DAY.validity:
            cases = days_of_regions(by_day, target).and_also(cases)
            words = "1999 to 2013"
        one = fit(cases, fitted_on=f"days of {words} at 00 UT")
        if one is not None:
            fitted[target.name] = one
    return fitted


def as_json(aggregates: Mapping[str, DiskAggregate]) -> str:
    """Write the fit as the file that `solar.full_disk` reads."""
    inputs = json.dumps([f"{name} in {days} d" for name, days in COUNTED])
    events = [f"{json.dumps(name)}: {json.dumps(asdict(one))}" for name, one in aggregates.items()]
    listed = ",\n  ".join(events)
    return f'{{\n "inputs": {inputs},\n "events": {{\n  {listed}\n }}\n}}\n'


def fit(cases: Days, *, fitted_on: str) -> DiskAggregate | None:
    """Fit one regression; None with too few days of either outcome."""
    n_events = int(cases.outcome.sum())
    if min(n_events, len(cases.outcome) - n_events) < MIN_DAYS:
        return None
    model = LogisticRegression(C=1.0, tol=1e-8, max_iter=1000)
    model.fit(np.log1p(cases.counts), cases.outcome)
    chance = model.predict_proba(np.log1p(cases.counts))[:, 1]
    return DiskAggregate(
        weights=tuple(round(float(weight), DECIMALS) for weight in model.coef_[0]),
        intercept=round(float(model.intercept_[0]), DECIMALS),
        threshold=decisions.choose_threshold(chance, cases.outcome, score="tss", span=_SPAN),
        n_days=len(cases.outcome),
        n_events=n_events,
        fitted_on=fitted_on,
    )


def days_of_list(flares: FlareHistory, event: Event) -> Days:
    """Return the days of 2010 to 2013 whose window and activity the list covers."""
    start = max(_LIST_BEGINS, flares.peak_at[0].astype("datetime64[D]") + _DAY)
    days: NDArray[np.datetime64] = np.arange(start + _REACH, _END).astype("datetime64[us]")
    # A window that ends after the last day would look at the days of the test.
    days = days[days + np.timedelta64(event.window.closes_after) <= _END]
    outcome = truth_of(flares).of_disk(event, days)
    return Days(activity_of(flares).counts(days), (outcome == EVENT).astype(float))


def days_of_regions(by_day: Mapping[str, Floats], event: Event) -> Days:
    """Return the days of 1999 to 2009 by the flares of each day; `by_day` begins so much earlier.

    Parameters
    ----------
    by_day : class -> (d,) flares of each UTC day, from `REACH_DAYS` before 1999 to the end of 2009
    """
    totals = {name: np.concatenate([[0.0], np.cumsum(one)]) for name, one in by_day.items()}
    first = int(event.window.latency / DAY.validity)
    last = int(event.window.closes_after / DAY.validity)
    day = np.arange(REACH_DAYS, len(by_day[event.goes_class]) - last + 1)
    counts = [totals[name][day] - totals[name][day - span] for name, span in COUNTED]
    total = totals[event.goes_class]
    outcome = total[day + last] > total[day + first]
    return Days(np.stack(counts, axis=-1), outcome.astype(float))


def _flares_by_day(folder: Path) -> dict[str, Floats]:
    """Sum the flares of all regions by day; a day without a region had none."""
    table = read_table(existing(folder, REGION_DAYS))
    require(table, (_ISSUED, *_COUNTS.values()), file=REGION_DAYS)
    issued = times(table, _ISSUED, file=REGION_DAYS, scale="UTC") - _HALF_HOUR
    place = ((issued - (_FIRST - _REACH)) // _DAY).astype(np.int64)
    n = int((_LIST_BEGINS - (_FIRST - _REACH)) / _DAY)
    kept = (place >= 0) & (place < n)
    columns = {name: numbers(table, column, file=REGION_DAYS) for name, column in _COUNTS.items()}
    return {
        name: np.asarray(np.bincount(place[kept], column[kept], n), float)
        for name, column in columns.items()
    }
