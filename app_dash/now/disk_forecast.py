"""The full-disk forecast of an event: the regions put together in three ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app_dash.now.standing import Standing, full_disk, largest
from database.regions.current import DataState
from solar.flares import Event
from solar.probability import calibrated_disk

FEW_DAYS = "fewer than 5 event days to fit on"
NOT_KNOWN = "not known: the model brings no full-disk map"
NO_ACTIVITY = "the flare list covers fewer than 3 of the last 27 days"
NO_FORECAST = "no region has a forecast"


@dataclass(frozen=True)
class DiskForecast:
    """Three aggregates, None where there is none; `without` says why there is no calibrated one."""

    product: float | None
    largest: float | None
    calibrated: float | None
    without: str | None

    @property
    def best(self) -> float | None:
        """The calibrated probability, where there is none 1-∏(1-p)."""
        return self.product if self.calibrated is None else self.calibrated

    @property
    def basis(self) -> str:
        """How `best` was made, in words."""
        return "1−∏(1−p)" if self.calibrated is None else "calibrated"


def disk_forecast(event: Event, found: Sequence[Standing], state: DataState) -> DiskForecast:
    """Combine the forecasts that count now."""
    values = [standing.probability(event) for standing in found]
    product = full_disk(values)
    maps = None if state.model is None else state.model.manifest.get("disk")
    fitted = (maps or {}).get(event.name)
    rate = state.activity.get(event.name)
    without = _without(product, rate, fitted, is_known=maps is not None)
    calibrated = (
        None
        if product is None or rate is None or not fitted
        else float(calibrated_disk(product, rate, fitted["weights"], fitted["intercept"]))
    )
    return DiskForecast(product, largest(values), calibrated, without)


def _without(
    product: float | None, rate: float | None, fitted: Any, *, is_known: bool
) -> str | None:
    if product is None:
        return NO_FORECAST
    if not fitted:
        return FEW_DAYS if is_known else NOT_KNOWN
    return NO_ACTIVITY if rate is None else None
