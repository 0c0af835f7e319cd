"""The full-disk probability hour by hour, from the forecasts of the single regions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from database.predictions.forecasts import Forecasts
from solar.flares import EVENTS
from solar.time import to_datetime64

HOUR = np.timedelta64(1, "h")
# A region silent for longer does not count in the hour, as on the cards.
LIFE_HOURS = 3


@dataclass(frozen=True)
class HourlySeries:
    """Times (n,) ending now, and per region the probabilities (n, 4), NaN where none counts."""

    times: NDArray[np.datetime64]
    regions: dict[int, NDArray[np.float64]]

    @property
    def full_disk(self) -> NDArray[np.float64]:
        """1-∏(1-p) over the regions, (n, 4), NaN in hours without any forecast."""
        if not self.regions:
            return np.full((len(self.times), len(EVENTS)), np.nan)
        stack = np.stack(list(self.regions.values()))
        combined: NDArray[np.float64] = 1 - np.prod(1 - np.nan_to_num(stack), axis=0)
        combined[np.isnan(stack).all(axis=0)] = np.nan
        return combined


def hourly_series(columns: Forecasts, at: datetime, *, hours: int) -> HourlySeries:
    """Place forecasts on full hours back from `at`; a value lasts up to three hours."""
    end = to_datetime64(at)
    times = end - np.arange(hours, -1, -1) * HOUR
    found = {}
    for region_id in np.unique(columns.region_id):
        mine = columns.region_id == region_id
        found[int(region_id)] = _placed(columns.t_rec[mine], columns.probability[mine], times)
    return HourlySeries(times, found)


def _placed(
    t_rec: NDArray[np.datetime64], values: NDArray[np.float64], times: NDArray[np.datetime64]
) -> NDArray[np.float64]:
    latest = np.searchsorted(t_rec, times, side="right") - 1
    placed = values[np.maximum(latest, 0)].copy()
    age = times - t_rec[np.maximum(latest, 0)]
    placed[(latest < 0) | (age > LIFE_HOURS * HOUR)] = np.nan
    return placed
