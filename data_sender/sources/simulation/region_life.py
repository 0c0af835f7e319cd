"""The life of one simulated active region: its path over the disk, its keywords, its flares.

The state of the region decides about both: keywords are what is seen of it, and flares follow its
rate. No forecast of any model is part of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data_sender.sources.simulation.region_statistics import NAMES, RegionStatistics
from solar.columns import Bools, Floats
from solar.flares import goes_class
from solar.sharp import BY_NAME, CADENCE_SECONDS

SLOTS_PER_DAY = 86_400 // CADENCE_SECONDS
SLOTS_PER_HOUR = 3600 // CADENCE_SECONDS
# HMI follows patches almost to the limb; flares are seen over it by so much.
LIMB_DEG = 85.0
FURTHEST_DEG = 105.0

# Snodgrass & Ulrich 1990 (doi 10.1086/168467): sidereal rotation [deg/day] at latitude b is
# A + B sin(b)^2 + C sin(b)^4; seen from the moving Earth it is 360/365.25 less.
_ROTATION = (14.713, -2.396, -1.787)
_EARTH_DEG_PER_DAY = 360.0 / 365.25

_EMERGING_SHARE = 0.55
# A region that is born on the disk grows by so many deviations of the first component, its size,
# and loses them again at its end.
_GROWTH = 2.0
_DECAY_DAYS = 2.0
_WIDEST = 3.2
_NOISE = 0.01
# Towards the limb the noise of the field grows with the 8th power of the sine of the longitude.
_LIMB_NOISE = 0.15
_SWING = 0.02
_MISSING_SHARE = 0.002


@dataclass(frozen=True)
class FlareLaw:
    """How often a region flares, and how strongly.

    Flares of B5.0 and above per day: exp(offset + slope a + scatter h), where a is the sum of the
    deviates with the weights of `RegionStatistics.flaring`, and h a standard normal factor of the
    region that no keyword shows: a part `inborn`, the rest wandering with `wandering_hours`.
    A flare has on average `aftershocks` others, with an e-folding time of `aftershock_hours`
    (self-exciting: Hawkes 1971, doi 10.1093/biomet/58.1.83). A flare is F or larger with
    probability (5e-7 / F)^exponent, and the exponent falls by `exponent_slope` with the logarithm
    of the rate (Hudson 1991, doi 10.1007/BF00149894: 0.8 on the whole Sun).
    """

    offset: float
    slope: float
    scatter: float
    inborn: float
    wandering_hours: float
    aftershocks: float
    aftershock_hours: float
    exponent: float
    exponent_slope: float


# Chosen so that climatology, persistence and the served models have the skill that they have on the
# real Sun; docs/simulation.md names the seeds.
FLARE_LAW = FlareLaw(
    offset=-1.52,
    slope=1.0,
    scatter=1.3,
    inborn=0.6,
    wandering_hours=33.0,
    aftershocks=0.2,
    aftershock_hours=8.0,
    exponent=1.62,
    exponent_slope=0.09,
)
LEAST_W_M2, LARGEST_W_M2 = 5e-7, 2e-3
_LEAST_EXPONENT, _MOST_EXPONENT = 0.6, 2.0
_MOST_PER_DAY = 60.0


@dataclass(frozen=True)
class SimulatedFlare:
    """One flare: its times [s after the first TAI slot's epoch] and its peak flux [W m-2].

    `is_located` tells whether it is on the disk, where its region is seen.
    """

    start_seconds: float
    peak_seconds: float
    end_seconds: float
    flux_w_m2: float
    is_located: bool

    @property
    def goes_class(self) -> str:
        """The class of the peak flux."""
        return goes_class(self.flux_w_m2)


@dataclass(frozen=True)
class RegionLife:
    """The visible life of one region.

    `slots` (n,) are 12-min T_REC slots since the epoch, in order and without gap; `lon_deg`
    and `lat_deg` (n,) are Stonyhurst; `deviates` and `keywords` (n, 18) as in `NAMES`, a few
    keywords NaN. `flares` come also from shortly before and after, when the region is behind the
    limb.
    """

    harpnum: int
    noaa_ar: int
    slots: NDArray[np.int64]
    lon_deg: Floats
    lat_deg: Floats
    deviates: Floats
    keywords: Floats
    flares: tuple[SimulatedFlare, ...]

    @property
    def last_slot(self) -> int:
        """The last slot in which something is seen of it."""
        ends = [int(flare.end_seconds) // CADENCE_SECONDS for flare in self.flares]
        return max([int(self.slots[-1]), *ends])


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
    law: FlareLaw = FLARE_LAW,
) -> RegionLife:
    """Draw one life that begins in a slot, behind the east limb or on the disk."""
    lat = float(np.clip(rng.normal(16.0, 6.0), 3.0, 35.0) * rng.choice((-1.0, 1.0)))
    is_emerging = rng.random() < _EMERGING_SHARE
    lon = float(rng.uniform(-LIMB_DEG, 50.0)) if is_emerging else -FURTHEST_DEG
    rate = rotation_deg_per_day(lat)
    days = until_limb = (FURTHEST_DEG - lon) / rate
    if is_emerging:
        days = min(until_limb, float(rng.lognormal(np.log(9.0), 0.5)))
    slots = np.arange(max(SLOTS_PER_HOUR, int(days * SLOTS_PER_DAY)))
    course = lon + rate * slots / SLOTS_PER_DAY
    state = _state(slots / SLOTS_PER_DAY, statistics, rng)
    if is_emerging:
        state[:] += _growth(slots, rng, decays=days < until_limb)[:, None] * _size(statistics)
    deviates = _observed(state, course, slots, statistics, rng)
    times = (first_slot + slots).astype(np.int64)
    flares = draw_flares(times, state @ statistics.flaring, np.abs(course) <= 90.0, law, rng)
    seen = np.abs(course) <= LIMB_DEG
    return RegionLife(
        harpnum,
        noaa_ar,
        times[seen],
        np.round(course[seen], 3),
        np.round(lat + 0.3 * np.sin(slots[seen] / SLOTS_PER_DAY), 3),
        deviates[seen],
        _keywords(deviates[seen], statistics, rng),
        flares,
    )


def _state(days: Floats, statistics: RegionStatistics, rng: np.random.Generator) -> Floats:
    """Draw the deviates (n, 18) as they are, not as they are seen."""
    values, vectors = statistics.components()
    hours = statistics.wandering_days * 24.0
    factors = _wander(len(days), statistics.inborn, hours, rng)
    return np.asarray((np.clip(factors, -_WIDEST, _WIDEST) * np.sqrt(values)) @ vectors.T)


def _size(statistics: RegionStatistics) -> Floats:
    """Return the deviates (18,) of a region one deviation larger than another."""
    values, vectors = statistics.components()
    return np.asarray(vectors[:, 0] * np.sqrt(values[0]))


def _growth(slots: NDArray[np.int64], rng: np.random.Generator, *, decays: bool) -> Floats:
    """Return how many deviations smaller than grown a region is, which emerges and may decay."""
    growth = float(rng.uniform(1.0, 4.0)) * SLOTS_PER_DAY
    missing = 1.0 - np.sin(0.5 * np.pi * np.minimum(slots / growth, 1.0))
    if decays:
        left = (slots[-1] - slots) / (_DECAY_DAYS * SLOTS_PER_DAY)
        missing = np.maximum(missing, 1.0 - np.sin(0.5 * np.pi * np.minimum(left, 1.0)))
    return -_GROWTH * missing


def _observed(
    state: Floats,
    lon_deg: Floats,
    slots: NDArray[np.int64],
    statistics: RegionStatistics,
    rng: np.random.Generator,
) -> Floats:
    """Return the deviates (n, 18) that are measured: projection, orbit and noise are in them."""
    sine = np.sin(np.radians(np.clip(lon_deg, -90.0, 90.0))) ** 2
    # SDO's orbit leaves 12 h and 24 h waves in the field (arXiv 1606.03710).
    phase = 2.0 * np.pi * slots / SLOTS_PER_DAY
    swing = _SWING * (np.sin(phase) + 0.6 * np.sin(2.0 * phase))
    noise = rng.normal(size=state.shape) * (_NOISE + _LIMB_NOISE * sine**4)[:, None]
    return np.asarray(state + np.outer(sine, statistics.limb) + swing[:, None] + noise, np.float64)


def _wander(
    slots: int, inborn: Floats, wandering_hours: Floats, rng: np.random.Generator
) -> Floats:
    """Draw standard normal factors (slots, k), of which a share `inborn` (k,) stays.

    The wandering part is an Ornstein-Uhlenbeck process at full hours, straight in between.
    """
    hours = slots // SLOTS_PER_HOUR + 2
    keep = np.exp(-1.0 / wandering_hours)
    steps = rng.normal(size=(hours, len(inborn))) * np.sqrt(1.0 - keep**2)
    steps[0] = rng.normal(size=len(inborn))
    for hour in range(1, hours):
        steps[hour] += keep * steps[hour - 1]
    position = np.arange(slots) / SLOTS_PER_HOUR
    before = position.astype(np.int64)
    weight = (position - before)[:, None]
    moving = (1.0 - weight) * steps[before] + weight * steps[before + 1]
    kept = rng.normal(size=len(inborn))
    return np.asarray(np.sqrt(inborn) * kept + np.sqrt(1.0 - inborn) * moving, np.float64)


def _keywords(deviates: Floats, statistics: RegionStatistics, rng: np.random.Generator) -> Floats:
    """Turn deviates (n, 18) into keywords within their guard ranges, a few missing."""
    low = np.array([BY_NAME[name].low for name in NAMES])
    high = np.array([BY_NAME[name].high for name in NAMES])
    values = six_digits(np.clip(statistics.keywords_of(deviates), low, high))
    values[rng.random(values.shape) < _MISSING_SHARE] = np.nan
    return values


def six_digits(values: Floats) -> Floats:
    """Round to six digits, as JSOC gives keywords."""
    magnitude = np.floor(np.log10(np.maximum(np.abs(values), 1e-12)))
    scale = 10.0 ** (5.0 - magnitude)
    return np.asarray(np.round(values * scale) / scale, np.float64)


def draw_flares(
    slots: NDArray[np.int64],
    activity: Floats,
    is_located: Bools,
    law: FlareLaw,
    rng: np.random.Generator,
) -> tuple[SimulatedFlare, ...]:
    """Draw the flares of a region from its activity (n,) in slots (n,), in order of their peak."""
    hidden = _wander(len(slots), np.array([law.inborn]), np.array([law.wandering_hours]), rng)
    strength = law.slope * activity + law.scatter * hidden[:, 0]
    per_day = np.minimum(np.exp(law.offset + strength), _MOST_PER_DAY)
    place = np.repeat(np.arange(len(slots)), rng.poisson(per_day / SLOTS_PER_DAY))
    place = _with_aftershocks(place, len(slots), law, rng)
    exponents = np.clip(
        law.exponent - law.exponent_slope * strength[place], _LEAST_EXPONENT, _MOST_EXPONENT
    )
    sizes = rng.random(len(place)) ** (-1.0 / exponents)
    fluxes = np.minimum(LEAST_W_M2 * sizes, LARGEST_W_M2)
    return tuple(
        _flare(float(slots[at]) * CADENCE_SECONDS, float(flux), bool(is_located[at]), rng)
        for at, flux in zip(place, fluxes, strict=True)
    )


def _with_aftershocks(
    place: NDArray[np.int64], slots: int, law: FlareLaw, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Add to flares (m,), by their slot, those that follow them, and those that follow these."""
    generations = [place]
    while len(place):
        parents = np.repeat(place, rng.poisson(law.aftershocks, len(place)))
        delay = rng.exponential(law.aftershock_hours * SLOTS_PER_HOUR, len(parents))
        place = parents + np.ceil(delay).astype(np.int64)
        place = place[place < slots]
        generations.append(place)
    return np.sort(np.concatenate(generations))


def _flare(
    slot_seconds: float, flux: float, is_located: bool, rng: np.random.Generator
) -> SimulatedFlare:
    peak = np.floor((slot_seconds + rng.uniform(0.0, CADENCE_SECONDS)) / 60.0) * 60.0
    # Larger flares last longer: Veronig et al. 2002 (doi 10.1051/0004-6361:20011694).
    longer = (flux / 1e-6) ** 0.2
    rise_minutes = np.ceil(longer * rng.lognormal(np.log(6.0), 0.5))
    fall_minutes = np.ceil(longer * rng.lognormal(np.log(8.0), 0.6))
    return SimulatedFlare(
        peak - 60.0 * rise_minutes, peak, peak + 60.0 * fall_minutes, flux, is_located
    )
