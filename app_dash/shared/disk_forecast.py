"""The full-disk forecast: the regions combined in three ways, now and hour by hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app_dash.shared.region_status import RegionStatus, full_disk, largest
from database.predictions.forecasts import Forecasts
from database.regions.current import DataState
from solar.flares import EVENTS, Event
from solar.probability import calibrated_disk
from solar.time import to_datetime64

FEW_DAYS = "fewer than 5 event days to fit on"
NOT_KNOWN = "not known: the model brings no full-disk map"
NO_ACTIVITY = "the flare list covers fewer than 3 of the last 27 days"
NO_FORECAST = "no region has a forecast"


@dataclass(frozen=True)
class DiskForecast:
    """Three aggregates, each None if unknown, and the reason why there is no calibrated one."""

    product: float | None
    largest: float | None
    calibrated: float | None
    why_uncalibrated: str | None

    @property
    def best(self) -> float | None:
        """The calibrated probability, else 1-∏(1-p)."""
        return self.product if self.calibrated is None else self.calibrated

    @property
    def basis(self) -> str:
        """How `best` is computed, in words."""
        return "1−∏(1−p)" if self.calibrated is None else "calibrated"


def disk_forecast(event: Event, statuses: Sequence[RegionStatus], state: DataState) -> DiskForecast:
    """Combine the current forecasts of the regions."""
    values = [status.probability(event) for status in statuses]
    product = full_disk(values)
    maps = None if state.model is None else state.model.manifest.get("disk")
    fitted = (maps or {}).get(event.name)
    rate = state.activity.get(event.name)
    why = _why_uncalibrated(product, rate, fitted, is_known=maps is not None)
    calibrated = (
        None
        if product is None or rate is None or not fitted
        else float(calibrated_disk(product, rate, fitted["weights"], fitted["intercept"]))
    )
    return DiskForecast(product, largest(values), calibrated, why)


def _why_uncalibrated(
    product: float | None, rate: float | None, fitted: Any, *, is_known: bool
) -> str | None:
    if product is None:
        return NO_FORECAST
    if not fitted:
        return FEW_DAYS if is_known else NOT_KNOWN
    return NO_ACTIVITY if rate is None else None


HOUR = np.timedelta64(1, "h")
# An older forecast does not count in an hour, as on the cards.
LIFE_HOURS = 3


@dataclass(frozen=True)
class HourlySeries:
    """Times (n,) ending now, and per region the probabilities (n, 4), NaN without a current one."""

    times: NDArray[np.datetime64]
    regions: dict[int, NDArray[np.float64]]

    @property
    def full_disk(self) -> NDArray[np.float64]:
        """1-∏(1-p) over the regions (n, 4), NaN in hours without a forecast."""
        if not self.regions:
            return np.full((len(self.times), len(EVENTS)), np.nan)
        stack = np.stack(list(self.regions.values()))
        combined: NDArray[np.float64] = 1 - np.prod(1 - np.nan_to_num(stack), axis=0)
        combined[np.isnan(stack).all(axis=0)] = np.nan
        return combined


def hourly_series(columns: Forecasts, at: datetime, *, hours: int) -> HourlySeries:
    """Resample forecasts to whole hours back from `at`; a value lasts up to three hours."""
    end = to_datetime64(at)
    times = end - np.arange(hours, -1, -1) * HOUR
    regions = {}
    for region_id in np.unique(columns.region_id):
        rows = columns.region_id == region_id
        regions[int(region_id)] = _resampled(columns.t_rec[rows], columns.probability[rows], times)
    return HourlySeries(times, regions)


def _resampled(
    t_rec: NDArray[np.datetime64], values: NDArray[np.float64], times: NDArray[np.datetime64]
) -> NDArray[np.float64]:
    latest = np.searchsorted(t_rec, times, side="right") - 1
    resampled = values[np.maximum(latest, 0)].copy()
    age = times - t_rec[np.maximum(latest, 0)]
    resampled[(latest < 0) | (age > LIFE_HOURS * HOUR)] = np.nan
    return resampled
