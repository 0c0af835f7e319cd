"""The full disk: one forecast a day from those of all regions, beside what agencies issued."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from model_training import thresholds
from model_training.datasets.dataset import Dataset
from model_training.evidence import Evidence
from model_training.features import FlareHistory, Floats
from solar.errors import InvalidInputError
from solar.flares import event as event_named
from solar.probability import full_disk
from solar.truth import reaches

_DAY = np.timedelta64(1, "D")
_HALF_DAY = np.timedelta64(12, "h")
# T_REC is a TAI label, so that the record of 00 UT stands half a minute before it.
_NEAR_MIDNIGHT = np.timedelta64(30, "m")
# The forecasts of both centres that came out after this hour are updates of the day before.
_LATEST_ISSUE_HOUR = 3
# Further out the log-odds of one day would outweigh all others.
_LEAST = 1e-4
_CENTRES = {"SWPC": "SWPC_fcast.txt", "Met Office": "IFF_fcast.txt"}
_FORECAST_BY_AGENCIES = ("M1.0", "X1.0")


@dataclass(frozen=True)
class DiskDays:
    """(n,) UTC days in rising order and the probability of an event on the disk in each."""

    day: NDArray[np.datetime64]
    probability: Floats


@dataclass(frozen=True)
class DiskModel:
    """The calibrated aggregate: a regression on the regions together and on recent activity.

    Its inputs are the log-odds of 1 - prod(1 - p) and log(1 + flares a day) of the 27 days before,
    `weights` (2,).
    """

    event: str
    weights: Floats
    intercept: float
    threshold: float

    def forecast(self, days: DiskDays, flares: FlareHistory) -> Floats:
        """Return the chance of an event on the disk in each day, (n,)."""
        score = _inputs(days, flares, self.event) @ self.weights + self.intercept
        chance: Floats = 1 / (1 + np.exp(-score))
        return chance


def disk_days(cases: Dataset, probability: Floats) -> DiskDays:
    """Put the regions with a record near 00 UT together: 1 - prod(1 - p), for every such day.

    Of each region the record nearest to 00 UT counts; one without a forecast adds nothing.
    """
    day = (cases.t_rec + _HALF_DAY).astype("datetime64[D]")
    away = np.abs(cases.t_rec - day)
    nearest_first = np.argsort(away, kind="stable")
    near = nearest_first[away[nearest_first] <= _NEAR_MIDNIGHT]
    keys = np.rec.fromarrays([day[near].astype(np.int64), cases.region_id[near]])
    chosen = near[np.unique(keys, return_index=True)[1]]
    days = np.unique(day[chosen])
    found = [full_disk(np.nan_to_num(probability[chosen[day[chosen] == one]])) for one in days]
    return DiskDays(days, np.array(found, float))


def flared(days: NDArray[np.datetime64], flares: FlareHistory, event: str) -> Floats:
    """Tell for each UTC day whether a flare of the class peaked in it, wherever on the disk."""
    strong = reaches(flares.flux, event_named(event).peak_flux_w_m2)
    return np.isin(days, flares.peak_at[strong].astype("datetime64[D]")).astype(float)


def fit_disk(days: DiskDays, flares: FlareHistory, event: str) -> DiskModel:
    """Fit the aggregate to what happened on days before any that is judged."""
    outcome = flared(days.day, flares, event)
    inputs = _inputs(days, flares, event)
    model = LogisticRegression(C=1.0, max_iter=1000).fit(inputs, outcome)
    blank = DiskModel(event, model.coef_[0], float(model.intercept_[0]), 0.5)
    threshold = thresholds.choose(blank.forecast(days, flares), outcome, score="tss")
    return replace(blank, threshold=threshold)


def evidence_of_disk(
    model: DiskModel,
    days: DiskDays,
    flares: FlareHistory,
    *,
    agencies: Mapping[str, DiskDays],
) -> Evidence:
    """Compare disk forecasts with those of agencies on the days that all of them cover."""
    common = days.day
    for found in agencies.values():
        common = np.intersect1d(common, found.day)
    if not common.size:
        raise InvalidInputError("the agencies issued no forecast on any of these days")
    own, event = DiskDays(common, _on(days, common)), model.event
    history = {
        f"climatology-{span}d": _trailing_rate(common, flares, event, span) for span in (120, 365)
    }
    rivals = {name: _on(found, common) for name, found in agencies.items()}
    return Evidence(
        part="test",
        event=event,
        region_id=np.zeros(len(common), np.int64),
        t_rec=common.astype("datetime64[us]"),
        outcome=flared(common, flares, event),
        raw=own.probability,
        calibrated=model.forecast(own, flares),
        entrants={"product of regions": own.probability} | rivals | history | {
            "persistence": flared(common - _DAY, flares, event)
        },
        threshold=model.threshold,
        n_unknown=0,
    )  # fmt: skip


def read_agencies(folder: Path, event: str) -> dict[str, DiskDays]:
    """Read the first forecast of each day that SWPC and the Met Office issued, for the day.

    Source: Murray et al. 2017, doi 10.1002/2016SW001579; percent, blank-separated.
    """
    if event not in _FORECAST_BY_AGENCIES:
        raise InvalidInputError(f"the agencies forecast M1.0 and X1.0, not {event}")
    return {name: _read_agency(folder / file, event) for name, file in _CENTRES.items()}


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


def _inputs(days: DiskDays, flares: FlareHistory, event: str) -> Floats:
    clipped = np.clip(days.probability, _LEAST, 1 - _LEAST)
    strong = np.sort(flares.peak_at[reaches(flares.flux, event_named(event).peak_flux_w_m2)])
    before = np.searchsorted(strong, days.day) - np.searchsorted(strong, days.day - 27 * _DAY)
    return np.column_stack([np.log(clipped / (1 - clipped)), np.log1p(before / 27)])


def _on(found: DiskDays, days: NDArray[np.datetime64]) -> Floats:
    return found.probability[np.searchsorted(found.day, days)]


def _trailing_rate(
    days: NDArray[np.datetime64], flares: FlareHistory, event: str, span: int
) -> Floats:
    before = days[:, None] - np.arange(1, span + 1) * _DAY
    rate: Floats = flared(before.ravel(), flares, event).reshape(before.shape).mean(axis=1)
    return rate
