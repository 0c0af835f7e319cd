"""Where each region stands now: its forecast against the frozen threshold, or why it has none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np

from app_dash.numbers import duration, moment, region_name
from database.flares.flares import Flare
from database.regions.current import DataState, ForecastRow, RegionRow
from solar.flares import EVENTS, Event
from solar.rotation import rotated, synodic_rate
from solar.sharp import LONGITUDE_LIMIT_DEG

# A forecast older than this says little of the coming 24 h and is no longer counted.
FORECAST_LIFE = timedelta(hours=3)
LIMB_DEG = 90.0
# What went round the limb a day ago may still flare into view.
LIMB_LIFE_DAYS = 1.0
WATCH_SHARE = 0.5
MOST_NAMES = 4
MAIN = EVENTS[1]


class Alert(StrEnum):
    """How a probability stands to the threshold frozen with the model."""

    NONE = "none"
    WATCH = "watch"
    ALERT = "alert"


@dataclass(frozen=True)
class Standing:
    """A region, its forecast if one counts, and the reason in words if none does.

    `lon_now` is its last known Stonyhurst longitude rotated to the data's now [deg].
    """

    region: RegionRow
    forecast: ForecastRow | None
    reason: str | None
    alert: Alert
    lon_now: float | None = None

    @property
    def name(self) -> str:
        """The region as forecasters call it."""
        return region_name(self.region.region_id, self.region.noaa_ars)

    @property
    def is_near_limb(self) -> bool:
        """Whether it stands beyond the limit of longitude, on the disk or round the limb."""
        return self.lon_now is not None and abs(self.lon_now) > LONGITUDE_LIMIT_DEG

    @property
    def is_behind_limb(self) -> bool:
        """Whether it has gone round the limb."""
        return self.lon_now is not None and abs(self.lon_now) > LIMB_DEG

    @property
    def is_beyond_sight(self) -> bool:
        """Whether it went round the limb so long ago that it no longer counts."""
        if self.lon_now is None or not self.is_behind_limb:
            return False
        rate = float(synodic_rate(self.region.lat_fwt or 0.0))
        return self.lon_now > LIMB_DEG + rate * LIMB_LIFE_DAYS

    def probability(self, event: Event) -> float | None:
        """Return the probability of an event, None without a forecast."""
        return None if self.forecast is None else self.forecast.probabilities[EVENTS.index(event)]


def alert_state(probability: float | None, threshold: float | None) -> Alert:
    """Compare with the threshold: alert from it on, watch from half of it on."""
    if probability is None or threshold is None:
        return Alert.NONE
    if probability >= threshold:
        return Alert.ALERT
    return Alert.WATCH if probability >= WATCH_SHARE * threshold else Alert.NONE


def threshold_of(state: DataState, event: Event) -> float | None:
    """Return the live model's frozen threshold, None where it has none."""
    return None if state.model is None else state.model.thresholds.get(event.name)


def standings(state: DataState) -> list[Standing]:
    """Order the regions by the risk of M1.0+, those without a forecast last."""
    if state.newest_t_rec is None:
        return []
    at, threshold = state.newest_t_rec, threshold_of(state, MAIN)
    found = [_standing(r, state.latest.get(r.region_id), at, threshold) for r in state.regions]
    return sorted(found, key=_risk, reverse=True)


def _risk(standing: Standing) -> tuple[float, float]:
    main, common = standing.probability(MAIN), standing.probability(EVENTS[0])
    return (-1.0 if main is None else main, -1.0 if common is None else common)


def _standing(
    region: RegionRow, forecast: ForecastRow | None, at: datetime, threshold: float | None
) -> Standing:
    lon_now = _longitude(region, at)
    reason = _why_not(region, forecast, at, lon_now)
    if reason is not None or forecast is None:
        return Standing(region, None, reason, Alert.NONE, lon_now)
    alert = alert_state(forecast.probabilities[EVENTS.index(MAIN)], threshold)
    return Standing(region, forecast, None, alert, lon_now)


def _longitude(region: RegionRow, at: datetime) -> float | None:
    if region.lon_fwt is None:
        return None
    return rotated(region.lon_fwt, region.lat_fwt or 0.0, at - region.last_t_rec)


def _why_not(
    region: RegionRow, forecast: ForecastRow | None, at: datetime, lon_now: float | None
) -> str | None:
    if at - region.last_t_rec > FORECAST_LIFE:
        silent = duration(at - region.last_t_rec)
        text = f"last SHARP record {moment(region.last_t_rec)}, {silent} ago"
        return f"at or past the west limb, {text}" if lon_now and lon_now > 85 else text
    if forecast is None or at - forecast.t_rec > FORECAST_LIFE:
        return "no forecast issued for its newest record"
    if forecast.probabilities[EVENTS.index(MAIN)] is None:
        return forecast.reason or "no reason given"
    return None


def full_disk(probabilities: Iterable[float | None]) -> float | None:
    """Combine the regions' probabilities as if they were independent: 1-∏(1-p)."""
    known = [p for p in probabilities if p is not None]
    return float(1 - np.prod([1 - p for p in known])) if known else None


def largest(probabilities: Iterable[float | None]) -> float | None:
    """Return the largest probability of any region, None without a forecast."""
    return max((p for p in probabilities if p is not None), default=None)


def reasons(found: Sequence[Standing]) -> list[str]:
    """List why all clear cannot be said: regions over threshold, too near the limb or unseen."""
    over = [s.name for s in found if s.alert is Alert.ALERT]
    limb = [s.name for s in found if s.is_near_limb and not s.is_behind_limb]
    behind = [s.name for s in found if s.is_behind_limb and not s.is_beyond_sight]
    unseen = [s.name for s in found if s.forecast is None and not s.is_near_limb]
    said = (
        (over, "over the M1.0+ threshold"),
        (limb, f"beyond the {LONGITUDE_LIMIT_DEG:.0f}° limit"),
        (behind, "round the limb, less than a day out of sight"),
        (unseen, "without a forecast"),
    )
    return [f"{named(names)} {what}" for names, what in said if names]


def unseen_flares(flares: Iterable[Flare], found: Sequence[Standing]) -> list[Flare]:
    """Return the largest flare of each numbered region that is not among the standings."""
    numbers = {number for standing in found for number in standing.region.noaa_ars}
    largest_of: dict[int, Flare] = {}
    for flare in sorted(flares, key=lambda flare: flare.peak_flux_w_m2):
        if flare.noaa_ar and flare.noaa_ar not in numbers:
            largest_of[flare.noaa_ar] = flare
    return list(largest_of.values())


def named(names: Sequence[str]) -> str:
    """Write the numbers of some regions, of many only the first."""
    shown = ", ".join(names[:MOST_NAMES])
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"{shown}{more}" if shown.startswith("HARP") else f"AR {shown}{more}"
