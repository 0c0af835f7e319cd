"""The life of one simulated active region: its path over the disk, its keywords, its flares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data_sender.sources.simulation.region_statistics import NAMES, RegionStatistics, expand
from solar.columns import Floats
from solar.flares import goes_class
from solar.sharp import BY_NAME, CADENCE_SECONDS

SLOTS_PER_DAY = 86_400 // CADENCE_SECONDS
SLOTS_PER_HOUR = 3600 // CADENCE_SECONDS
# HMI follows patches almost to the limb.
LIMB_DEG = 85.0

# Snodgrass & Ulrich 1990 (doi 10.1086/168467): sidereal rotation [deg/day] at latitude b is
# A + B sin(b)^2 + C sin(b)^4; seen from the moving Earth it is 360/365.25 less.
_ROTATION = (14.713, -2.396, -1.787)
_EARTH_DEG_PER_DAY = 360.0 / 365.25

# The size of a region (first principal component, in standard deviations) as it grows by
# _GROWTH within days and then fades; the offset centres the population on the real one.
_GROWTH = 2.0
_FADING_PER_DAY = 0.07
_AMPLITUDE_DEVIATION = 0.9
_SIZE_OFFSET = 0.55
# Real regions have a longer tail to the small side than to the large one.
_LARGEST = 1.6
# The other components: a part that a region is born with, and one that wanders.
_WANDERING_SHARE = 0.35
_WANDERING_HOURS = 48.0
_WIDEST = 2.6
_NOISE = 0.01
_SWING = 0.02
_MISSING_SHARE = 0.002

# Flares of C1.0 and above per day are exp(a + b complexity); each is F or larger with
# probability 1e-6 / F, i.e. dN/dF ~ F^-2 (Hudson 1991, doi 10.1007/BF00149894: 1.8). Chosen so
# that about 30 % of the region-days have a C1.0+, 5 % an M1.0+ and 0.5 % an X1.0+ flare.
_RATE_OFFSET = -1.25
_RATE_SLOPE = 1.6
_LARGEST_W_M2 = 2e-3
_COMPLEX = tuple(NAMES.index(name) for name in ("TOTUSJH", "TOTPOT", "R_VALUE"))


@dataclass(frozen=True)
class SimulatedFlare:
    """One flare: its times [s after the first TAI slot's epoch] and its GOES class."""

    start_seconds: float
    peak_seconds: float
    end_seconds: float
    goes_class: str


@dataclass(frozen=True)
class RegionLife:
    """The visible life of one region.

    `slots` (n,) are 12-min T_REC slots since the epoch, in order and without gap; `lon_deg`
    and `lat_deg` (n,) are Stonyhurst; `keywords` (n, 18) as in `NAMES`, a few of them NaN.
    """

    harpnum: int
    noaa_ar: int
    slots: NDArray[np.int64]
    lon_deg: Floats
    lat_deg: Floats
    keywords: Floats
    flares: tuple[SimulatedFlare, ...]


def rotation_deg_per_day(lat_deg: float) -> float:
    """Return the synodic rotation rate at a latitude [deg/day], as a region's longitude moves."""
    sine = np.sin(np.radians(lat_deg)) ** 2
    a, b, c = _ROTATION
    return float(a + b * sine + c * sine**2 - _EARTH_DEG_PER_DAY)


def draw_life(
    first_slot: int,
    *,
    harpnum: int,
    noaa_ar: int,
    statistics: RegionStatistics,
    rng: np.random.Generator,
) -> RegionLife:
    """Draw one life that begins to be seen in a slot, at the east limb or on the disk."""
    lat = float(np.clip(rng.normal(16.0, 6.0), 3.0, 35.0) * rng.choice((-1.0, 1.0)))
    is_emerging = rng.random() < 0.55
    lon = float(rng.uniform(-LIMB_DEG, 50.0)) if is_emerging else -LIMB_DEG
    rate = rotation_deg_per_day(lat)
    until_limb = (LIMB_DEG - lon) / rate
    days = min(until_limb, float(rng.lognormal(np.log(9.0), 0.5))) if is_emerging else until_limb
    slots = np.arange(max(SLOTS_PER_HOUR, int(days * SLOTS_PER_DAY)))
    age_days = slots / SLOTS_PER_DAY + (0.0 if is_emerging else float(rng.uniform(2.0, 12.0)))
    latent = _latent(slots, age_days, statistics, rng)
    keywords = _keywords(latent, statistics, rng)
    times = (first_slot + slots).astype(np.int64)
    return RegionLife(
        harpnum,
        noaa_ar,
        times,
        np.round(lon + rate * slots / SLOTS_PER_DAY, 3),
        np.round(lat + 0.3 * np.sin(slots / SLOTS_PER_DAY), 3),
        keywords,
        _flares(times, latent, rng),
    )


def complexity(latent: Floats) -> Floats:
    """Return the mean (n,) of current helicity, free energy and PIL flux in deviations."""
    return np.asarray(latent[:, _COMPLEX].mean(axis=1), np.float64)


def _latent(
    slots: NDArray[np.int64],
    age_days: Floats,
    statistics: RegionStatistics,
    rng: np.random.Generator,
) -> Floats:
    """Draw the keywords' course (n, 18) in standard deviations around the population mean."""
    values, vectors = statistics.components()
    factors = _wander(len(slots), len(values), rng)
    size = 0.3 * factors[:, 0] + _size(age_days, rng)
    factors[:, 0] = np.where(size > 0, _LARGEST * np.tanh(size / _LARGEST), size)
    factors = np.clip(factors, -_WIDEST, _WIDEST)
    latent = (factors * np.sqrt(values)) @ vectors.T
    # SDO's orbit leaves 12 h and 24 h waves in the field (arXiv 1606.03710).
    phase = 2.0 * np.pi * slots / SLOTS_PER_DAY
    swing = _SWING * (np.sin(phase) + 0.6 * np.sin(2.0 * phase))
    noise = rng.normal(0.0, _NOISE, latent.shape)
    return np.asarray(latent + swing[:, None] + noise, np.float64)


def _size(age_days: Floats, rng: np.random.Generator) -> Floats:
    growth_days = float(rng.uniform(1.0, 4.0))
    grown = np.minimum(age_days / growth_days, 1.0)
    rise = _GROWTH * (np.sin(0.5 * np.pi * grown) - 1.0)
    fading = _FADING_PER_DAY * np.maximum(age_days - growth_days, 0.0)
    return _SIZE_OFFSET + float(rng.normal(0.0, _AMPLITUDE_DEVIATION)) + rise - fading


def _wander(slots: int, factors: int, rng: np.random.Generator) -> Floats:
    """Draw standard normal factors (slots, factors) that keep much of their first value.

    The wandering part is an Ornstein-Uhlenbeck process at full hours, straight in between.
    """
    hours = slots // SLOTS_PER_HOUR + 2
    keep = np.exp(-1.0 / _WANDERING_HOURS)
    steps = rng.normal(0.0, np.sqrt(1.0 - keep**2), (hours, factors))
    steps[0] = rng.normal(size=factors)
    for hour in range(1, hours):
        steps[hour] += keep * steps[hour - 1]
    position = np.arange(slots) / SLOTS_PER_HOUR
    before = position.astype(np.int64)
    weight = (position - before)[:, None]
    moving = (1.0 - weight) * steps[before] + weight * steps[before + 1]
    inborn = rng.normal(size=factors)
    wander = np.sqrt(1.0 - _WANDERING_SHARE) * inborn + np.sqrt(_WANDERING_SHARE) * moving
    return np.asarray(wander, np.float64)


def _keywords(latent: Floats, statistics: RegionStatistics, rng: np.random.Generator) -> Floats:
    """Turn deviations (n, 18) into keywords within their guard ranges, a few missing."""
    values = expand(statistics.mean + latent * statistics.deviation)
    low = np.array([BY_NAME[name].low for name in NAMES])
    high = np.array([BY_NAME[name].high for name in NAMES])
    values = _six_digits(np.clip(values, low, high))
    r_value = values[:, NAMES.index("R_VALUE")]
    r_value[r_value < statistics.r_value_floor] = 0.0
    values[rng.random(values.shape) < _MISSING_SHARE] = np.nan
    return values


def _six_digits(values: Floats) -> Floats:
    magnitude = np.floor(np.log10(np.maximum(np.abs(values), 1e-12)))
    scale = 10.0 ** (5.0 - magnitude)
    return np.asarray(np.round(values * scale) / scale, np.float64)


def _flares(
    slots: NDArray[np.int64], latent: Floats, rng: np.random.Generator
) -> tuple[SimulatedFlare, ...]:
    per_day = np.exp(_RATE_OFFSET + _RATE_SLOPE * complexity(latent))
    counts = rng.poisson(per_day / SLOTS_PER_DAY)
    return tuple(_flare(float(slot) * CADENCE_SECONDS, rng) for slot in np.repeat(slots, counts))


def _flare(slot_seconds: float, rng: np.random.Generator) -> SimulatedFlare:
    peak = np.floor((slot_seconds + rng.uniform(0.0, CADENCE_SECONDS)) / 60.0) * 60.0
    rise_minutes = np.ceil(rng.lognormal(np.log(8.0), 0.5))
    fall_minutes = np.ceil(rng.lognormal(np.log(10.0), 0.6))
    flux = min(1e-6 / max(1.0 - rng.random(), 1e-9), _LARGEST_W_M2)
    return SimulatedFlare(
        peak - 60.0 * rise_minutes, peak, peak + 60.0 * fall_minutes, goes_class(flux)
    )
