"""The full-disk forecast: the regions and the recent flares together, now and hour by hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from app_dash.shared.region_status import RegionStatus, full_disk, largest
from database.predictions.forecasts import Forecasts
from database.regions.current import DataState
from solar.flares import EVENTS, Event
from solar.full_disk import (
    DiskActivity,
    DiskAggregate,
    disk_activity,
    disk_aggregates,
    disk_probability,
    mean_in_log_odds,
)
from solar.time import to_datetime64

FEW_DAYS = "too few days with such a flare to fit on"
NO_ACTIVITY = "the flare list does not cover the last 3 days"
NO_FORECAST = "no region has a forecast"


@dataclass(frozen=True)
class DiskForecast:
    """The full-disk probability and what it is made of, each None if unknown.

    `product` is 1-∏(1-p) of the regions, `activity` what recent flares say alone, `aggregate` both
    together; `why_not` is the reason why there is no aggregate.
    """

    product: float | None
    largest: float | None
    activity: float | None
    aggregate: float | None
    why_not: str | None

    @property
    def best(self) -> float | None:
        """The aggregate, else 1-∏(1-p)."""
        return self.product if self.aggregate is None else self.aggregate

    @property
    def basis(self) -> str:
        """How `best` is computed, in words."""
        return "1−∏(1−p)" if self.aggregate is None else "regions and recent flares"


def disk_forecast(event: Event, statuses: Sequence[RegionStatus], state: DataState) -> DiskForecast:
    """Combine the current forecasts of the regions with the recent flares."""
    values = [status.probability(event) for status in statuses]
    product, of_largest = full_disk(values), largest(values)
    fitted, counts = disk_aggregates().get(event.name), _counts(state)
    why_not = _why_not(product, fitted, counts)
    if fitted is None or counts is None:
        return DiskForecast(product, of_largest, None, None, why_not)
    activity = float(disk_activity(event.name, counts)[0])
    aggregate = None if product is None else float(mean_in_log_odds(product, activity))
    return DiskForecast(product, of_largest, activity, aggregate, why_not)


def _counts(state: DataState) -> NDArray[np.float64] | None:
    """Return what is counted of the flares before the newest record, None where it is unknown."""
    if state.activity is None or state.newest_t_rec is None:
        return None
    (counts,) = state.activity.counts(np.array([to_datetime64(state.newest_t_rec)]))
    return None if np.isnan(counts).any() else counts


def _why_not(
    product: float | None, fitted: DiskAggregate | None, counts: NDArray[np.float64] | None
) -> str | None:
    if product is None:
        return NO_FORECAST
    if fitted is None:
        return FEW_DAYS
    return NO_ACTIVITY if counts is None else None


HOUR = np.timedelta64(1, "h")
# An older forecast does not count in an hour, as on the cards.
LIFE_HOURS = 3


@dataclass(frozen=True)
class HourlySeries:
    """Times (n,) ending now, and per region the probabilities (n, 4), NaN without a current one.

    `activity` is what the full disk counts of the flares before these times.
    """

    times: NDArray[np.datetime64]
    regions: dict[int, NDArray[np.float64]]
    activity: DiskActivity | None = None

    @property
    def full_disk(self) -> NDArray[np.float64]:
        """The full-disk forecast by hour (n, 4), NaN in hours without a forecast."""
        if not self.regions:
            return np.full((len(self.times), len(EVENTS)), np.nan)
        stack = np.stack(list(self.regions.values()))
        combined: NDArray[np.float64] = 1 - np.prod(1 - np.nan_to_num(stack), axis=0)
        combined[np.isnan(stack).all(axis=0)] = np.nan
        if self.activity is None:
            return combined
        counts = self.activity.counts(self.times)
        events = zip(EVENTS, combined.T, strict=True)
        return np.column_stack([disk_probability(e.name, p, counts) for e, p in events])


def hourly_series(
    columns: Forecasts, at: datetime, *, hours: int, activity: DiskActivity | None = None
) -> HourlySeries:
    """Resample forecasts to whole hours back from `at`; a value lasts up to three hours."""
    end = to_datetime64(at)
    times = end - np.arange(hours, -1, -1) * HOUR
    regions = {}
    for region_id in np.unique(columns.region_id):
        rows = columns.region_id == region_id
        regions[int(region_id)] = _resampled(columns.t_rec[rows], columns.probability[rows], times)
    return HourlySeries(times, regions, activity)


def _resampled(
    t_rec: NDArray[np.datetime64], values: NDArray[np.float64], times: NDArray[np.datetime64]
) -> NDArray[np.float64]:
    latest = np.searchsorted(t_rec, times, side="right") - 1
    resampled = values[np.maximum(latest, 0)].copy()
    age = times - t_rec[np.maximum(latest, 0)]
    resampled[(latest < 0) | (age > LIFE_HOURS * HOUR)] = np.nan
    return resampled
