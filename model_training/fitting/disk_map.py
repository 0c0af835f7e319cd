"""The disk map: one forecast a day for the full disk, fitted on the regions put together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from model_training.artefact.manifest import DiskMap
from model_training.data.dataset import Dataset
from model_training.data.flares import truth_of
from model_training.features import HISTORY_REACH, FlareHistory, Floats, Integers
from model_training.fitting import decisions
from solar.flares import event as event_named
from solar.probability import calibrated_disk, disk_inputs, full_disk
from solar.truth import EVENT, UNKNOWN, reaches

# With fewer days of either outcome two weights cannot be estimated.
MIN_DAYS = 5

_HALF_DAY = np.timedelta64(12, "h")
# T_REC is a TAI label, so that the record of 00 UT is half a minute before it.
_NEAR_MIDNIGHT = np.timedelta64(30, "m")
_REACH = np.timedelta64(HISTORY_REACH)


@dataclass(frozen=True)
class DiskDays:
    """(n,) UTC days in rising order and the probability of an event on the disk in each."""

    day: NDArray[np.datetime64]
    probability: Floats


def disk_days(cases: Dataset, probability: Floats) -> DiskDays:
    """Put the regions with a record near 00 UT together: 1 - prod(1 - p), for every such day.

    Of each region the record nearest to 00 UT counts; one without a forecast adds nothing.
    """
    day = _day(cases)
    chosen = _at_midnight(cases)
    days = np.unique(day[chosen])
    forecasts = [full_disk(np.nan_to_num(probability[chosen[day[chosen] == one]])) for one in days]
    return DiskDays(days, np.array(forecasts, float))


def forecast(disk: DiskMap, event: str, days: DiskDays, *, flares: FlareHistory) -> Floats:
    """Return the calibrated chance of an event on the disk in each day, (n,)."""
    recent = flares_per_day(days.day, flares, event)
    return calibrated_disk(days.probability, recent, disk.weights, disk.intercept)


def flares_per_day(days: NDArray[np.datetime64], flares: FlareHistory, event: str) -> Floats:
    """Count the flares of the class in the 27 days before 00 UT of each day, per day, (n,)."""
    peak_at = flares.peak_at[reaches(flares.flux, event_named(event).peak_flux_w_m2)]
    count = np.searchsorted(peak_at, days) - np.searchsorted(peak_at, days - _REACH)
    rate: Floats = count / HISTORY_REACH.days
    return rate


def fit(cases: Dataset, probability: Floats, *, event: str, flares: FlareHistory) -> DiskMap | None:
    """Fit the map to the outcomes on the days of the cases; None with too few events.

    Parameters
    ----------
    cases : none that is judged, and none on which the model of its `probability` was fitted
    probability : (n,) calibrated
    flares : days for which they, or the 27 days before, are not known wholly are left out
    """
    days, outcome = _known(disk_days(cases, probability), flares, event)
    n_events = int(outcome.sum())
    if min(n_events, len(outcome) - n_events) < MIN_DAYS:
        return None
    recent = flares_per_day(days.day, flares, event)
    model = LogisticRegression(C=1.0, max_iter=1000)
    model.fit(disk_inputs(days.probability, recent), outcome)
    weights, intercept = (float(model.coef_[0, 0]), float(model.coef_[0, 1])), model.intercept_[0]
    chance = calibrated_disk(days.probability, recent, weights, intercept)
    return DiskMap(
        weights=weights,
        intercept=float(intercept),
        threshold=decisions.choose_threshold(chance, outcome, score="tss"),
        n_days=len(outcome),
        n_events=n_events,
        fitted_on=_words(cases, days.day),
    )


def _known(days: DiskDays, flares: FlareHistory, event: str) -> tuple[DiskDays, Floats]:
    """Keep the days whose outcome (n,) and earlier activity the flare list covers."""
    truth, at = truth_of(flares), days.day.astype("datetime64[us]")
    definition = event_named(event)
    happened = truth.of_disk(definition, at)
    reached = (days.day - _REACH).astype("datetime64[us]")
    kept = (happened != UNKNOWN) & truth.is_complete(definition.window, reached)
    return DiskDays(days.day[kept], days.probability[kept]), (happened[kept] == EVENT).astype(float)


def _words(cases: Dataset, days: NDArray[np.datetime64]) -> str:
    of_cases = _day(cases)[_at_midnight(cases)]
    regions = np.isin(of_cases, days).sum() / len(days)
    return (
        f"out-of-fold forecasts for {len(days)} days from {days[0]} to {days[-1]}, with"
        f" {regions:.1f} regions a day; a region that the data lack on a day adds nothing to it"
    )


def _day(cases: Dataset) -> NDArray[np.datetime64]:
    """Return the UTC day whose 00 UT lies nearest to each case, (n,)."""
    return (cases.t_rec + _HALF_DAY).astype("datetime64[D]")


def _at_midnight(cases: Dataset) -> Integers:
    """Find the case of each region and day that lies nearest to 00 UT, if one is near enough."""
    day = _day(cases)
    away = np.abs(cases.t_rec - day)
    nearest_first = np.argsort(away, kind="stable")
    near = nearest_first[away[nearest_first] <= _NEAR_MIDNIGHT]
    keys = np.rec.fromarrays([day[near].astype(np.int64), cases.region_id[near]])
    chosen: Integers = near[np.unique(keys, return_index=True)[1]]
    return chosen
