"""The X-ray flux of the simulated Sun: a background of all regions, and the flares on it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from data_sender.sources.simulation.region_life import LIMB_DEG, RegionLife, SimulatedFlare
from data_sender.sources.simulation.region_statistics import NAMES
from solar.columns import Floats
from solar.sharp import CADENCE_SECONDS

SATELLITE = "SIM-1"
MINUTES_PER_DAY = 1440
_DAY_SECONDS = 86_400.0
# The Sun without regions, and a region of median unsigned flux; with eight it is about B3.
_QUIET_W_M2, _REGION_W_M2 = 1e-7, 2.5e-8
_BY_FLUX = 0.6
# A region rises into view and sets within so many degrees of the limb.
_SETTING_DEG = 15.0
# At its start a flare has e^-4 of its rise, and at its end half of it: the end that SWPC defines.
_RISE_FOLDS = 4.0
_NOISE = 0.0015
_MISSING_SHARE = 0.001
# A geostationary satellite at 75 deg W is in the shadow of the Earth for up to 72 min around
# 05 UT, within 23 days of the equinoxes.
_EQUINOX_DAYS, _SEASON_DAYS = (80, 266), 23
_LONGEST_ECLIPSE_MINUTES, _MIDDLE_MINUTE = 72.0, 300.0


def flux_of_day(day: int, lives: Iterable[RegionLife], *, day_of_year: int, seed: int) -> Floats:
    """Return the flux (1440,) of the minutes of a day since the epoch [W m-2].

    NaN where the satellite did not measure it.
    """
    rng = np.random.default_rng((seed, 3, day))
    seconds = np.asarray(day * _DAY_SECONDS + 60.0 * np.arange(MINUTES_PER_DAY), np.float64)
    shown = list(lives)
    background = np.full(MINUTES_PER_DAY, _QUIET_W_M2)
    for life in shown:
        background += _emission(life, seconds)
    excess = np.zeros(MINUTES_PER_DAY)
    for life in shown:
        for flare in life.flares:
            if abs(flare.peak_seconds - seconds[0]) < 2 * _DAY_SECONDS:
                np.maximum(excess, _excess(flare, seconds, background), out=excess)
    flux = (background + excess) * np.exp(rng.normal(0.0, _NOISE, MINUTES_PER_DAY))
    is_missing = rng.random(MINUTES_PER_DAY) < _MISSING_SHARE
    eclipse = np.abs(np.arange(MINUTES_PER_DAY) - _MIDDLE_MINUTE) < _eclipse(day_of_year) / 2
    return np.where(is_missing | eclipse, np.nan, flux)


def _emission(life: RegionLife, seconds: Floats) -> Floats:
    """Return what a region adds to the background (1440,): it grows with the flux of its field."""
    at = life.slots * float(CADENCE_SECONDS)
    if at[-1] < seconds[0] or at[0] > seconds[-1]:
        return np.zeros(len(seconds))
    in_view = np.clip((LIMB_DEG - np.abs(life.lon_deg)) / _SETTING_DEG, 0.0, 1.0)
    size = life.deviates[:, NAMES.index("USFLUX")]
    emission = _REGION_W_M2 * np.exp(_BY_FLUX * size) * in_view
    return np.interp(seconds, at, emission, left=0.0, right=0.0)


def _excess(flare: SimulatedFlare, seconds: Floats, background: Floats) -> Floats:
    """Return the flux of a flare above the background (1440,), so that its peak has its class."""
    at_peak = float(np.interp(flare.peak_seconds, seconds, background))
    since = seconds - flare.peak_seconds
    rise = (flare.peak_seconds - flare.start_seconds) / _RISE_FOLDS
    fall = (flare.end_seconds - flare.peak_seconds) / np.log(2.0)
    # A whole rise before its start nothing is left of it.
    shape = np.exp(np.maximum(np.where(since < 0, since / rise, -since / fall), -50.0))
    return max(flare.flux_w_m2 - at_peak, 0.0) * shape


def _eclipse(day_of_year: int) -> float:
    """Return how long the satellite is in the shadow on a day [min]."""
    off = min(abs(day_of_year - equinox) for equinox in _EQUINOX_DAYS) / _SEASON_DAYS
    return _LONGEST_ECLIPSE_MINUTES * float(np.sqrt(max(1.0 - off**2, 0.0)))
