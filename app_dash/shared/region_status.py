"""The status of a region: its current forecast against the threshold, or why it has none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np

from app_dash.shared.numbers import duration, moment, position, region_name
from database.flares.flares import Flare
from database.regions.current import DataState, ForecastRow, RegionRow
from solar.flares import EVENTS, Event
from solar.rotation import rotated, synodic_rate
from solar.sharp import LONGITUDE_LIMIT_DEG

# An older forecast says little about the coming 24 h and no longer counts.
FORECAST_LIFE = timedelta(hours=3)
LIMB_DEG = 90.0
# Flares of a region that went behind the limb a day ago can still be seen.
LIMB_LIFE_DAYS = 1.0
WATCH_SHARE = 0.5
MOST_NAMES = 4
MAIN_EVENT = EVENTS[1]
# Where a region is by now.
ON_DISK, BEHIND_LIMB, GONE = "on the disk", "behind the limb", "gone"


class AlertLevel(StrEnum):
    """A probability compared with the threshold frozen with the model."""

    NONE = "none"
    WATCH = "watch"
    ALERT = "alert"


@dataclass(frozen=True)
class RegionStatus:
    """A region with its current forecast, or with the reason why it has none.

    `lon_now` is its last known Stonyhurst longitude rotated to the time of the newest record [deg].
    """

    region: RegionRow
    forecast: ForecastRow | None
    reason: str | None
    alert: AlertLevel
    lon_now: float | None = None

    @property
    def name(self) -> str:
        """The region as forecasters call it."""
        return region_name(self.region.region_id, self.region.noaa_ars)

    @property
    def is_near_limb(self) -> bool:
        """Whether it lies beyond the longitude limit, on the disk or behind the limb."""
        return self.lon_now is not None and abs(self.lon_now) > LONGITUDE_LIMIT_DEG

    @property
    def is_behind_limb(self) -> bool:
        """Whether it has rotated behind the limb."""
        return self.lon_now is not None and abs(self.lon_now) > LIMB_DEG

    @property
    def is_long_behind_limb(self) -> bool:
        """Whether it went behind the west limb so long ago that it no longer counts."""
        if self.lon_now is None or not self.is_behind_limb:
            return False
        rate = float(synodic_rate(self.region.lat_fwt or 0.0))
        return self.lon_now > LIMB_DEG + rate * LIMB_LIFE_DAYS

    @property
    def where(self) -> str:
        """Whether it is on the disk, as one without a known place is, or has left it."""
        if not self.is_behind_limb:
            return ON_DISK
        return GONE if self.is_long_behind_limb else BEHIND_LIMB

    @property
    def place(self) -> str:
        """Where it is by now, as ``N10W33``; empty without a known place."""
        lat = self.region.lat_fwt
        return "" if self.lon_now is None or lat is None else position(lat, self.lon_now)

    def probability(self, event: Event) -> float | None:
        """Return the probability of an event, None without a forecast."""
        return None if self.forecast is None else self.forecast.probabilities[EVENTS.index(event)]


@dataclass(frozen=True)
class RegionCounts:
    """How many regions a store shows, counted in one way for all pages.

    `with_forecast` of those `on_disk` have a current forecast. Those `behind_limb` went there less
    than a day ago, those `gone` earlier.
    """

    with_forecast: int
    on_disk: int
    behind_limb: int
    gone: int

    @property
    def ratio(self) -> str:
        """The regions on the disk in the fewest words."""
        return f"{self.with_forecast} of {self.on_disk}"

    def __str__(self) -> str:
        """Say all counts; of none behind the limb or gone nothing is said."""
        left = ((self.behind_limb, BEHIND_LIMB), (self.gone, GONE))
        more = [f"{number} {where}" for number, where in left if number]
        return ", ".join([f"{self.ratio} {ON_DISK} with a forecast", *more])


def count_regions(statuses: Iterable[RegionStatus]) -> RegionCounts:
    """Count regions by where they are and whether they have a forecast."""
    every = list(statuses)
    number = Counter(status.where for status in every)
    forecast = sum(s.where == ON_DISK and s.forecast is not None for s in every)
    return RegionCounts(forecast, number[ON_DISK], number[BEHIND_LIMB], number[GONE])


def alert_level(probability: float | None, threshold: float | None) -> AlertLevel:
    """Compare with the threshold: alert at or above it, watch at or above half of it."""
    if probability is None or threshold is None:
        return AlertLevel.NONE
    if probability >= threshold:
        return AlertLevel.ALERT
    return AlertLevel.WATCH if probability >= WATCH_SHARE * threshold else AlertLevel.NONE


def threshold_of(state: DataState, event: Event) -> float | None:
    """Return the live model's frozen threshold, None if it has none."""
    return None if state.model is None else state.model.thresholds.get(event.name)


def region_statuses(state: DataState) -> list[RegionStatus]:
    """Return the status of each region, by falling risk of M1.0+, those without a forecast last."""
    if state.newest_t_rec is None:
        return []
    at, threshold = state.newest_t_rec, threshold_of(state, MAIN_EVENT)
    statuses = [_status(r, state.latest.get(r.region_id), at, threshold) for r in state.regions]
    return sorted(statuses, key=_risk, reverse=True)


def _risk(status: RegionStatus) -> tuple[float, float]:
    main, common = status.probability(MAIN_EVENT), status.probability(EVENTS[0])
    return (-1.0 if main is None else main, -1.0 if common is None else common)


def _status(
    region: RegionRow, forecast: ForecastRow | None, at: datetime, threshold: float | None
) -> RegionStatus:
    lon_now = _longitude(region, at)
    reason = _why_no_forecast(region, forecast, at, lon_now)
    if reason is not None or forecast is None:
        return RegionStatus(region, None, reason, AlertLevel.NONE, lon_now)
    alert = alert_level(forecast.probabilities[EVENTS.index(MAIN_EVENT)], threshold)
    return RegionStatus(region, forecast, None, alert, lon_now)


def _longitude(region: RegionRow, at: datetime) -> float | None:
    if region.lon_fwt is None:
        return None
    return rotated(region.lon_fwt, region.lat_fwt or 0.0, at - region.last_t_rec)


def _why_no_forecast(
    region: RegionRow, forecast: ForecastRow | None, at: datetime, lon_now: float | None
) -> str | None:
    if at - region.last_t_rec > FORECAST_LIFE:
        silent = duration(at - region.last_t_rec)
        text = f"last SHARP record {moment(region.last_t_rec)}, {silent} ago"
        return f"at or past the west limb, {text}" if lon_now and lon_now > 85 else text
    if forecast is None or at - forecast.t_rec > FORECAST_LIFE:
        return "no forecast issued for its newest record"
    if forecast.probabilities[EVENTS.index(MAIN_EVENT)] is None:
        return forecast.reason or "no reason given"
    return None


def full_disk(probabilities: Iterable[float | None]) -> float | None:
    """Combine the regions' probabilities as if they were independent: 1-∏(1-p).

    None without a forecast.
    """
    known = [p for p in probabilities if p is not None]
    return float(1 - np.prod([1 - p for p in known])) if known else None


def largest(probabilities: Iterable[float | None]) -> float | None:
    """Return the largest probability of a region, None without a forecast."""
    return max((p for p in probabilities if p is not None), default=None)


def flares_without_records(
    flares: Iterable[Flare], statuses: Sequence[RegionStatus]
) -> list[Flare]:
    """Return the largest flare of each numbered region that has no status."""
    numbers = {number for status in statuses for number in status.region.noaa_ars}
    largest_of: dict[int, Flare] = {}
    for flare in sorted(flares, key=lambda flare: flare.peak_flux_w_m2):
        if flare.noaa_ar and flare.noaa_ar not in numbers:
            largest_of[flare.noaa_ar] = flare
    return list(largest_of.values())


def listed_names(names: Sequence[str]) -> str:
    """Write the names of regions; of many only the first."""
    shown = ", ".join(names[:MOST_NAMES])
    return f"{shown} and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else shown
