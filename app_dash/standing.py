"""Where each region stands now: its forecast against the frozen threshold, or why it has none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np

from app_dash.numbers import duration, moment, region_name
from database.overview import DataState, ForecastRow, RegionRow
from solar.flares import EVENTS, Event
from solar.sharp import LONGITUDE_LIMIT_DEG

# A forecast older than this says little of the coming 24 h and is no longer counted.
FORECAST_LIFE = timedelta(hours=3)
DEGREES_PER_DAY = 13.2
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
    """A region, its forecast if one counts, and the reason in words if none does."""

    region: RegionRow
    forecast: ForecastRow | None
    reason: str | None
    alert: Alert

    @property
    def name(self) -> str:
        """The region as forecasters call it."""
        return region_name(self.region.region_id, self.region.noaa_ars)

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
    if at - region.last_t_rec > FORECAST_LIFE:
        return Standing(region, None, _silence(region, at), Alert.NONE)
    if forecast is None or at - forecast.t_rec > FORECAST_LIFE:
        return Standing(region, None, "no forecast issued for its newest record", Alert.NONE)
    if forecast.probabilities[EVENTS.index(MAIN)] is None:
        return Standing(region, None, forecast.reason or "no reason given", Alert.NONE)
    alert = alert_state(forecast.probabilities[EVENTS.index(MAIN)], threshold)
    return Standing(region, forecast, None, alert)


def _silence(region: RegionRow, at: datetime) -> str:
    silent = at - region.last_t_rec
    text = f"last SHARP record {moment(region.last_t_rec)}, {duration(silent)} ago"
    longitude = region.lon_fwt
    if longitude is not None and longitude + DEGREES_PER_DAY * silent / timedelta(days=1) > 85:
        return f"at or past the west limb, {text}"
    return text


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
    blind = [s for s in found if s.forecast is None]
    limb = [s.name for s in blind if _is_near_limb(s.region)]
    unseen = [s.name for s in blind if not _is_near_limb(s.region)]
    said = (
        (over, "over the M1.0+ threshold"),
        (limb, f"beyond the {LONGITUDE_LIMIT_DEG:.0f}° limit"),
        (unseen, "without a forecast"),
    )
    return [f"{_named(names)} {what}" for names, what in said if names]


def _named(names: Sequence[str]) -> str:
    if len(names) <= MOST_NAMES:
        return f"AR {', '.join(names)}"
    return f"AR {', '.join(names[:MOST_NAMES])} and {len(names) - MOST_NAMES} more"


def _is_near_limb(region: RegionRow) -> bool:
    return region.lon_fwt is not None and abs(region.lon_fwt) > LONGITUDE_LIMIT_DEG
